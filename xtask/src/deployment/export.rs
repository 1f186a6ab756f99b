//! `cargo xtask export` and `restore`: copies of an environment's D1 databases outside of the account, and back.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use local::d1::D1;
use local::export;
use local::progress::step;

use super::Deployment;
use super::databases::RemoteDatabases;

impl Deployment {
    /// Writes each database of the environment into `folder`, as `NAME.sql`.
    ///
    /// # Errors
    ///
    /// One sentence, at the first database that cannot be exported.
    pub fn export(&self, folder: &Path) -> Result<()> {
        let files = self.files()?;
        let databases = RemoteDatabases::new(self, &files)?;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        for name in databases.names() {
            step("Exporting", &format!("{name} of {}", self.environment));
            databases.export(name, &file_of(folder, name)?)?;
        }
        step("Exported", &format!("the databases of {} to {}", self.environment, folder.display()));
        Ok(())
    }

    /// Puts the exported databases in `folder` in place of the environment's, which must hold no tenants unless
    /// `overwrite`.
    ///
    /// # Errors
    ///
    /// One sentence. Nothing is changed where a file is missing, or a database holds tenants.
    pub fn restore(&self, folder: &Path, overwrite: bool) -> Result<()> {
        let files = self.files()?;
        let databases = RemoteDatabases::new(self, &files)?;
        for name in databases.names() {
            let file = file_of(folder, name)?;
            if !file.is_file() {
                bail!("{} is missing: nothing was changed", file.display());
            }
            let tenants = export::rows(&databases, name, "tenants")?;
            if tenants > 0 && !overwrite {
                bail!(
                    "{name} of {} holds tenants ({tenants}): nothing was changed; to replace them, say --overwrite",
                    self.environment
                );
            }
        }
        for name in databases.names() {
            step("Restoring", &format!("{name} of {}", self.environment));
            export::restore(&databases, name, &file_of(folder, name)?)?;
        }
        step("Restored", &format!("the databases of {} from {}", self.environment, folder.display()));
        Ok(())
    }
}

/// The file of a database in the folder, absolute: wrangler runs in another one.
fn file_of(folder: &Path, database: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(folder).context("the folder has no absolute path")?;
    Ok(folder.join(format!("{database}.sql")))
}
