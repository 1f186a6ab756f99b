//! Copies a D1 database into a file of SQL, and puts the file in place of a database's content. Both go through wrangler.
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::parts::in_parts;
use crate::split::Wrangler;
use crate::wrangler::json_in;

/// The largest file in bytes that is imported at once. D1 takes files of up to 5 GB
/// (<https://developers.cloudflare.com/d1/platform/limits/>), and breaks off imports that are smaller, too.
const LARGEST_PART: u64 = 256 * 1024 * 1024;

/// Writes a database's schema and rows into a file.
///
/// # Errors
///
/// Wrangler's reason, with the database's name.
pub fn export(wrangler: &Wrangler, database: &str, file: &Path) -> Result<()> {
    let path = file.to_string_lossy();
    wrangler(&["d1", "export", database, "--output", &path, "--skip-confirmation"])
        .with_context(|| format!("{database} cannot be exported"))
        .map(drop)
}

/// Makes a database what a file says, whatever is in the database.
///
/// # Errors
///
/// Wrangler's reason. The database is then between two states, and the same call again completes the work.
pub fn restore(wrangler: &Wrangler, database: &str, file: &Path) -> Result<()> {
    restore_in_parts(wrangler, database, file, LARGEST_PART)
}

/// The same as [`restore`], importing about `largest` bytes at once.
///
/// # Errors
///
/// As [`restore`].
pub fn restore_in_parts(wrangler: &Wrangler, database: &str, file: &Path, largest: u64) -> Result<()> {
    for (kind, names) in [
        ("view", "type = 'view'"),
        ("table", "type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'"),
    ] {
        for row in query(wrangler, database, &format!("SELECT name FROM sqlite_master WHERE {names}"))? {
            let name = row["name"].as_str().unwrap_or_default().to_owned();
            query(wrangler, database, &format!("DROP {kind} \"{name}\""))?;
        }
    }
    in_parts(file, largest, &mut |part| {
        wrangler(&["d1", "execute", database, "--yes", "--file", &part.to_string_lossy()]).map(drop)
    })
    .with_context(|| format!("{} cannot be imported into {database}", file.display()))
}

/// How many rows a table has; 0 where there is no such table.
///
/// # Errors
///
/// Wrangler's reason, with the database's name.
pub fn rows(wrangler: &Wrangler, database: &str, table: &str) -> Result<u64> {
    let sql = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{table}'");
    if query(wrangler, database, &sql)?.is_empty() {
        return Ok(0);
    }
    let counted = query(wrangler, database, &format!("SELECT COUNT(*) AS rows FROM \"{table}\""))?;
    Ok(counted.first().and_then(|row| row["rows"].as_u64()).unwrap_or_default())
}

/// Runs statements, and returns the rows of all.
pub(crate) fn query(wrangler: &Wrangler, database: &str, sql: &str) -> Result<Vec<Value>> {
    #[derive(Deserialize)]
    struct Printed {
        #[serde(default)]
        results: Vec<Value>,
    }
    let printed = wrangler(&["d1", "execute", database, "--json", "--yes", "--command", sql])
        .with_context(|| format!("{database} does not take a statement"))?;
    let answers: Vec<Printed> = json_in(&printed)
        .with_context(|| format!("wrangler answers for {database} in a way we cannot read"))?;
    Ok(answers.into_iter().flat_map(|answer| answer.results).collect())
}
