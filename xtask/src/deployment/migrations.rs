//! D1 migrations of an environment: lists the pending ones and applies them.
use std::path::Path;

use anyhow::{Context, Result};
use local::workspace::files_below;
use serde_json::Value;

use super::Deployment;
use crate::environments::{WranglerFiles, entries, text};

/// A database with migrations to apply.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) database: String,
    /// The database's id.
    pub(super) id: String,
    pub(super) files: Vec<String>,
    /// The state before the migration, for Time Travel; `None` where Cloudflare did not tell.
    pub(super) bookmark: Option<String>,
}

impl Deployment {
    /// The databases that have migrations to apply.
    pub(super) fn pending_migrations(&self, files: &WranglerFiles, account: &str) -> Result<Vec<Pending>> {
        let mut all = Vec::new();
        for database in entries(self.part(&files.shared)?, "d1_databases") {
            let field = |key| text(database, key).unwrap_or_default();
            let (name, id) = (field("database_name"), field("database_id"));
            let folder = self.root.join(field("migrations_dir"));
            let file_name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
            let ours: Vec<String> =
                files_below(&folder, &[]).iter().filter_map(|path| file_name(path)).collect();
            if ours.is_empty() {
                continue;
            }
            let files = self.pending_of(account, name, id, ours)?;
            if !files.is_empty() {
                let bookmark = self.bookmark(account, id);
                all.push(Pending { database: name.to_owned(), id: id.to_owned(), files, bookmark });
            }
        }
        Ok(all)
    }

    /// Those of these migrations that a database has not applied.
    pub(super) fn pending_of(
        &self,
        account: &str,
        database: &str,
        id: &str,
        mut migrations: Vec<String>,
    ) -> Result<Vec<String>> {
        // wrangler makes this table with the first migration.
        let table = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'";
        if self.rows(account, database, id, table)?.is_empty() {
            return Ok(migrations);
        }
        let rows = self.rows(account, database, id, "SELECT name FROM d1_migrations")?;
        let applied: Vec<&str> = rows.iter().filter_map(|row| row.get("name")?.as_str()).collect();
        migrations.retain(|file| !applied.contains(&file.as_str()));
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
    pub(super) fn bookmark(&self, account: &str, id: &str) -> Option<String> {
        let answer = self.read_account(account, &format!("/d1/database/{id}/time_travel/bookmark")).ok()?;
        answer.result.get("bookmark").and_then(Value::as_str).map(str::to_owned)
    }
}
