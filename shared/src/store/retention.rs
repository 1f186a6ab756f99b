//! Old rows: deleted in bounded slices, deliveries by the log's index, webhook after webhook, so that no index by age is
//! needed.

use serde::{Deserialize, Serialize};

use super::columns::{DELIVERED, ENDED_AT, event_key, event_text};
use crate::ports::Statement;
use crate::time::Timestamp;

/// Rows looked at, and deleted, at a time.
pub const SLICE: u32 = 5_000;
/// Webhooks looked at at a time.
pub const WEBHOOKS: u32 = 500;

/// How far the round through the deliveries has come: a webhook's number, and the last row that was looked at of that
/// webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(pub i64, pub i64, pub String);

/// From when on deliveries are kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Delivered ones created since.
    pub delivered: Timestamp,
    /// Others that ended since.
    pub undelivered: Timestamp,
}

impl Kept {
    /// Before, some deliveries are old.
    fn latest(self) -> Timestamp {
        self.delivered.max(self.undelivered)
    }
}

/// The next slice of deliveries that may be old, from after a position on: of so many webhooks that have deliveries, deleted
/// webhooks included, one step in the primary key each.
fn slice() -> String {
    let event = event_key("?3");
    format!(
        "WITH RECURSIVE w(number, place) AS ( \
           SELECT (SELECT webhook FROM deliveries WHERE webhook >= ?1 ORDER BY webhook LIMIT 1), 1 UNION ALL \
           SELECT (SELECT webhook FROM deliveries WHERE webhook > w.number ORDER BY webhook LIMIT 1), place + 1 FROM w \
           WHERE w.number IS NOT NULL AND place < {WEBHOOKS}), \
         looked_at AS (SELECT d.webhook, d.event, d.created_at, d.stage, d.waited, d.milliseconds, d.history FROM w \
           CROSS JOIN deliveries d ON d.webhook = w.number AND d.created_at < ?4 \
           AND d.created_at >= CASE w.number WHEN ?1 THEN ?2 ELSE 0 END \
           WHERE w.number > ?1 OR (d.created_at, d.event) > (?2, {event}) LIMIT {SLICE}), \
         old AS (SELECT webhook, created_at, event, stage, {ENDED_AT} AS ended_at FROM looked_at \
           WHERE CASE stage WHEN {DELIVERED} THEN {ENDED_AT} < ?5 ELSE {ENDED_AT} < ?6 END)"
    )
}

fn over_slice(position: &Position, kept: Kept, sql: &str) -> Statement {
    Statement::new(format!("{} {sql}", slice()))
        .bind(position.0)
        .bind(position.1)
        .bind(position.2.as_str())
        .bind(kept.latest())
        .bind(kept.delivered)
        .bind(kept.undelivered)
}

/// The position after the next slice; the same number of rows looked at as a slice has says that the last webhook may have
/// more.
pub fn next_position(position: &Position, kept: Kept) -> Statement {
    let event = event_text("event");
    over_slice(
        position,
        kept,
        &format!(
            "SELECT (SELECT COUNT(*) FROM looked_at) AS rows, (SELECT COUNT(number) FROM w) AS webhooks, \
             (SELECT MAX(number) FROM w) AS webhook, \
             (SELECT json_array(webhook, created_at, {event}) FROM looked_at \
               LIMIT 1 OFFSET (SELECT COUNT(*) - 1 FROM looked_at)) AS position"
        ),
    )
}

/// What [`next_position`] finds.
#[derive(Deserialize)]
pub struct PositionRow {
    rows: u32,
    webhooks: u32,
    webhook: Option<i64>,
    position: Option<String>,
}

impl PositionRow {
    /// Where the round goes on; `None` where the round is at its end.
    pub fn next(&self) -> Option<Position> {
        if self.rows >= SLICE {
            return serde_json::from_str(self.position.as_deref()?).ok();
        }
        // All that is old of these webhooks was looked at.
        let next = self.webhook.filter(|_| self.webhooks >= WEBHOOKS)? + 1;
        Some(Position(next, 0, String::new()))
    }
}

/// Before the log forgets them: when events last arrived.
pub fn keep_last_delivered(position: &Position, kept: Kept) -> Statement {
    over_slice(
        position,
        kept,
        &format!(
            "UPDATE webhooks SET last_delivered_at = j.ended_at FROM \
             (SELECT webhook, MAX(ended_at) AS ended_at FROM old WHERE stage = {DELIVERED} GROUP BY webhook) AS j \
             WHERE sequence = j.webhook AND j.ended_at > COALESCE(last_delivered_at, 0)"
        ),
    )
}

/// Deletes what is old of a slice. A redelivery that ended lately is kept as well, and whatever is pending.
pub fn delete_slice(position: &Position, kept: Kept) -> Statement {
    over_slice(
        position,
        kept,
        "DELETE FROM deliveries WHERE (webhook, created_at, event) IN (SELECT webhook, created_at, event FROM old) RETURNING 1 AS deleted",
    )
}

/// Deletes dead letters whose time is over.
pub fn delete_dead_letters(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM dead_letters WHERE sequence IN \
         (SELECT sequence FROM dead_letters INDEXED BY dead_letters_by_end WHERE ends_at < ?1 LIMIT ?2)",
    )
    .bind(now)
    .bind(SLICE)
}

/// Deletes notices that nobody could be told.
pub fn delete_notices(before: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM notices WHERE sequence IN (SELECT sequence FROM notices WHERE at < ?1 ORDER BY sequence LIMIT ?2)",
    )
    .bind(before)
    .bind(SLICE)
}
