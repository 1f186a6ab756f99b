//! The D1 databases of an environment: wrangler copies them, and Cloudflare's API runs statements.
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use local::d1::{D1, Wrangler};
use serde_json::Value;

use super::Deployment;
use crate::environments::{WranglerFiles, entries, is_placeholder, text};

/// The databases that the wrangler files name.
pub(super) struct RemoteDatabases<'a> {
    deployment: &'a Deployment,
    account: String,
    /// The ids, by name.
    ids: BTreeMap<&'a str, &'a str>,
    wrangler: Wrangler<'a>,
}

impl<'a> RemoteDatabases<'a> {
    pub(super) fn new(deployment: &'a Deployment, files: &'a WranglerFiles) -> Result<Self> {
        let account = deployment.require_account(files)?;
        let databases = entries(deployment.part(&files.shared)?, "d1_databases");
        let ids = databases
            .filter_map(|database| Some((text(database, "database_name")?, text(database, "database_id")?)));
        let run = |words: &[&str]| {
            let words: Vec<&str> = words.iter().copied().chain(["--remote"]).collect();
            deployment.wrangler_at_length(&files.shared.path, &words)
        };
        Ok(Self { deployment, account, ids: ids.collect(), wrangler: Box::new(run) })
    }

    /// The names of the databases.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.ids.keys().copied()
    }

    /// The state of a database now, for Time Travel; `None` where Cloudflare does not tell.
    ///
    /// # Errors
    ///
    /// One sentence, where the files do not name the database's id.
    pub(super) fn bookmark(&self, database: &str) -> Result<Option<String>> {
        Ok(self.deployment.bookmark(&self.account, self.id(database)?))
    }

    /// The id of a database.
    fn id(&self, database: &str) -> Result<&'a str> {
        match self.ids.get(database) {
            Some(id) if !is_placeholder(id) => Ok(id),
            _ => bail!(
                "wrangler.toml does not name the id of the database {database}: run {}",
                self.deployment.own("provision")
            ),
        }
    }
}

impl D1 for RemoteDatabases<'_> {
    fn query(&self, database: &str, sql: &str) -> Result<Vec<Value>> {
        self.deployment.run_statements(&self.account, database, self.id(database)?, sql)
    }

    fn export(&self, database: &str, file: &Path) -> Result<()> {
        self.wrangler.export(database, file)
    }

    fn import(&self, database: &str, file: &Path) -> Result<()> {
        self.wrangler.import(database, file)
    }
}
