//! Puts an exported file of SQL in place of a D1 database's content.
use std::path::Path;

use anyhow::{Context, Result};

use crate::d1::D1;
use crate::parts::in_parts;

/// The largest file in bytes that is imported at once. D1 takes files of up to 5 GB
/// (<https://developers.cloudflare.com/d1/platform/limits/>), and breaks off imports that are smaller, too.
const LARGEST_PART: u64 = 256 * 1024 * 1024;

/// Makes a database what a file says, whatever is in the database.
///
/// # Errors
///
/// The database's reason. The database is then between two states, and the same call again completes the work.
pub fn restore(d1: &dyn D1, database: &str, file: &Path) -> Result<()> {
    restore_in_parts(d1, database, file, LARGEST_PART)
}

/// The same as [`restore`], importing about `largest` bytes at once.
///
/// # Errors
///
/// As [`restore`].
pub fn restore_in_parts(d1: &dyn D1, database: &str, file: &Path, largest: u64) -> Result<()> {
    let there = "SELECT 'DROP ' || type || ' \"' || name || '\"' AS statement FROM sqlite_master WHERE type = 'view' \
                 OR (type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%') ORDER BY type DESC";
    let statements = d1.query(database, there)?;
    let statements: Vec<&str> = statements.iter().filter_map(|row| row["statement"].as_str()).collect();
    if !statements.is_empty() {
        d1.query(database, &statements.join("; "))?;
    }
    in_parts(file, largest, &mut |part| d1.import(database, part))
        .with_context(|| format!("{} cannot be imported into {database}", file.display()))
}

/// How many rows a table has; 0 where there is no such table.
///
/// # Errors
///
/// The database's reason, with the database's name.
pub fn rows(d1: &dyn D1, database: &str, table: &str) -> Result<u64> {
    let sql = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{table}'");
    if d1.query(database, &sql)?.is_empty() {
        return Ok(0);
    }
    let counted = d1.query(database, &format!("SELECT COUNT(*) AS rows FROM \"{table}\""))?;
    Ok(counted.first().and_then(|row| row["rows"].as_u64()).unwrap_or_default())
}
