//! Conditions of a deployment, checked before anything changes.
use anyhow::{Context, Result, bail};
use local::process::{command, output};
use serde::Deserialize;
use toml::Value;

use super::Deployment;
use crate::environments::{WranglerFiles, is_placeholder};

impl Deployment {
    /// Requires that everything is committed, so that what is deployed is a commit.
    pub(super) fn require_clean_tree(&self) -> Result<()> {
        let changed = output(command("git").current_dir(&self.root).args(["status", "--porcelain"]))
            .context("git does not tell whether everything is committed")?;
        let files: Vec<&str> = changed.lines().filter_map(|line| line.get(3..)).collect();
        if let [first, rest @ ..] = files.as_slice() {
            let which = match rest.len() {
                0 => format!("{first} is"),
                more => format!("{first} and {more} more are"),
            };
            bail!("{which} not committed: commit with `git commit`, or put aside with `git stash`");
        }
        Ok(())
    }

    /// The commit that is checked out: its short name, and the first line of its message.
    pub(super) fn commit(&self) -> Result<(String, String)> {
        let log = output(command("git").current_dir(&self.root).args(["log", "-1", "--format=%h %s"]))
            .context("git does not tell which commit is checked out")?;
        let (name, subject) = log.trim().split_once(' ').unwrap_or((log.trim(), ""));
        Ok((name.to_owned(), subject.to_owned()))
    }

    /// Every value that still has to be filled in, with the command or the file that mends it.
    pub(super) fn placeholders(&self, files: &WranglerFiles) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for file in files.all() {
            let mut names = Vec::new();
            collect(&Value::Table(self.part(file)?.clone()), "", &mut names);
            let shown = file.shown(&self.root);
            for name in names {
                let mend = if name.starts_with("vars.") {
                    format!("write it into [env.{}.vars] there", self.environment)
                } else {
                    format!("run {}", self.own("provision"))
                };
                found.push(format!("{name} of {} is not filled in in {shown}: {mend}", self.environment));
            }
        }
        Ok(found)
    }

    /// Requires that the Workers' addresses in the files are those of `environments.toml`, that the databases, namespaces and
    /// Queues are in the jurisdiction that the file names, and that the account has the subdomain.
    pub(super) fn require_places(&self, files: &WranglerFiles, account: &str) -> Result<()> {
        let places = self.places()?;
        for (worker, file) in &files.workers {
            let text = std::fs::read_to_string(&file.path)?;
            if !places.agree(&text, self.environment, worker)? {
                bail!(
                    "the addresses of {} in {} are not those of environments.toml: run `cargo xtask addresses --env {} --write`, and commit",
                    self.environment,
                    file.shown(&self.root),
                    self.environment
                );
            }
        }
        self.require_subdomain(account, &places)?;
        self.require_in_place(files, account, &places)
    }

    /// Requires that each issuer answers and names itself: with a wrong issuer every sign-in would fail.
    pub(super) fn require_issuers(&self, files: &WranglerFiles) -> Result<()> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
        }
        for (worker, file) in self.workers(files) {
            for (name, value) in self.part(file)?.get("vars").and_then(Value::as_table).into_iter().flatten()
            {
                let (true, Some(issuer)) = (name.ends_with("_ISSUER"), value.as_str()) else { continue };
                let answer = (self.get)(&format!("{issuer}.well-known/openid-configuration"));
                let document: Option<Document> = answer
                    .ok()
                    .filter(|(status, _)| *status == 200)
                    .and_then(|(_, body)| serde_json::from_str(&body).ok());
                if document.is_none_or(|document| document.issuer != issuer) {
                    bail!(
                        "{name} of {worker} names no OpenID provider that answers: correct it in {}",
                        file.shown(&self.root)
                    );
                }
            }
        }
        Ok(())
    }
}

fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| collect(value, &below(key), found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        Value::String(text) if is_placeholder(text) => found.push(path.to_owned()),
        _ => {}
    }
}
