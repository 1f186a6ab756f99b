//! Dead letters' rows.

use serde::Deserialize;

use crate::dead_letter::{DeadLetter, Origin, diagnose};
use crate::ports::Statement;
use crate::time::Timestamp;

/// Letters among which a text that comes again is looked for: one batch, handed over twice, is well within.
const LATEST: u32 = 200;

/// Stores a message with what its text tells. A text that came less than a minute ago and was not requeued since is
/// stored once. One statement each: a batch of them in one parameter may be more than the 2 MB that D1 takes.
pub fn insert(body: &str, at: Timestamp) -> Statement {
    let (origin, reason) = diagnose(body);
    Statement::new(
        "INSERT INTO dead_letters (queue, body, reason, received_at) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS \
         (SELECT 1 FROM (SELECT body, received_at, requeued_at FROM dead_letters ORDER BY id DESC LIMIT ?5) \
          WHERE received_at >= ?4 - 60000 AND requeued_at IS NULL AND body = ?2)",
    )
    .bind(origin.as_str())
    .bind(body)
    .bind(reason)
    .bind(at)
    .bind(LATEST)
}

const COLUMNS: &str = "SELECT id, queue, body, reason, received_at, requeued_at FROM dead_letters";

/// A page, newest first, from before `cursor` on.
pub fn newest(cursor: Option<i64>, limit: u32) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))
        .bind(cursor.unwrap_or(i64::MAX >> 11))
        .bind(limit)
}

/// One.
pub fn select(id: i64) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE id = ?1")).bind(id)
}

/// Notes that it was put back.
pub fn requeued(id: i64, at: Timestamp) -> Statement {
    Statement::new("UPDATE dead_letters SET requeued_at = ?2 WHERE id = ?1").bind(id).bind(at)
}

/// A row.
#[derive(Deserialize)]
pub struct DeadLetterRow {
    /// Its number.
    pub id: i64,
    queue: Origin,
    body: String,
    reason: String,
    received_at: i64,
    requeued_at: Option<i64>,
}

impl From<DeadLetterRow> for DeadLetter {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            id: row.id,
            queue: row.queue,
            body: row.body,
            reason: row.reason,
            received_at: Timestamp::from_milliseconds(row.received_at),
            requeued_at: row.requeued_at.map(Timestamp::from_milliseconds),
        }
    }
}
