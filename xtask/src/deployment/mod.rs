//! `cargo xtask provision`, `secrets` and `deploy`: one environment, through wrangler, one command each.
//!
//! Every command may be run again after a failure: it looks at what is there first and does the rest.

mod account;
mod api;
mod changes;
mod checks;
mod databases;
mod deploy;
mod dry_run;
mod export;
mod gradual;
mod ids;
mod migrations;
mod moving;
mod places;
mod plan;
mod provision;
mod secrets;
pub(crate) mod shards;
mod tenant;
mod token;
mod versions;
mod wrangler;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::workspace::root;
use ureq::Agent;

pub use self::dry_run::dry_run;
pub use self::places::Places;
use crate::environments::{WranglerFile, WranglerFiles, is_placeholder, text};

/// The order in which Workers are deployed: the consumer of the Queues, then who puts messages there, then who calls that
/// Worker.
const ORDER: [&str; 3] = ["webhook-delivery", "admin-api", "partner-portal"];
/// The time within which a deployed Worker or an OpenID provider must answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The time within which the new version of a deployed Worker must answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same time for a Worker's first version: a new name takes minutes to resolve everywhere.
const FIRST_PATIENCE: Duration = Duration::from_secs(600);
/// The time for which a new version gets a tenth of the requests in a gradual deployment.
const WATCHING: Duration = Duration::from_secs(300);
/// The time between the first two attempts to ask Cloudflare's API something, where the API is unwell.
const PAUSE: Duration = Duration::from_secs(2);

/// Sends a `GET` to a URL, and returns status and body.
pub type Get = Box<dyn Fn(&str) -> Result<(u16, String)>>;

/// One environment of one project, with the variables of this process and a way to the internet.
pub struct Deployment {
    root: PathBuf,
    environment: &'static str,
    variables: BTreeMap<String, String>,
    get: Get,
    patience: Duration,
    first_patience: Duration,
    /// The time for which a new version gets a tenth of the requests in a gradual deployment.
    watching: Duration,
    /// The time between two attempts to ask Cloudflare's API something, where the API is unwell.
    pause: Duration,
}

impl Deployment {
    /// An environment of this repository, with the variables of this process.
    #[must_use]
    pub fn of_this_process(environment: &'static str) -> Self {
        Self {
            root: root().to_owned(),
            environment,
            variables: std::env::vars().collect(),
            get: Box::new(get_public),
            patience: PATIENCE,
            first_patience: FIRST_PATIENCE,
            watching: WATCHING,
            pause: PAUSE,
        }
    }

    /// An environment of any project, with any variables, internet and patience (three times as much for new addresses): for tests.
    #[must_use]
    pub fn of(
        root: PathBuf,
        environment: &'static str,
        variables: BTreeMap<String, String>,
        get: Get,
        patience: Duration,
    ) -> Self {
        let pause = patience / 100;
        Self {
            root,
            environment,
            variables,
            get,
            patience,
            first_patience: patience * 3,
            watching: patience,
            pause,
        }
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

    /// The account that the wrangler files name, which must be the one of this process's environment.
    fn require_account(&self, files: &WranglerFiles) -> Result<String> {
        self.account(files)?;
        match text(self.part(&files.shared)?, "account_id") {
            Some(account) if !is_placeholder(account) => Ok(account.to_owned()),
            _ => bail!("the account of {} is not known yet: run {}", self.environment, self.own("provision")),
        }
    }

    /// The account, where the files and the process do not name two different ones; `None` where neither names one.
    fn account(&self, files: &WranglerFiles) -> Result<Option<String>> {
        let Self { environment, .. } = self;
        self.require_tools()?;
        let written = text(self.part(&files.shared)?, "account_id").unwrap_or_default();
        let given = self.variable("CLOUDFLARE_ACCOUNT_ID");
        match given {
            Some(given) if !is_placeholder(written) && given != written => bail!(
                "CLOUDFLARE_ACCOUNT_ID is not the account that wrangler.toml names for {environment}: unset it, or say the right --env"
            ),
            _ if !is_placeholder(written) => Ok(Some(written.to_owned())),
            Some(given) => {
                self.require_own_account(files, given)?;
                Ok(Some(given.to_owned()))
            }
            None => Ok(None),
        }
    }

    /// Requires wrangler and a token.
    fn require_tools(&self) -> Result<()> {
        Self::require_wrangler()?;
        match self.variable("CLOUDFLARE_API_TOKEN") {
            None => bail!(
                "CLOUDFLARE_API_TOKEN is not set: create a token for the account of {} in Cloudflare's dashboard and set it",
                self.environment
            ),
            Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => bail!(
                "CLOUDFLARE_API_TOKEN has a character that no token has, such as a blank: copy the token of {} from Cloudflare's dashboard again",
                self.environment
            ),
            Some(_) => Ok(()),
        }
    }

    /// Requires that an account is no other environment's.
    fn require_own_account(&self, files: &WranglerFiles, account: &str) -> Result<()> {
        let all = files.shared.table.get("env").and_then(toml::Value::as_table).into_iter().flatten();
        let mut others = all.filter(|(name, _)| *name != self.environment);
        let other =
            others.find(|(_, part)| part.get("account_id").and_then(toml::Value::as_str) == Some(account));
        match other {
            Some((name, _)) => {
                bail!("CLOUDFLARE_ACCOUNT_ID is the account of {name}: each environment has one of its own")
            }
            None => Ok(()),
        }
    }
}

/// `GET` of a public URL: status and body.
fn get_public(url: &str) -> Result<(u16, String)> {
    let limited = Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).http_status_as_error(false);
    let mut answer = limited.build().new_agent().get(url).call().context("no answer")?;
    let body = answer.body_mut().read_to_string().context("the answer broke off")?;
    Ok((answer.status().as_u16(), body))
}
