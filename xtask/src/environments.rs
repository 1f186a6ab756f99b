//! The deployed environments, and the wrangler files that describe them.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use local::workspace::{read_toml, workers_below};
use toml::{Table, Value};

/// Every deployed environment. Each is a Cloudflare account of its own.
pub const ENVIRONMENTS: [&str; 4] = ["dev", "nonprod", "stage", "prod"];

/// Checks the name of a deployed environment.
///
/// # Errors
///
/// A sentence that lists the environments, if none of them has that name.
pub fn named(name: &str) -> Result<&'static str> {
    let Some(found) = ENVIRONMENTS.into_iter().find(|known| *known == name) else {
        bail!("there is no environment `{name}`: say --env with one of {}", ENVIRONMENTS.join(", "));
    };
    Ok(found)
}

/// Returns whether a value is a placeholder: a person or `cargo xtask provision` has yet to replace such a value.
pub(crate) fn is_placeholder(value: &str) -> bool {
    value.starts_with('<')
}

/// A project's wrangler files.
pub(crate) struct WranglerFiles {
    /// The file at the root, with what the Workers share.
    pub(crate) shared: WranglerFile,
    /// Each Worker's file, by the Worker's name.
    pub(crate) workers: BTreeMap<String, WranglerFile>,
}

/// A wrangler file.
pub(crate) struct WranglerFile {
    pub(crate) path: PathBuf,
    pub(crate) table: Table,
}

impl WranglerFiles {
    /// Reads the files of the project at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let file =
            |path: PathBuf| -> Result<WranglerFile> { Ok(WranglerFile { table: read_toml(&path)?, path }) };
        let mut workers = BTreeMap::new();
        for worker in workers_below(root)? {
            workers.insert(worker.name.clone(), file(worker.config())?);
        }
        Ok(Self { shared: file(root.join("wrangler.toml"))?, workers })
    }

    /// All files, the shared one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &WranglerFile> {
        std::iter::once(&self.shared).chain(self.workers.values())
    }
}

impl WranglerFile {
    /// The part of the file for an environment; the top level for `None`.
    pub(crate) fn part(&self, environment: Option<&str>) -> Option<&Table> {
        match environment {
            None => Some(&self.table),
            Some(name) => self.table.get("env")?.get(name)?.as_table(),
        }
    }

    /// The file's path from the root.
    pub(crate) fn shown(&self, root: &Path) -> String {
        self.path.strip_prefix(root).unwrap_or(&self.path).to_string_lossy().into_owned()
    }
}

/// The tables of an array such as `queues.consumers`.
pub(crate) fn entries<'a>(part: &'a Table, path: &str) -> impl Iterator<Item = &'a Table> {
    let mut keys = path.split('.');
    let first = keys.next().and_then(|key| part.get(key));
    let array = keys.try_fold(first, |value, key| Some(value?.get(key))).flatten();
    array.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// The text under a key of a table.
pub(crate) fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Value::as_str)
}

/// The names of the secrets that a part of a file requires.
pub(crate) fn required_secrets(part: &Table) -> Vec<&str> {
    let names = part.get("secrets").and_then(|secrets| secrets.get("required")?.as_array());
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_environment_is_named_with_those_there_are() {
        assert_eq!(named("stage").unwrap(), "stage");
        for unknown in ["", "Stage", "production", "local"] {
            let error = named(unknown).unwrap_err().to_string();
            assert!(error.contains(&format!("`{unknown}`")) && error.contains("dev, nonprod"), "{error}");
        }
    }

    #[test]
    fn entries_of_nested_arrays_are_found() {
        let part: Table =
            "[[queues.consumers]]\nqueue = 'a'\n[[queues.consumers]]\nqueue = 'b'".parse().unwrap();
        let queues: Vec<_> =
            entries(&part, "queues.consumers").filter_map(|entry| text(entry, "queue")).collect();
        assert_eq!(queues, ["a", "b"]);
        assert_eq!(entries(&part, "queues.producers").count(), 0);
        assert_eq!(entries(&part, "services").count(), 0);
    }
}
