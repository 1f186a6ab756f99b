//! D1 databases, by their names: those of an environment, or of a local stack.
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::wrangler::json_in;

/// The D1 databases of an environment or of a local stack.
pub trait D1 {
    /// Runs statements one after the other, and returns the rows of all.
    ///
    /// # Errors
    ///
    /// The reason why the database does not take them.
    fn query(&self, database: &str, sql: &str) -> Result<Vec<Value>>;

    /// Writes a database's schema and rows into a file.
    ///
    /// # Errors
    ///
    /// The reason, with the database's name.
    fn export(&self, database: &str, file: &Path) -> Result<()>;

    /// Runs the statements of a file.
    ///
    /// # Errors
    ///
    /// The reason why the database does not take them.
    fn import(&self, database: &str, file: &Path) -> Result<()>;
}

/// Runs one wrangler command about D1 databases, and gives back what it printed.
pub type Wrangler<'a> = Box<dyn Fn(&[&str]) -> Result<String> + 'a>;

impl D1 for Wrangler<'_> {
    fn query(&self, database: &str, sql: &str) -> Result<Vec<Value>> {
        #[derive(Deserialize)]
        struct Printed {
            #[serde(default)]
            results: Vec<Value>,
        }
        let printed = self(&["d1", "execute", database, "--json", "--yes", "--command", sql])
            .with_context(|| format!("{database} does not take a statement"))?;
        let answers: Vec<Printed> = json_in(&printed)
            .with_context(|| format!("wrangler answers for {database} in a way we cannot read"))?;
        Ok(answers.into_iter().flat_map(|answer| answer.results).collect())
    }

    fn export(&self, database: &str, file: &Path) -> Result<()> {
        let path = file.to_string_lossy();
        self(&["d1", "export", database, "--output", &path, "--skip-confirmation"])
            .with_context(|| format!("{database} cannot be exported"))
            .map(drop)
    }

    fn import(&self, database: &str, file: &Path) -> Result<()> {
        self(&["d1", "execute", database, "--yes", "--file", &file.to_string_lossy()]).map(drop)
    }
}
