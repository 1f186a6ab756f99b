//! What is due of webhooks themselves: probes, releases, the end of what is pending. Challenges need no more than the
//! webhook's row.

use serde::Deserialize;
use serde_json::json;

use super::targets::{COLUMNS, TargetRow};
use super::{WebhookKeyRow, of_tenant};
use crate::event::id::EventId;
use crate::event::message::WebhookKey;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Held deliveries looked at from each end of the line, to choose a probe among them.
const LOOKED_AT: u32 = 250;
/// Deliveries of a disabled webhook that are ended at a time.
pub const BURIED_AT_ONCE: u32 = 2_000;

/// Webhooks of which something is due; what waits for them, one more than can be let go at once; how many deliveries they
/// have let go that are not attempted yet, counted up to `most_released`.
pub fn due(ids: &[WebhookId], now: Timestamp, most_released: u32) -> Statement {
    Statement::new(format!(
        "SELECT {COLUMNS}, \
         (SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook_id = webhooks.id \
           AND d.stage <> 'delivered' AND d.stage = 'released' LIMIT ?3)) AS released, \
         CASE WHEN status = 'active' AND circuit_opened_at IS NULL THEN (SELECT json_group_array(event_id) FROM ( \
           SELECT event_id FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook_id = webhooks.id \
           AND d.stage <> 'delivered' AND d.stage = 'held' ORDER BY d.created_at, d.event_id LIMIT ?3 + 1)) ELSE '[]' END AS waiting, \
         CASE WHEN circuit_opened_at IS NOT NULL THEN (SELECT json_group_array(json_array(event_id, failures)) FROM ( \
           SELECT * FROM (SELECT event_id, failures FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook_id = webhooks.id \
             AND d.stage <> 'delivered' AND d.stage = 'held' ORDER BY d.created_at DESC, d.event_id DESC LIMIT {LOOKED_AT}) \
           UNION ALL \
           SELECT * FROM (SELECT event_id, failures FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook_id = webhooks.id \
             AND d.stage <> 'delivered' AND d.stage = 'held' ORDER BY d.created_at, d.event_id LIMIT {LOOKED_AT}))) ELSE '[]' END AS probes \
         FROM webhooks WHERE id IN (SELECT value FROM json_each(?1)) AND tend_at <= ?2"
    ))
    .bind(json!(ids))
    .bind(now)
    .bind(most_released)
}

/// What [`due`] finds.
#[derive(Deserialize)]
pub struct DueRow {
    /// The webhook.
    #[serde(flatten)]
    pub target: TargetRow,
    /// Deliveries that are let go and not attempted yet.
    pub released: u32,
    /// Held deliveries of a webhook that is well, oldest first; a JSON array.
    pub waiting: String,
    /// Candidates for the probe of an open circuit, newest first, with their failures; a JSON array of pairs.
    pub probes: String,
}

/// Lets these held deliveries go, as long as the webhook's condition is the one with this stamp.
pub fn release(webhook: &WebhookKey, events: &[EventId], stamp: i64, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET stage = 'released', next_attempt_at = ?4 WHERE webhook_id = ?1 \
         AND event_id IN (SELECT value FROM json_each(?2)) AND stage = 'held' \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND health_stamp = ?3) \
         RETURNING org_id, webhook_id, event_id",
    )
    .bind(&webhook.webhook_id)
    .bind(json!(events))
    .bind(stamp)
    .bind(now)
}

/// Ends a slice of a disabled webhook's pending deliveries, as long as its condition is the one with this stamp; they can
/// be redelivered. One with its request on the way is left to its consumer.
pub fn bury(webhook: &WebhookId, stamp: i64, now: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET stage = 'dead', reason = 'webhook disabled', ended_at = ?3, next_attempt_at = NULL, \
         leased_until = NULL WHERE webhook_id = ?1 AND event_id IN ({PENDING}) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND health_stamp = ?2)"
    ))
    .bind(webhook)
    .bind(stamp)
    .bind(now)
    .bind(BURIED_AT_ONCE)
}

/// A slice of a webhook's pending deliveries that nobody has; `?1` is the webhook, `?3` now, `?4` how many.
const PENDING: &str = "SELECT event_id FROM deliveries INDEXED BY deliveries_undelivered WHERE webhook_id = ?1 \
    AND stage <> 'delivered' AND stage IN ('scheduled', 'held', 'released') AND COALESCE(leased_until, 0) <= ?3 LIMIT ?4";

