//! D1 migrations, applied to the stack's local databases before anything runs.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::configuration::{Configs, Database};
use super::processes::quieten;
use crate::process::{command, npm_bin, output};
use crate::progress::step;
use crate::workspace::{digest, files_below};

/// Applies the new migrations of every database. The state of each database is remembered, because asking wrangler takes
/// seconds.
pub(super) fn apply(directory: &Path, configs: &Configs) -> Result<()> {
    let memory = directory.join("migrated.json");
    let mut applied: BTreeMap<String, String> =
        fs::read(&memory).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    for Database { id, name, migrations, config } in &configs.databases {
        let files = files_below(migrations, &[]);
        let state = digest(&files)?;
        if files.is_empty() || applied.get(id) == Some(&state) {
            continue;
        }
        step("Migrating", &format!("the database {name}"));
        let mut wrangler = command("node");
        wrangler.arg(npm_bin("wrangler")).args(["d1", "migrations", "apply", name, "--local"]);
        wrangler.arg("--persist-to").arg(directory.join("state")).arg("--config").arg(config);
        quieten(&mut wrangler, directory);
        // No terminal to ask on: it goes ahead.
        output(wrangler.env("CI", "true"))
            .with_context(|| format!("the migrations of {name} cannot be applied"))?;
        applied.insert(id.clone(), state);
        fs::write(&memory, serde_json::to_string(&applied)?)
            .context("the applied migrations cannot be remembered")?;
    }
    Ok(())
}
