//! Dead letters' rows.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::dead_letter::{DeadLetter, DeadLetterId, Origin, diagnose};
use crate::ports::Statement;
use crate::shared_text::SharedText;
use crate::time::Timestamp;

/// How long a dead letter is kept that nobody requeues.
const KEPT: Duration = Duration::from_secs(90 * 86_400);
/// How long a dead letter is kept after it was requeued.
const KEPT_AFTER_REQUEUE: Duration = Duration::from_secs(30 * 86_400);

/// Stores a message with what its text tells. One that waits here already is stored once. One statement each: a batch of
/// them in one parameter may be more than the 2 MB that D1 takes.
pub fn insert(id: DeadLetterId, body: &SharedText, envelope: Option<&str>, at: Timestamp) -> Statement {
    let (origin, reason) = diagnose(body);
    Statement::new(
        "INSERT INTO dead_letters (queue, digest, body, envelope, reason, received_at, ends_at, id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )
    .bind(origin.as_str())
    .bind(hex::encode(Sha256::digest(body.as_bytes())))
    .bind(&**body)
    .bind(envelope)
    .bind(reason)
    .bind(at)
    .bind(at.plus(KEPT))
    .bind(id.to_string())
}

const COLUMNS: &str = "SELECT id, queue, body, envelope, reason, received_at, requeued_at FROM dead_letters";

/// A page, newest first, from before `cursor` on.
pub fn newest(cursor: Option<&(i64, DeadLetterId)>, limit: u32) -> Statement {
    Statement::new(format!(
        "{COLUMNS} INDEXED BY dead_letters_newest WHERE (received_at, id) < (?1, ?2) ORDER BY received_at DESC, id DESC LIMIT ?3"
    ))
    .bind(cursor.map_or(i64::MAX >> 11, |(at, _)| *at))
    .bind(cursor.map_or_else(String::new, |(_, id)| id.to_string()))
    .bind(limit)
}

/// One.
pub fn select(id: DeadLetterId) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE id = ?1")).bind(id.to_string())
}

/// Notes that it was put back.
pub fn requeued(id: DeadLetterId, at: Timestamp) -> Statement {
    Statement::new("UPDATE dead_letters SET requeued_at = ?2, ends_at = ?3 WHERE id = ?1")
        .bind(id.to_string())
        .bind(at)
        .bind(at.plus(KEPT_AFTER_REQUEUE))
}

/// A row.
#[derive(Deserialize)]
pub struct DeadLetterRow {
    /// The dead letter's id.
    pub id: DeadLetterId,
    queue: Origin,
    body: String,
    envelope: Option<String>,
    reason: String,
    received_at: i64,
    requeued_at: Option<i64>,
}

impl DeadLetterRow {
    /// Its place in the list.
    pub fn place(&self) -> (i64, DeadLetterId) {
        (self.received_at, self.id)
    }
}

impl From<DeadLetterRow> for DeadLetter {
    fn from(row: DeadLetterRow) -> Self {
        Self {
            id: row.id,
            queue: row.queue,
            body: row.body,
            envelope: row.envelope,
            reason: row.reason,
            received_at: Timestamp::from_milliseconds(row.received_at),
            requeued_at: row.requeued_at.map(Timestamp::from_milliseconds),
        }
    }
}
