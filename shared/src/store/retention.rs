//! Old deliveries: deleted in bounded slices, webhook by webhook, so that no index by age is needed.

use crate::ports::Statement;
use crate::time::Timestamp;

/// Deliveries deleted at a time.
pub const SLICE: u32 = 500;

/// The next webhook that has deliveries, deleted webhooks included, as the position in the round. One step in the primary
/// key.
pub fn next_webhook(after: &str) -> Statement {
    Statement::new(
        "SELECT webhook_id AS position FROM deliveries WHERE webhook_id > ?1 ORDER BY webhook_id LIMIT 1",
    )
    .bind(after)
}

const OLD: &str = "SELECT webhook_id, event_id, state, ended_at FROM deliveries WHERE webhook_id = ?1 AND created_at < ?2 \
    ORDER BY created_at, event_id LIMIT ?3";

/// Before the log forgets it: when an event last arrived.
pub fn keep_last_delivered(webhook_id: &str, before: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE webhooks SET last_delivered_at = j.ended_at FROM \
         (SELECT MAX(ended_at) AS ended_at FROM ({OLD}) WHERE state = 'delivered') AS j \
         WHERE id = ?1 AND j.ended_at > COALESCE(last_delivered_at, 0)"
    ))
    .bind(webhook_id)
    .bind(before)
    .bind(SLICE)
}

/// Deletes a slice of a webhook's ended deliveries created before. A redelivery that ended lately is kept as well.
pub fn delete_slice(webhook_id: &str, before: Timestamp) -> Statement {
    Statement::new(format!(
        "DELETE FROM deliveries WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM ({OLD}) WHERE state <> 'pending' AND ended_at < ?2) RETURNING 1 AS deleted"
    ))
    .bind(webhook_id)
    .bind(before)
    .bind(SLICE)
}
