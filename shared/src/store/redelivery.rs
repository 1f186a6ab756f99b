//! Redelivery of a range of a webhook's log.

use serde::Deserialize;
use serde_json::json;

use crate::delivery::DeliveryState;
use crate::event::message::RedeliveryRange;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Rows of the log looked at per slice.
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
         AND created_at < ?4 AND body IS NOT NULL AND state IN (SELECT value FROM json_each(?5)) AND state <> 'pending'",
    )
    .bind(org_id)
    .bind(webhook_id)
    .bind(since)
    .bind(until)
    .bind(json!(states))
}

const SLICE_OF_LOG: &str = "SELECT webhook_id, event_id, created_at FROM deliveries \
    WHERE webhook_id = ?2 AND org_id = ?1 AND (created_at, event_id) > (?3, ?4) AND created_at < ?5 \
    ORDER BY created_at, event_id LIMIT ?6";

fn over_slice(sql: String, range: &RedeliveryRange) -> Statement {
    Statement::new(sql)
        .bind(range.webhook.org_id.as_str())
        .bind(range.webhook.webhook_id.as_str())
        .bind(range.after.0)
        .bind(range.after.1.as_str())
        .bind(range.until)
        .bind(SLICE)
}

/// Makes those of the next slice pending that are in the wanted states and whose body is kept.
pub fn make_pending(range: &RedeliveryRange, now: Timestamp) -> Statement {
    let sql = format!(
        "UPDATE deliveries SET state = 'pending', tries_since = ?7, failures = 0, next_attempt_at = ?7, \
         leased_until = NULL, held = 0, ended_at = NULL, reason = NULL \
         WHERE (webhook_id, event_id) IN (SELECT webhook_id, event_id FROM ({SLICE_OF_LOG})) \
         AND body IS NOT NULL AND state <> 'pending' AND state IN (SELECT value FROM json_each(?8)) \
         RETURNING org_id, webhook_id, event_id"
    );
    over_slice(sql, range).bind(now).bind(json!(range.states))
}

/// The last place of the next slice, where the slice is full; no row where the range ends with it.
pub fn examined(range: &RedeliveryRange) -> Statement {
    let sql = format!("SELECT created_at, event_id FROM ({SLICE_OF_LOG}) LIMIT 1 OFFSET ?6 - 1");
    over_slice(sql, range)
}

/// What [`examined`] finds.
#[derive(Deserialize)]
pub struct ExaminedRow {
    /// Milliseconds.
    pub created_at: i64,
    /// The event.
    pub event_id: String,
}
