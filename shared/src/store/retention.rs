//! Old rows: deleted in bounded slices, deliveries webhook by webhook, so that no index by age is needed.

use serde::Deserialize;

use crate::ports::Statement;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Rows deleted at a time.
pub const SLICE: u32 = 1_000;

/// The next webhook that has deliveries, deleted webhooks included, as the position in the round. One step in the primary
/// key.
pub fn next_webhook(after: &str) -> Statement {
    Statement::new(
        "SELECT webhook_id AS position FROM deliveries WHERE webhook_id > ?1 ORDER BY webhook_id LIMIT 1",
    )
    .bind(after)
}

const OLD: &str = "SELECT webhook_id, event_id, stage, ended_at FROM deliveries INDEXED BY deliveries_newest \
    WHERE webhook_id = ?1 AND created_at < ?2 ORDER BY created_at, event_id LIMIT ?3";

/// Before the log forgets it: when an event last arrived.
pub fn keep_last_delivered(webhook_id: &WebhookId, before: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE webhooks SET last_delivered_at = j.ended_at FROM \
         (SELECT MAX(ended_at) AS ended_at FROM ({OLD}) WHERE stage = 'delivered') AS j \
         WHERE id = ?1 AND j.ended_at > COALESCE(last_delivered_at, 0)"
    ))
    .bind(webhook_id)
    .bind(before)
    .bind(SLICE)
}

/// Deletes a slice of a webhook's ended deliveries created before. A redelivery that ended lately is kept as well.
pub fn delete_slice(webhook_id: &WebhookId, before: Timestamp) -> Statement {
    Statement::new(format!(
        "DELETE FROM deliveries WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM ({OLD}) WHERE ended_at < ?2) RETURNING 1 AS deleted"
    ))
    .bind(webhook_id)
    .bind(before)
    .bind(SLICE)
}

/// The next slice of bodies kept since before `before`, from after this position on.
const OLD_BODIES: &str = "SELECT sequence, org_id, event_id FROM bodies \
    WHERE sequence > ?1 AND kept_since < ?2 ORDER BY sequence LIMIT ?3";

/// The end of the next slice of old bodies, as the position in the round, and how many there are.
pub fn next_bodies(after: i64, before: Timestamp) -> Statement {
    Statement::new(format!("SELECT MAX(sequence) AS last, COUNT(*) AS total FROM ({OLD_BODIES})"))
        .bind(after)
        .bind(before)
        .bind(SLICE)
}

/// What [`next_bodies`] finds.
#[derive(Deserialize)]
pub struct BodiesRow {
    /// The last one's place.
    pub last: Option<i64>,
    /// How many there are.
    pub total: u32,
}

/// Deletes a slice of old bodies that no delivery can need again: none of the tenant's webhooks has the event
/// undelivered.
pub fn delete_bodies(after: i64, before: Timestamp) -> Statement {
    Statement::new(format!(
        "DELETE FROM bodies WHERE sequence IN (SELECT b.sequence FROM ({OLD_BODIES}) AS b WHERE NOT EXISTS \
         (SELECT 1 FROM webhooks w CROSS JOIN deliveries d ON d.webhook_id = w.id AND d.event_id = b.event_id \
          WHERE w.org_id = b.org_id AND d.stage <> 'delivered')) RETURNING 1 AS deleted"
    ))
    .bind(after)
    .bind(before)
    .bind(SLICE)
}

/// Deletes dead letters whose time is over.
pub fn delete_dead_letters(now: Timestamp) -> Statement {
    Statement::new(
        "DELETE FROM dead_letters WHERE id IN \
         (SELECT id FROM dead_letters INDEXED BY dead_letters_by_end WHERE ends_at < ?1 LIMIT ?2)",
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
