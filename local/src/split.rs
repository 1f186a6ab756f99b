//! Doubling the shards: shard i of N becomes 2i and 2i+1 of 2N. Each database is copied into its halves; each half then has
//! the tenants of its own buckets only.
//!
//! The steps read from the databases' own marks what is done, so that a run that broke off is simply run again. From the first
//! step until [`Databases::open`] nobody reads or writes; after it, Workers that know the new number. Messages wait on the
//! Queues meanwhile, and the Admin API answers 503.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::d1::D1;
use crate::export::restore;
use crate::progress::step;

/// The databases of tenants, `tenants-0` …, of an environment or of a local stack.
pub struct Databases<D> {
    d1: D,
    folder: PathBuf,
}

/// How a database says which shard it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Mark {
    number: usize,
    shards: usize,
    splitting: u8,
}

impl<D: D1> Databases<D> {
    /// The databases of tenants among these. Copies are kept in `folder` for the time of the split.
    #[must_use]
    pub fn new(d1: D, folder: PathBuf) -> Self {
        Self { d1, folder }
    }

    /// All databases, by their names.
    pub fn d1(&self) -> &D {
        &self.d1
    }

    /// Splits so many shards, a power of two, into twice as many. Leaves them marked as being split, until
    /// [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Fails when a database is none of these shards, or a statement fails. Run again to go on.
    pub fn split(&self, shards: usize) -> Result<()> {
        let doubled = shards * 2;
        self.stop(shards)?;
        // Downwards: a database's own content is in its halves before another's takes its place.
        for target in (1..doubled).rev() {
            let source = target / 2;
            if self.is_shard(target, doubled)? {
                continue;
            }
            let mark = self.mark(source)?;
            if mark != Some(Mark { number: source, shards, splitting: 1 }) {
                bail!(
                    "tenants-{source} is not shard {source} of {shards}, but {}: nothing is copied from it",
                    shown(mark)
                );
            }
            step("Copying", &format!("tenants-{source} to tenants-{target}"));
            self.copy(source, target)?;
            self.keep_half(target, doubled)?;
        }
        if !self.is_shard(0, doubled)? {
            self.keep_half(0, doubled)?;
        }
        Ok(())
    }

    /// Returns whether a database is one of so many shards, and no run has begun to split it.
    ///
    /// # Errors
    ///
    /// Fails when a statement fails.
    pub fn is_whole(&self, place: usize, shards: usize) -> Result<bool> {
        Ok(self.mark(place)? == Some(Mark { number: place, shards, splitting: 0 }))
    }

    /// Lets the Workers read and write again, once all so many shards are what they should be.
    ///
    /// # Errors
    ///
    /// Fails when one is not, or a statement fails.
    pub fn open(&self, shards: usize) -> Result<()> {
        for place in 0..shards {
            if !self.is_shard(place, shards)? {
                bail!("tenants-{place} is not shard {place} of {shards}, but {}", shown(self.mark(place)?));
            }
        }
        for place in 0..shards {
            self.query(place, "UPDATE shard SET splitting = 0")?;
        }
        Ok(())
    }

    /// Tells databases that hold no tenant and no mark of their own yet which of so many shards they are.
    ///
    /// # Errors
    ///
    /// Fails when one is another shard, or a statement fails.
    pub fn mark_new(&self, shards: usize) -> Result<()> {
        for place in 0..shards {
            if self.is_shard(place, shards)? {
                continue;
            }
            let sql = format!(
                "UPDATE shard SET number = {place}, shards = {shards} WHERE number = 0 AND shards = 1 AND splitting = 0 \
                 AND NOT EXISTS (SELECT 1 FROM tenants) RETURNING number"
            );
            if self.query(place, &sql)?.is_empty() {
                bail!(
                    "tenants-{place} is not new, and not shard {place} of {shards}, but {}: split the shards",
                    shown(self.mark(place)?)
                );
            }
        }
        Ok(())
    }

    /// From here on nothing is written to shards that are still whole.
    fn stop(&self, shards: usize) -> Result<()> {
        for place in 0..shards {
            let sql = format!("UPDATE shard SET splitting = 1 WHERE number = {place} AND shards = {shards}");
            if self.mark(place)?.is_some_and(|mark| mark.shards == shards) {
                self.query(place, &sql)?;
            }
        }
        Ok(())
    }

    /// Returns whether a database is this shard, open or still being split.
    fn is_shard(&self, place: usize, shards: usize) -> Result<bool> {
        Ok(self.mark(place)?.is_some_and(|mark| (mark.number, mark.shards) == (place, shards)))
    }

    fn mark(&self, place: usize) -> Result<Option<Mark>> {
        let table = self.query(place, "SELECT name FROM sqlite_master WHERE name = 'shard'")?;
        if table.is_empty() {
            return Ok(None);
        }
        let rows = self.query(place, "SELECT number, shards, splitting FROM shard")?;
        rows.into_iter()
            .next()
            .map(serde_json::from_value)
            .transpose()
            .context("the table shard has another shape")
    }

    fn query(&self, place: usize, sql: &str) -> Result<Vec<Value>> {
        self.d1.query(&format!("tenants-{place}"), sql)
    }

    /// Makes the target what the source is.
    fn copy(&self, source: usize, target: usize) -> Result<()> {
        let file = self.folder.join(format!("tenants-{source}.sql"));
        self.d1.export(&format!("tenants-{source}"), &file)?;
        restore(&self.d1, &format!("tenants-{target}"), &file)?;
        fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))
    }

    /// Takes away the tenants of the other half, and marks the database last.
    fn keep_half(&self, place: usize, shards: usize) -> Result<()> {
        let width = 256 / shards;
        let (first, last) = (place * width, (place + 1) * width - 1);
        let other_id = format!("substr(id, 1, 2) NOT BETWEEN '{first:02x}' AND '{last:02x}'");
        let other = format!("bucket NOT BETWEEN {first} AND {last}");
        let moved = "org_id IN (SELECT org_id FROM moved_tenants)";
        let mut statements = vec![
            format!("INSERT OR IGNORE INTO moved_webhooks SELECT sequence FROM webhooks WHERE {other_id}"),
            format!(
                "INSERT OR IGNORE INTO moved_webhooks SELECT sequence FROM deleted_webhooks WHERE {other_id}"
            ),
            format!("INSERT OR IGNORE INTO moved_tenants SELECT org_id FROM tenants WHERE {other}"),
        ];
        statements.extend(
            ["webhooks", "deleted_webhooks", "dead_letters"]
                .map(|table| format!("DELETE FROM {table} WHERE {other_id}")),
        );
        statements.extend(
            ["members", "api_keys", "notices", "mails", "kept_answers", "redeliveries"]
                .map(|table| format!("DELETE FROM {table} WHERE {moved}")),
        );
        statements.push(format!("DELETE FROM tenants WHERE {other}"));
        statements.push(format!(
            "UPDATE shard SET number = {place}, shards = {shards}, splitting = 1, \
             tenants = (SELECT COUNT(*) FROM tenants WHERE closed_at IS NULL)"
        ));
        self.query(place, &statements.join("; ")).map(drop)
    }
}

/// A mark as a sentence has it.
fn shown(mark: Option<Mark>) -> String {
    mark.map_or_else(|| "no shard".to_owned(), |mark| format!("shard {} of {}", mark.number, mark.shards))
}
