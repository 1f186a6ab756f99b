//! `cargo xtask provision --new-account`: moves an environment to another account of Cloudflare's.
use anyhow::{Result, bail};
use local::progress::line;

use super::Deployment;
use super::ids::{Id, write};
use crate::environments::{entries, is_placeholder, text};

/// The text in place of an id that `provision` has yet to write.
const UNKNOWN: &str = "<provision>";

impl Deployment {
    /// Provisions the account that `CLOUDFLARE_ACCOUNT_ID` names, in place of the account in the wrangler files. The files forget the
    /// ids of the other account's databases and namespaces; the other account stays as it is.
    ///
    /// # Errors
    ///
    /// One sentence. The files forget nothing before the new account is ready.
    pub fn provision_new_account(&self) -> Result<()> {
        let files = self.files()?;
        let Some(account) = self.variable("CLOUDFLARE_ACCOUNT_ID") else {
            bail!("CLOUDFLARE_ACCOUNT_ID is not set: set it to the new account of {}", self.environment);
        };
        let written = text(self.part(&files.shared)?, "account_id").unwrap_or_default();
        if is_placeholder(written) || written == account {
            return self.provision();
        }
        self.require_tools()?;
        self.require_own_account(&files, account)?;
        self.require_ready_account(account, &self.places()?)?;
        for file in files.all() {
            let part = self.part(file)?;
            for (kind, key, field) in
                [("d1_databases", "database_name", "database_id"), ("kv_namespaces", "binding", "id")]
            {
                for name in entries(part, kind).filter_map(|entry| text(entry, key)) {
                    write(&file.path, self.environment, &Id::Of { kind, key, name, field }, UNKNOWN)?;
                }
            }
        }
        // The account last: a run that breaks off before this begins again.
        for file in files.all() {
            write(&file.path, self.environment, &Id::Account, UNKNOWN)?;
        }
        line(format!("  forgot   the account {written} and its ids"));
        self.create_missing()?;
        line(format!(
            "  The ids are in the wrangler.toml files: commit them. Next: {} where there is an export, then {}",
            self.own("restore --from FOLDER"),
            self.own("secrets")
        ));
        Ok(())
    }
}
