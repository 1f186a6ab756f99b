//! The shards of an environment: marked when they are new, doubled by `cargo xtask split-shards`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use local::progress::{line, step};
use local::split::Databases;
use shared::shard::ShardCount;
use toml_edit::{DocumentMut, Item};

use super::Deployment;
use super::databases::RemoteDatabases;
use crate::environments::{WranglerFiles, entries, text};

impl Deployment {
    /// The number of the environment's shards by the wrangler files.
    fn shards(&self, files: &WranglerFiles) -> Result<usize> {
        let file = files.workers.get("admin-api").context("there is no Worker admin-api")?;
        let written = self.part(file)?.get("vars").and_then(|vars| vars.get("SHARDS")?.as_str());
        let count = ShardCount::parse(written.unwrap_or_default());
        count.map(ShardCount::get).map_err(|fault| anyhow::anyhow!("SHARDS of {} {fault}", self.environment))
    }

    fn shard_databases<'a>(&'a self, files: &'a WranglerFiles) -> Result<Databases<RemoteDatabases<'a>>> {
        Ok(Databases::new(RemoteDatabases::new(self, files)?, std::env::temp_dir()))
    }

    /// Tells databases that are new which shard they are. One database needs no word.
    ///
    /// # Errors
    ///
    /// Fails when a database is another shard already, or wrangler fails.
    pub(super) fn mark_shards(&self, files: &WranglerFiles) -> Result<()> {
        match self.shards(files)? {
            1 => Ok(()),
            count => self.shard_databases(files)?.mark_new(count),
        }
    }

    /// Names every database that `SHARDS` asks for in the files, so that they are created.
    pub(super) fn name_shards(&self, files: &WranglerFiles) -> Result<()> {
        let shards = self.shards(files)?;
        let mut count = 1;
        while count < shards {
            for file in files.all() {
                edit(&file.path, |document| add_databases(document, self.environment, count))?;
            }
            count *= 2;
        }
        Ok(())
    }

    /// Doubles the environment's shards: makes the databases, copies, and says what to do next. While that lasts nothing is
    /// delivered and the Admin API answers 503, until the Workers are deployed with the new number. A run that broke off goes on where it was.
    ///
    /// # Errors
    ///
    /// One sentence. Nothing is lost: run the command again.
    pub fn split_shards(&self) -> Result<()> {
        let files = self.files()?;
        self.require_account(&files)?;
        let count = self.shards(&files)?;
        if count * 2 > 256 {
            bail!("{} has {count} shards, and 256 are the most", self.environment);
        }
        self.check_account()?;
        for file in files.all() {
            edit(&file.path, |document| add_databases(document, self.environment, count))?;
        }
        self.create_missing()?;
        let files = self.files()?;
        let databases = self.shard_databases(&files)?;
        for place in 0..count {
            let name = format!("tenants-{place}");
            line(if databases.is_whole(place, count)? {
                let bookmark = databases.d1().bookmark(&name)?.unwrap_or_else(|| "not told".to_owned());
                format!("  {name} before the split, for Time Travel: {bookmark}")
            } else {
                format!("  {name} is being split: for Time Travel, the bookmark that the first run printed")
            });
        }
        step("Splitting", &format!("{count} shards of {} into {}", self.environment, count * 2));
        databases.split(count)?;
        // Workers that expect half as many shards are refused by the marks.
        databases.open(count * 2)?;
        for file in files.workers.values() {
            edit(&file.path, |document| set_shards(document, self.environment, count * 2))?;
        }
        line(format!(
            "  SHARDS of {} is {} in the wrangler.toml files: commit them, then run {}",
            self.environment,
            count * 2,
            self.own("deploy")
        ));
        Ok(())
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut)) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut document: DocumentMut =
        text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
    change(&mut document);
    fs::write(path, document.to_string()).with_context(|| format!("{} cannot be written", path.display()))
}

/// Adds the databases `count` to `2 * count - 1` beside the first, where the file has that and not them.
fn add_databases(document: &mut DocumentMut, environment: &str, count: usize) {
    let part = document.get_mut("env").and_then(|all| all.get_mut(environment));
    let databases = part.and_then(|part| part.get_mut("d1_databases")).and_then(Item::as_array_of_tables_mut);
    let Some(databases) = databases else { return };
    let is = |entry: &toml_edit::Table, place: usize| {
        entry.get("binding").and_then(Item::as_str) == Some(&format!("DATABASE_{place}"))
    };
    let Some(first) = databases.iter().find(|entry| is(entry, 0)).cloned() else { return };
    for place in count..count * 2 {
        if databases.iter().any(|entry| is(entry, place)) {
            continue;
        }
        let mut database = first.clone();
        database["binding"] = toml_edit::value(format!("DATABASE_{place}"));
        database["database_name"] = toml_edit::value(format!("tenants-{place}"));
        database["database_id"] = toml_edit::value("<provision>");
        databases.push(database);
    }
}

fn set_shards(document: &mut DocumentMut, environment: &str, count: usize) {
    let part = document.get_mut("env").and_then(|all| all.get_mut(environment));
    let vars = part.and_then(|part| part.get_mut("vars")).and_then(Item::as_table_like_mut);
    if let Some(shards) = vars.and_then(|vars| vars.get_mut("SHARDS")) {
        *shards = toml_edit::value(count.to_string());
    }
}

/// The places of the databases of tenants that a part of a file binds.
pub(crate) fn bound_shards(part: &toml::Table) -> Vec<usize> {
    let place = |entry: &toml::Table| text(entry, "binding")?.strip_prefix("DATABASE_")?.parse().ok();
    let mut places: Vec<usize> = entries(part, "d1_databases").filter_map(place).collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[env.stage.vars]\nSHARDS = \"1\"\nOTHER = \"x\"\n\n# Said of the database.\n[[env.stage.d1_databases]]\nbinding = \"DATABASE_0\"\ndatabase_name = \"tenants-0\"\ndatabase_id = \"d1-id\"\nmigrations_dir = \"migrations\"\n\n[env.prod.vars]\nSHARDS = \"1\"\n";

    #[test]
    fn the_files_get_the_databases_of_the_other_halves_and_the_new_number_in_one_environment() {
        let mut document: DocumentMut = FILE.parse().unwrap();
        for count in [1, 2, 2] {
            add_databases(&mut document, "stage", count);
        }
        set_shards(&mut document, "stage", 4);
        let table: toml::Table = document.to_string().parse().unwrap();
        let stage = table["env"]["stage"].as_table().unwrap();
        assert_eq!(bound_shards(stage), [0, 1, 2, 3]);
        assert_eq!(stage["vars"]["SHARDS"].as_str(), Some("4"));
        assert_eq!(table["env"]["prod"]["vars"]["SHARDS"].as_str(), Some("1"));
        let last = &stage["d1_databases"][3];
        assert_eq!(
            (last["database_name"].as_str(), last["database_id"].as_str()),
            (Some("tenants-3"), Some("<provision>"))
        );
        assert_eq!(last["migrations_dir"].as_str(), Some("migrations"));
        assert_eq!(stage["d1_databases"][0]["database_id"].as_str(), Some("d1-id"));
    }
}
