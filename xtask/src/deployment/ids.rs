//! Writes ids into wrangler.toml files, in place of `<provision>`; comments and order stay.
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Table};

/// An id, by the places in a file that have it.
pub(super) enum Id<'a> {
    /// The account of the environment.
    Account,
    /// The `field` of the entries of this kind whose `key` is `name`.
    Of { kind: &'a str, key: &'a str, name: &'a str, field: &'a str },
}

/// Writes an id into every place that a file has for it. Returns whether anything changed.
pub(super) fn write(path: &Path, environment: &str, what: &Id, id: &str) -> Result<bool> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let new = written(&text, environment, what, id)
        .with_context(|| format!("{} is not valid TOML", path.display()))?;
    if new == text {
        return Ok(false);
    }
    fs::write(path, new).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(true)
}

fn written(text: &str, environment: &str, what: &Id, id: &str) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    let part =
        document.get_mut("env").and_then(|environments| environments.get_mut(environment)?.as_table_mut());
    let Some(part) = part else { return Ok(text.to_owned()) };
    match what {
        Id::Account => set(part, "account_id", id),
        Id::Of { kind, key, name, field } => {
            let entries = part.get_mut(kind).and_then(Item::as_array_of_tables_mut);
            for entry in entries.into_iter().flat_map(|entries| entries.iter_mut()) {
                if entry.get(key).and_then(Item::as_str) == Some(name) {
                    set(entry, field, id);
                }
            }
        }
    }
    Ok(document.to_string())
}

/// Changes a value, and keeps the comment after it. A field that is absent stays absent.
fn set(table: &mut Table, field: &str, id: &str) {
    if let Some(Item::Value(value)) = table.get_mut(field) {
        let decor = value.decor().clone();
        *value = id.into();
        *value.decor_mut() = decor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Said first.
[[d1_databases]]
database_name = \"tenants\"
database_id = \"local\"

[env.stage]
account_id = \"<provision>\" # whose

# Said of it.
[[env.stage.d1_databases]]
database_name = \"tenants\"
database_id = \"<provision>\"
[[env.stage.d1_databases]]
database_name = \"sessions\"
database_id = \"<provision>\"
[env.prod]
account_id = \"<provision>\"
";

    #[test]
    fn only_the_value_changes() {
        let database =
            Id::Of { kind: "d1_databases", key: "database_name", name: "tenants", field: "database_id" };
        let text = written(FILE, "stage", &database, "d1-id").unwrap();
        let expected = FILE.replacen("database_id = \"<provision>\"", "database_id = \"d1-id\"", 1);
        assert_eq!(text, expected);
        let text = written(&text, "stage", &Id::Account, "account").unwrap();
        assert_eq!(text, expected.replacen("\"<provision>\" # whose", "\"account\" # whose", 1));
    }

    #[test]
    fn a_file_without_a_place_for_it_stays() {
        let cache = Id::Of { kind: "kv_namespaces", key: "binding", name: "CACHE", field: "id" };
        assert_eq!(written(FILE, "stage", &cache, "x").unwrap(), FILE);
        assert_eq!(written(FILE, "dev", &Id::Account, "x").unwrap(), FILE);
    }
}
