//! D1 migrations of an environment: lists the pending ones and applies them.
use std::path::Path;

use anyhow::{Context, Result};
use local::workspace::files_below;
use local::wrangler::json_in;
use serde::Deserialize;

use super::Deployment;
use crate::environments::{WranglerFiles, entries, text};

/// A database with migrations to apply.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) database: String,
    pub(super) files: Vec<String>,
    /// The state before the migration, for Time Travel; `None` where wrangler did not tell.
    pub(super) bookmark: Option<String>,
}

impl Deployment {
    /// The databases that have migrations to apply.
    pub(super) fn pending_migrations(&self, files: &WranglerFiles) -> Result<Vec<Pending>> {
        let mut all = Vec::new();
        for database in entries(self.part(&files.shared)?, "d1_databases") {
            let name = text(database, "database_name").unwrap_or_default();
            let folder = self.root.join(text(database, "migrations_dir").unwrap_or_default());
            let file_name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
            let ours: Vec<String> =
                files_below(&folder, &[]).iter().filter_map(|path| file_name(path)).collect();
            if ours.is_empty() {
                continue;
            }
            let pending = self.pending_of(files, name, ours)?;
            if !pending.is_empty() {
                let bookmark = self.bookmark(files, name);
                all.push(Pending { database: name.to_owned(), files: pending, bookmark });
            }
        }
        Ok(all)
    }

    /// Those of these migrations that a database has not applied.
    pub(super) fn pending_of(
        &self,
        files: &WranglerFiles,
        database: &str,
        mut migrations: Vec<String>,
    ) -> Result<Vec<String>> {
        let words = ["d1", "migrations", "list", database, "--remote"];
        let printed = self.wrangler(&files.shared.path, &words)?;
        migrations.retain(|file| printed.contains(file.as_str()));
        Ok(migrations)
    }

    /// Applies the pending migrations, one after the other. D1 undoes the migration that fails, not those before it.
    pub(super) fn migrate(&self, files: &WranglerFiles, pending: &Pending) -> Result<()> {
        let words = ["d1", "migrations", "apply", &*pending.database, "--remote"];
        self.wrangler(&files.shared.path, &words)
            .map(drop)
            .with_context(|| format!("the migrations of {} are not all applied", pending.database))
    }

    /// The state of a database now. A failure is no reason to stop: Time Travel also goes by the time of day.
    pub(super) fn bookmark(&self, files: &WranglerFiles, database: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Info {
            bookmark: String,
        }
        let printed =
            self.wrangler(&files.shared.path, &["d1", "time-travel", "info", database, "--json"]).ok()?;
        json_in::<Info>(&printed).ok().map(|info| info.bookmark)
    }
}
