//! `cargo xtask export` and `restore`: copies of an environment's D1 databases outside of the account, and back.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use local::export;
use local::progress::step;
use local::split::Wrangler;

use super::Deployment;
use crate::environments::{WranglerFiles, entries, text};

impl Deployment {
    /// Writes each database of the environment into `folder`, as `NAME.sql`.
    ///
    /// # Errors
    ///
    /// One sentence, at the first database that cannot be exported.
    pub fn export(&self, folder: &Path) -> Result<()> {
        let files = self.files()?;
        self.require_account(&files)?;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        for name in self.database_names(&files)? {
            step("Exporting", &format!("{name} of {}", self.environment));
            export::export(&self.remote_databases(&files), &name, &file_of(folder, &name)?)?;
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
        self.require_account(&files)?;
        let wrangler = self.remote_databases(&files);
        let names = self.database_names(&files)?;
        for name in &names {
            let file = file_of(folder, name)?;
            if !file.is_file() {
                bail!("{} is missing: nothing was changed", file.display());
            }
            let tenants = export::rows(&wrangler, name, "tenants")?;
            if tenants > 0 && !overwrite {
                bail!(
                    "{name} of {} holds {tenants} tenants: nothing was changed; to replace them, say --overwrite",
                    self.environment
                );
            }
        }
        for name in names {
            step("Restoring", &format!("{name} of {}", self.environment));
            export::restore(&wrangler, &name, &file_of(folder, &name)?)?;
        }
        step("Restored", &format!("the databases of {} from {}", self.environment, folder.display()));
        Ok(())
    }

    fn database_names(&self, files: &WranglerFiles) -> Result<Vec<String>> {
        let databases = entries(self.part(&files.shared)?, "d1_databases");
        Ok(databases.filter_map(|database| text(database, "database_name")).map(str::to_owned).collect())
    }

    fn remote_databases<'a>(&'a self, files: &'a WranglerFiles) -> Wrangler<'a> {
        Box::new(move |words: &[&str]| {
            let words: Vec<&str> = words.iter().copied().chain(["--remote"]).collect();
            self.wrangler_at_length(&files.shared.path, &words)
        })
    }
}

/// The file of a database in the folder, absolute: wrangler runs in another one.
fn file_of(folder: &Path, database: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(folder).context("the folder has no absolute path")?;
    Ok(folder.join(format!("{database}.sql")))
}
