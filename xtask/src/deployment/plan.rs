//! What a deployment is to change, found out before anything changes.
use anyhow::{Result, bail};
use local::progress::line;

use super::Deployment;
use super::migrations::Pending;
use super::versions::DeployedVersions;
use crate::environments::{WranglerFile, WranglerFiles};

/// The changes that a deployment is going to make.
pub(super) struct Plan<'a> {
    pub(super) account: String,
    /// The short name of the commit.
    pub(super) commit: String,
    /// The first line of the commit's message.
    pub(super) subject: String,
    pub(super) migrations: Vec<Pending>,
    pub(super) workers: Vec<Planned<'a>>,
}

impl Plan<'_> {
    /// The message of the new versions: the beginning of the commit's subject, and nothing that wrangler would take for a flag.
    pub(super) fn message(&self) -> String {
        self.subject.trim_start_matches(['-', ' ']).chars().take(90).collect()
    }
}

/// A Worker that is to be replaced.
pub(super) struct Planned<'a> {
    pub(super) worker: &'a str,
    pub(super) file: &'a WranglerFile,
    /// The Worker's versions before the deployment.
    pub(super) standing: DeployedVersions,
}

impl Deployment {
    /// Checks everything that can be known before anything changes, and prints what will change.
    pub(super) fn plan<'a>(
        &self,
        files: &'a WranglerFiles,
        commit: String,
        subject: String,
        gradual: bool,
    ) -> Result<Plan<'a>> {
        self.require_clean_tree()?;
        if let Some(first) = self.placeholders(files)?.into_iter().next() {
            bail!("{first}");
        }
        let account = self.require_account(files)?;
        self.require_smoke_if_set_up()?;
        self.require_places(files, &account)?;
        if gradual {
            self.require_logs(&account)?;
        }
        self.require_issuers(files)?;
        self.require_secrets(files, &account)?;
        let migrations = self.pending_migrations(files, &account)?;
        for Pending { database, files, .. } in &migrations {
            line(format!("  migrate  {database}: {}", files.join(", ")));
        }
        let mut workers = Vec::new();
        for (worker, file) in self.workers(files) {
            let standing = self.standing(&account, worker, &commit)?;
            if gradual && standing.before.is_some() {
                self.require_address(worker)?;
            }
            line(match &standing.before {
                None => format!("  create   {worker}"),
                Some(before) if standing.of_this_commit => {
                    format!("  replace  {worker}: of this commit already, in place of {before}")
                }
                Some(before) => format!("  replace  {worker}: {before}"),
            });
            workers.push(Planned { worker, file, standing });
        }
        Ok(Plan { account, commit, subject, migrations, workers })
    }
}