/// Ends a slice of a deleted webhook's pending deliveries; of a webhook that is there, nothing.
pub fn end_deleted(webhook: &WebhookId, now: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET stage = 'failed', reason = ?2, ended_at = ?3, next_attempt_at = NULL, leased_until = NULL \
         WHERE webhook_id = ?1 AND event_id IN ({PENDING}) \
         AND NOT EXISTS (SELECT 1 FROM webhooks WHERE id = ?1) RETURNING 1 AS ended"
    ))
    .bind(webhook)
    .bind("webhook deleted")
    .bind(now)
    .bind(BURIED_AT_ONCE)
}

/// Notes those of these webhooks that are deleted: deliveries were just held for them.
pub fn note_deleted(ids: &[WebhookId], now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO deleted_webhooks (id, deleted_at) SELECT value, ?2 FROM json_each(?1) \
         WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE id = value) ON CONFLICT DO NOTHING",
    )
    .bind(json!(ids))
    .bind(now)
}

/// Deleted webhooks of which deliveries may still be pending.
pub fn deleted(limit: u32) -> Statement {
    Statement::new("SELECT id FROM deleted_webhooks ORDER BY id LIMIT ?1").bind(limit)
}

/// What [`deleted`] finds.
#[derive(Deserialize)]
pub struct DeletedRow {
    /// The webhook.
    pub id: WebhookId,
}

/// Forgets a deleted webhook of which nothing is pending any more.
pub fn forget_deleted(webhook: &WebhookId) -> Statement {
    Statement::new(
        "DELETE FROM deleted_webhooks WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_undelivered \
         WHERE webhook_id = ?1 AND stage <> 'delivered' AND stage IN ('scheduled', 'held', 'released'))",
    )
    .bind(webhook)
}

/// Makes webhooks due that hold nothing back any more, though deliveries still wait for them: written after deliveries
/// were held, and after some were let go, so that one of the two sees the other. Gives back those that are due.
pub fn due_while_any_waits(ids: &[WebhookId], at: Timestamp, stamp: i64) -> Statement {
    let waits = |stages: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook_id = webhooks.id \
             AND d.stage <> 'delivered' AND d.stage IN ({stages}))"
        )
    };
    Statement::new(format!(
        "UPDATE webhooks SET tend_at = ?2, health_stamp = ?3 WHERE id IN (SELECT value FROM json_each(?1)) AND tend_at IS NULL \
         AND CASE WHEN status = 'disabled' THEN {} WHEN status = 'active' AND circuit_opened_at IS NULL THEN {} END \
         RETURNING org_id, id AS webhook_id, tend_at",
        waits("'scheduled', 'held', 'released'"),
        waits("'held'"),
    ))
    .bind(json!(ids))
    .bind(at)
    .bind(stamp)
}

/// A webhook that is due.
#[derive(Deserialize)]
pub struct DueAtRow {
    #[serde(flatten)]
    webhook: WebhookKeyRow,
    tend_at: i64,
}

impl DueAtRow {
    /// The webhook, and when it is due.
    pub fn into_parts(self) -> (WebhookKey, Timestamp) {
        (self.webhook.into(), Timestamp::from_milliseconds(self.tend_at))
    }
}

/// Webhooks that have been due since before `before`: their message was lost. From after `after` on, the longest overdue
/// first.
pub fn overdue(before: Timestamp, after: i64, limit: u32) -> Statement {
    Statement::new(
        "SELECT org_id, id AS webhook_id, tend_at FROM webhooks INDEXED BY webhooks_to_tend \
         WHERE tend_at IS NOT NULL AND tend_at <= ?1 AND tend_at > ?2 ORDER BY tend_at LIMIT ?3",
    )
    .bind(before)
    .bind(after)
    .bind(limit)
}

/// An open circuit's probe is due now.
pub fn probe_now(tenant: &TenantScope, webhook_id: &WebhookId, now: Timestamp, stamp: i64) -> Statement {
    of_tenant(
        tenant,
        "UPDATE webhooks SET tend_at = ?3, health_stamp = ?4 \
         WHERE org_id = ?1 AND id = ?2 AND status = 'active' AND circuit_opened_at IS NOT NULL",
    )
    .bind(webhook_id)
    .bind(now)
    .bind(stamp)
}
