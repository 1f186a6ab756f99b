//! Redelivery of a range of a webhook's log.

use serde::Deserialize;
use serde_json::json;

use crate::delivery::DeliveryState;
use crate::event::message::RedeliveryRange;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Deliveries made pending per slice.
pub const SLICE: u32 = 200;

/// How many deliveries of a range can be delivered again.
pub fn count(
    org_id: &OrgId,
    webhook_id: &str,
    since: i64,
    until: i64,
    states: &[DeliveryState],
) -> Statement {
    Statement::new(
        "SELECT COUNT(*) AS total FROM deliveries WHERE webhook_id = ?2 AND org_id = ?1 AND created_at >= ?3 \
         AND created_at < ?4 AND state IN ('failed', 'dead') AND state IN (SELECT value FROM json_each(?5)) AND body IS NOT NULL",
    )
    .bind(org_id)
    .bind(webhook_id)
    .bind(since)
    .bind(until)
    .bind(json!(states))
}

/// Through the index of what has failed: what was delivered is not even looked at.
const SLICE_OF_FAILURES: &str = "SELECT webhook_id, event_id, created_at FROM deliveries \
    WHERE webhook_id = ?2 AND org_id = ?1 AND (created_at, event_id) > (?3, ?4) AND created_at < ?5 \
    AND state IN ('failed', 'dead') AND state IN (SELECT value FROM json_each(?7)) AND body IS NOT NULL \
    ORDER BY created_at, event_id LIMIT ?6";

fn over_slice(sql: String, range: &RedeliveryRange) -> Statement {
    Statement::new(sql)
        .bind(range.webhook.org_id.as_str())
        .bind(range.webhook.webhook_id.as_str())
        .bind(range.after.0)
        .bind(range.after.1.as_str())
        .bind(range.until)
        .bind(SLICE)
        .bind(json!(range.states))
}

/// Makes the next slice pending: those in the wanted states whose body is kept. After [`last_of_slice`], which would
/// not find them any more.
pub fn make_pending(range: &RedeliveryRange, now: Timestamp) -> Statement {
    let sql = format!(
        "UPDATE deliveries SET state = 'pending', tries_since = ?8, failures = 0, next_attempt_at = ?8, \
         leased_until = NULL, held = 0, ended_at = NULL, reason = NULL \
         WHERE (webhook_id, event_id) IN (SELECT webhook_id, event_id FROM ({SLICE_OF_FAILURES})) \
         RETURNING org_id, webhook_id, event_id"
    );
    over_slice(sql, range).bind(now)
}

/// The last place of the next slice, where the slice is full; no row where the range ends with it.
pub fn last_of_slice(range: &RedeliveryRange) -> Statement {
    let sql = format!("SELECT created_at, event_id FROM ({SLICE_OF_FAILURES}) LIMIT 1 OFFSET ?6 - 1");
    over_slice(sql, range)
}

/// What [`last_of_slice`] finds.
#[derive(Deserialize)]
pub struct LastRow {
    /// Milliseconds.
    pub created_at: i64,
    /// The event.
    pub event_id: String,
}
