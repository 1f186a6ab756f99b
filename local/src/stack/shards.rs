//! A stack's databases of tenants: as many as the stack has shards, each marked as the shard that it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::workspace::files_below;

/// The binding of the first shard, which the Workers' own files have.
const FIRST: &str = "DATABASE_0";

/// The local id of a shard's database. The Workers' own files have that of the first.
fn local_id(place: usize) -> String {
    if place == 0 {
        "00000000-0000-0000-0000-000000000000".to_owned()
    } else {
        format!("00000000-0000-0000-0001-{place:012x}")
    }
}

/// Gives a Worker that has tenants so many databases. One needs no change.
pub(super) fn expand(config: &mut Table, directory: &Path, count: usize) -> Result<()> {
    if count == 1 {
        return Ok(());
    }
    let Some(databases) = config.get_mut("d1_databases").and_then(Value::as_array_mut) else { return Ok(()) };
    let is_first = |database: &Value| database.get("binding").and_then(Value::as_str) == Some(FIRST);
    let Some(first) = databases.iter().find(|database| is_first(database)).and_then(Value::as_table).cloned()
    else {
        return Ok(());
    };
    databases.retain(|database| !is_first(database));
    let migrations =
        first.get("migrations_dir").and_then(Value::as_str).context("DATABASE_0 has no migrations")?;
    for place in 0..count {
        let name = format!("tenants-{place}");
        let folder = marked(&directory.join("migrations").join(&name), Path::new(migrations), place, count)?;
        let mut database = first.clone();
        for (key, value) in [
            ("binding", format!("DATABASE_{place}")),
            ("database_name", name),
            ("database_id", local_id(place)),
            ("migrations_dir", folder.to_string_lossy().into_owned()),
        ] {
            database.insert(key.to_owned(), Value::String(value));
        }
        databases.push(Value::Table(database));
    }
    if let Some(vars) = config.get_mut("vars").and_then(Value::as_table_mut) {
        vars.insert("SHARDS".to_owned(), Value::String(count.to_string()));
    }
    Ok(())
}

/// A folder with the migrations and one more, which marks the database: so both take one run of wrangler.
fn marked(folder: &Path, migrations: &Path, place: usize, count: usize) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    for file in files_below(migrations, &[]) {
        let name = file.file_name().context("a migration without a name")?;
        fs::copy(&file, folder.join(name)).with_context(|| format!("{} cannot be copied", file.display()))?;
    }
    let mark = format!("UPDATE shard SET number = {place}, shards = {count};\n");
    fs::write(folder.join("9999_shard.sql"), mark).context("the shard's mark cannot be written")?;
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_with_tenants_gets_a_marked_database_for_each_shard_and_another_none() {
        let directory = std::env::temp_dir().join(format!("shards-{}", std::process::id()));
        let migrations = directory.join("own");
        fs::create_dir_all(&migrations).unwrap();
        fs::write(migrations.join("0001_first.sql"), "CREATE TABLE shard (number, shards);").unwrap();
        let toml = format!(
            "[vars]\nSHARDS = '1'\n[[d1_databases]]\nbinding = 'SESSIONS'\ndatabase_id = 's'\n\
             [[d1_databases]]\nbinding = 'DATABASE_0'\ndatabase_name = 'tenants-0'\ndatabase_id = 'x'\nmigrations_dir = '{}'",
            migrations.display()
        );
        let mut config: Table = toml.parse().unwrap();
        expand(&mut config, &directory, 4).unwrap();
        let databases = config["d1_databases"].as_array().unwrap();
        let bindings: Vec<_> =
            databases.iter().map(|database| database["binding"].as_str().unwrap()).collect();
        assert_eq!(bindings, ["SESSIONS", "DATABASE_0", "DATABASE_1", "DATABASE_2", "DATABASE_3"]);
        assert_eq!(config["vars"]["SHARDS"].as_str(), Some("4"));
        let mark = fs::read_to_string(directory.join("migrations/tenants-3/9999_shard.sql")).unwrap();
        assert!(mark.contains("number = 3, shards = 4"));
        let mut portal: Table = "[vars]\nA = 'a'".parse().unwrap();
        expand(&mut portal, &directory, 4).unwrap();
        assert!(portal["vars"].get("SHARDS").is_none());
        fs::remove_dir_all(directory).unwrap();
    }
}
