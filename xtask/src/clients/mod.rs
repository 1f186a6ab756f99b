//! `cargo xtask clients`: other people's tools take the OpenAPI documents. Linters find nothing, generators of clients do not
//! warn, and with generated clients, and by curl, the README's story is played against the built Workers.

mod generate;
mod lint;
mod play;
mod readme;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::group::Group;
use local::process::{command, probe};
use local::progress::line;
use local::workspace::{digest, root};

use crate::{npm, python};

/// How long a tool may take with one document; the slowest take some seconds.
const TOOL_LIMIT: Duration = Duration::from_secs(120);

/// A document that tools read.
struct Document {
    /// The end of the names of what is generated.
    name: &'static str,
    path: &'static str,
}

const DOCUMENTS: [Document; 2] = [
    Document { name: "admin", path: "admin-api/openapi.json" },
    Document { name: "partner", path: "docs/partner-webhooks.openapi.json" },
];

/// The linters and generators, at their pinned versions.
struct Tools {
    /// The folder of the npm packages' programs.
    npm: PathBuf,
    /// The folder of the Python packages' programs.
    python: PathBuf,
    /// Whether there is a Java, which openapi-generator needs.
    java: bool,
    /// Where the generated clients are written.
    clients: PathBuf,
}

/// Lints the documents, generates the clients, and plays the story with them.
///
/// # Errors
///
/// When a tool warns or fails, or a client does not get through the story, with what was printed.
pub fn run() -> Result<()> {
    let tools = Tools::ensure()?;
    for document in &DOCUMENTS {
        lint::run(&tools, document)?;
    }
    generate::run(&tools)?;
    play::run(&tools)
}

impl Tools {
    fn ensure() -> Result<Self> {
        let npm = npm::packages("clients", "tests/clients")?.join("node_modules/.bin");
        let python = python::environment("clients", "tests/clients/requirements.txt")?.join("bin");
        let java = probe(Command::new("java").arg("-version")).is_some();
        if !java {
            line("Skipped: openapi-generator, because there is no Java");
        }
        let clients = root().join("target/clients");
        fs::create_dir_all(&clients).with_context(|| format!("{} cannot be created", clients.display()))?;
        Ok(Self { npm, python, java, clients })
    }

    /// A program of the npm packages, run by the Node that the Workers' tools have.
    fn of_npm(&self, program: &str) -> Command {
        let mut node = command("node");
        node.arg(self.npm.join(program));
        // No tool asks for newer versions of itself, or tells anybody of its use.
        node.env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
            .env("NO_COLOR", "1");
        node
    }

    /// A program of the Python packages.
    fn of_python(&self, program: &str) -> Command {
        let mut command = command(self.python.join(program));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*").env("NO_COLOR", "1");
        // openapi-python-client calls ruff by its name.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.python.clone()).chain(std::env::split_paths(&path));
        command.envs(std::env::join_paths(folders).map(|path| ("PATH", path)));
        command
    }
}

/// Runs a tool, which must neither fail nor warn. Lines that contain a text of `by_nature` are no warnings of ours.
fn without_a_warning(tool: &mut Command, by_nature: &[&str]) -> Result<()> {
    let printed = succeeding(tool, "", TOOL_LIMIT)?;
    let is_warning = |line: &&str| {
        let marked = line.contains('⚠') || line.contains(" ERROR ") || line.to_lowercase().contains("warn");
        marked && !line.contains(" INFO ") && !by_nature.iter().any(|text| line.contains(text))
    };
    let warnings: Vec<&str> = printed.lines().filter(is_warning).collect();
    if !warnings.is_empty() {
        bail!("{} warns:\n{printed}", shown(tool));
    }
    Ok(())
}

/// Runs a command with this input to its end. Returns what it printed; fails where the command fails or takes longer.
fn succeeding(command: &mut Command, input: &str, limit: Duration) -> Result<String> {
    let output =
        Group::run(command, input, limit).with_context(|| format!("{} cannot be started", shown(command)))?;
    let output =
        output.with_context(|| format!("{} took longer than {} s", shown(command), limit.as_secs()))?;
    let printed =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if !output.status.success() {
        bail!("{} failed ({}):\n{printed}", shown(command), output.status);
    }
    Ok(printed)
}

/// The command as a person types it, without its long arguments.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().replace(&format!("{}/", root().display()), ""));
    words.filter(|word| word.len() < 200).collect::<Vec<_>>().join(" ")
}

/// The stamp of generated files: they are made anew where a document or a tool is another.
fn stamp(tools: &Tools) -> Result<String> {
    let of = [
        "tests/clients/package-lock.json",
        "tests/clients/requirements.txt",
        "xtask/src/clients/generate.rs",
    ];
    let files: Vec<PathBuf> =
        DOCUMENTS.iter().map(|document| document.path).chain(of).map(|path| root().join(path)).collect();
    Ok(format!("{} java {}", digest(&files)?, tools.java))
}

fn copy(from: &str, into: &Path) -> Result<()> {
    let from = root().join(from);
    let name = from.file_name().context("a file without a name")?;
    fs::copy(&from, into.join(name)).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}
