//! Dead letters' rows.

use serde::Deserialize;
use serde_json::json;

use crate::dead_letter::{DeadLetter, Origin, diagnose};
use crate::ports::Statement;
use crate::time::Timestamp;

/// Stores messages with what their texts tell. The same text twice is stored once, as long as it was not requeued.
pub fn insert(bodies: &[String], at: Timestamp) -> Statement {
    let rows: Vec<_> = bodies
        .iter()
        .map(|body| {
            let (origin, reason) = diagnose(body);
            json!({"queue": origin, "body": body, "reason": reason})
        })
        .collect();
    Statement::new(
        "INSERT INTO dead_letters (queue, body, reason, received_at) \
         SELECT DISTINCT value ->> 'queue', value ->> 'body', value ->> 'reason', ?2 FROM json_each(?1) AS j \
         WHERE NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.received_at >= ?2 - 60000 AND d.body = j.value ->> 'body')",
    )
    .bind(json!(rows))
    .bind(at)
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
