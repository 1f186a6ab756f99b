//! `cargo xtask provision`, `secrets` and `deploy`: one environment, through wrangler, one command each.
//!
//! Every command may be run again after a failure: it looks at what is there first and does the rest.

mod changes;
mod checks;
mod deploy;
mod dry_run;
mod ids;
mod migrations;
mod provision;
mod secrets;
mod versions;
mod wrangler;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use self::dry_run::dry_run;
use crate::environments::{WranglerFile, WranglerFiles, is_placeholder, text};
use crate::workspace;

/// The order in which Workers are deployed: who takes messages first, then who sends them, then who calls that one.
const ORDER: [&str; 3] = ["webhook-delivery", "admin-api", "partner-portal"];
/// How long a deployed Worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks a URL; gives status and body.
pub type Get = Box<dyn Fn(&str) -> Result<(u16, String)>>;

/// One environment of one project, and what the process knows of it.
pub struct Deployment {
    root: PathBuf,
    environment: &'static str,
    variables: BTreeMap<String, String>,
    get: Get,
    patience: Duration,
}

impl Deployment {
    /// This repository's, with the variables of this process.
    #[must_use]
    pub fn of_this_process(environment: &'static str) -> Self {
        Self {
            root: workspace::root().to_owned(),
            environment,
            variables: std::env::vars().collect(),
            get: Box::new(crate::http::get_public),
            patience: PATIENCE,
        }
    }

    /// Any project's, with variables, an internet and a patience of its own: for tests.
    #[must_use]
    pub fn of(
        root: PathBuf,
        environment: &'static str,
        variables: BTreeMap<String, String>,
        get: Get,
        patience: Duration,
    ) -> Self {
        Self { root, environment, variables, get, patience }
    }

    fn files(&self) -> Result<WranglerFiles> {
        WranglerFiles::read(&self.root)
    }

    fn part<'a>(&self, file: &'a WranglerFile) -> Result<&'a toml::Table> {
        file.part(Some(self.environment)).with_context(|| {
            format!("{} has no [env.{}]: run `cargo xtask tidy`", file.shown(&self.root), self.environment)
        })
    }

    /// The Workers with their files, in the order of deployment.
    fn workers<'a>(&self, files: &'a WranglerFiles) -> Vec<(&'a str, &'a WranglerFile)> {
        let mut workers: Vec<_> = files.workers.iter().map(|(name, file)| (&**name, file)).collect();
        workers.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
        workers
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// A command of ours as a person would type it.
    fn own(&self, command: &str) -> String {
        format!("`cargo xtask {command} --env {}`", self.environment)
    }

    /// That the account is written down, and the one that the process means.
    fn require_account(&self, files: &WranglerFiles) -> Result<()> {
        self.account(files)?;
        if is_placeholder(text(self.part(&files.shared)?, "account_id").unwrap_or("<")) {
            bail!("the account of {} is not known yet: run {}", self.environment, self.own("provision"));
        }
        Ok(())
    }

    /// The account, once it is known that the files and the process mean the same one.
    fn account(&self, files: &WranglerFiles) -> Result<Option<String>> {
        let Self { environment, .. } = self;
        if self.variable("CLOUDFLARE_API_TOKEN").is_none() {
            bail!(
                "CLOUDFLARE_API_TOKEN is not set: create a token for the account of {environment} in Cloudflare's dashboard and set it"
            );
        }
        let written = text(self.part(&files.shared)?, "account_id").unwrap_or_default();
        let given = self.variable("CLOUDFLARE_ACCOUNT_ID");
        match given {
            Some(given) if !is_placeholder(written) && given != written => bail!(
                "CLOUDFLARE_ACCOUNT_ID is not the account that wrangler.toml names for {environment}: unset it, or say the right --env"
            ),
            _ if !is_placeholder(written) => Ok(Some(written.to_owned())),
            Some(given) => {
                let other =
                    files.shared.table.get("env").and_then(toml::Value::as_table).into_iter().flatten();
                let other = other
                    .filter(|(name, _)| *name != environment)
                    .find(|(_, part)| part.get("account_id").and_then(toml::Value::as_str) == Some(given));
                if let Some((name, _)) = other {
                    bail!(
                        "CLOUDFLARE_ACCOUNT_ID is the account of {name}: each environment has one of its own"
                    );
                }
                Ok(Some(given.to_owned()))
            }
            None => Ok(None),
        }
    }
}
