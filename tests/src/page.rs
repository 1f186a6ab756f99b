//! The pages of `docs/`, as an operator reads them: scenarios play the commands that the pages name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use local::workspace::root;

/// A page of `docs/`.
pub struct Page {
    name: &'static str,
    text: String,
}

/// A block of shell commands from a page, with what it needs to run against a local stack.
pub struct Script {
    text: String,
    variables: Vec<(&'static str, String)>,
    programs: PathBuf,
}

/// What a script wrote to its standard output and its standard error.
#[derive(Debug)]
pub struct Printed {
    /// The standard output.
    pub output: String,
    /// The standard error.
    pub errors: String,
}

impl Page {
    /// Reads `docs/NAME`.
    #[must_use]
    pub fn read(name: &'static str) -> Self {
        Self { name, text: fs::read_to_string(root().join("docs").join(name)).unwrap() }
    }

    /// The text from the first place of `title`, which is a heading or a paragraph's bold beginning.
    fn from(&self, title: &str) -> &str {
        let start = self.text.find(title);
        &self.text[start.unwrap_or_else(|| panic!("docs/{} has no {title:?}", self.name))..]
    }

    /// The first block of shell commands after a title.
    #[must_use]
    pub fn block(&self, title: &str) -> String {
        let (_, rest) = self.from(title).split_once("```sh\n").expect("a block of shell commands");
        rest.split_once("```").expect("the end of the block").0.to_owned()
    }

    /// The commands of the first block after a title: one a line, without comments.
    #[must_use]
    pub fn commands(&self, title: &str) -> Vec<String> {
        let block = self.block(title);
        let lines = block.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The commands of ours that a section's text names, in the order of the text, without `cargo xtask`.
    #[must_use]
    pub fn own_commands(&self, heading: &str) -> Vec<String> {
        let section = self.from(heading).split("\n## ").next().unwrap_or_default();
        let quoted = section.split('`').skip(1).step_by(2);
        quoted.filter_map(|text| text.strip_prefix("cargo xtask ")).map(str::to_owned).collect()
    }

    /// The requests that a paragraph names, as `POST /path`, in the paragraph's order, each once. `…` is the path of a
    /// webhook.
    #[must_use]
    pub fn requests(&self, title: &str) -> Vec<String> {
        let paragraph = self.from(title).split("\n\n").next().unwrap_or_default();
        let quoted = paragraph.split('`').skip(1).step_by(2);
        let mut requests = Vec::new();
        for text in quoted {
            let is_request =
                ["GET ", "POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|method| text.starts_with(method));
            let request = text.replace('…', "/tenants/{orgId}/webhooks/{id}");
            if is_request && !requests.contains(&request) {
                requests.push(request);
            }
        }
        requests
    }
}

impl Script {
    /// A script of this text, which finds no programs but the machine's and those that it is [given](Self::program).
    /// `name` is the scenario's own.
    #[must_use]
    pub fn new(name: &str, text: String) -> Self {
        let programs = root().join("target/tests").join(name);
        let _ = fs::remove_dir_all(&programs);
        fs::create_dir_all(&programs).unwrap();
        Self { text, variables: Vec::new(), programs }
    }

    /// Puts a local text, such as the local stack's address, in place of a deployed environment's, which the script must name.
    #[must_use]
    pub fn at(mut self, deployed: &str, local: &str) -> Self {
        assert!(self.text.contains(deployed), "{deployed} is not in:\n{}", self.text);
        self.text = self.text.replace(deployed, local);
        self
    }

    /// Sets a variable of the script's environment.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Gives the script a program that stands in for a vendor's.
    #[must_use]
    pub fn program(self, name: &str, text: &str) -> Self {
        let path = self.programs.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Runs the script in Bash, as somebody who pastes it, and expects it to succeed.
    #[must_use]
    pub fn run(&self) -> Printed {
        let path = format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        let ended = bash.arg("-uc").arg(&self.text).env("PATH", path).envs(self.variables.iter().cloned());
        let ended = ended.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let printed = Printed { output: text(&ended.stdout), errors: text(&ended.stderr) };
        assert!(ended.status.success(), "{printed:?}");
        printed
    }
}
