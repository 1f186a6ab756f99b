//! What is due of webhooks themselves: probes, releases, the end of what is pending. Challenges need no more than the
//! webhook's row.

use serde::Deserialize;
use serde_json::json;

use super::columns::{DEAD, FAILED, HELD, RELEASED, StoredEvent, event_key, event_text};
use super::deliveries::ended;
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
    let event = event_text("d.event");
    let waiting = |stage: u8| {
        format!(
            "FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook = webhooks.sequence \
             AND d.stage <> 0 AND d.stage = {stage}"
        )
    };
    let (released, held) = (waiting(RELEASED), waiting(HELD));
    Statement::new(format!(
        "SELECT {COLUMNS}, (SELECT COUNT(*) FROM (SELECT 1 {released} LIMIT ?3)) AS released, \
         CASE WHEN status = 'active' AND circuit_opened_at IS NULL THEN (SELECT json_group_array(event) FROM ( \
           SELECT {event} AS event {held} ORDER BY d.created_at, d.event LIMIT ?3 + 1)) ELSE '[]' END AS waiting, \
         CASE WHEN circuit_opened_at IS NOT NULL THEN (SELECT json_group_array(json_array(event, failures)) FROM ( \
           SELECT * FROM (SELECT {event} AS event, COALESCE(d.failures, 0) AS failures {held} \
             ORDER BY d.created_at DESC, d.event DESC LIMIT {LOOKED_AT}) \
           UNION ALL \
           SELECT * FROM (SELECT {event} AS event, COALESCE(d.failures, 0) AS failures {held} \
             ORDER BY d.created_at, d.event LIMIT {LOOKED_AT}))) ELSE '[]' END AS probes \
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
    pub target: TargetRow,
    /// Deliveries that are let go and not attempted yet.
    pub released: u32,
    waiting: String,
    probes: String,
}

impl DueRow {
    /// Held deliveries of a webhook that is well, oldest first.
    ///
    /// # Errors
    /// Where the column holds something else.
    pub fn waiting(&self) -> Result<Vec<EventId>, serde_json::Error> {
        let events: Vec<StoredEvent> = serde_json::from_str(&self.waiting)?;
        Ok(events.into_iter().filter_map(|event| event.try_into().ok()).collect())
    }

    /// Candidates for the probe of an open circuit, newest first, with their failures.
    ///
    /// # Errors
    /// Where the column holds something else.
    pub fn probes(&self) -> Result<Vec<(EventId, u32)>, serde_json::Error> {
        let events: Vec<(StoredEvent, u32)> = serde_json::from_str(&self.probes)?;
        let events = events.into_iter();
        Ok(events.filter_map(|(event, failures)| Some((event.try_into().ok()?, failures))).collect())
    }
}

/// The SQL for the number of the webhook with the id `?1`.
const WEBHOOK: &str = "(SELECT sequence FROM webhooks WHERE id = ?1)";

/// Lets these held deliveries go, as long as the webhook's condition is the one with this stamp. Gives back their events.
pub fn release(webhook: &WebhookKey, events: &[EventId], stamp: i64, now: Timestamp) -> Statement {
    let events: Vec<StoredEvent> = events.iter().map(StoredEvent::from).collect();
    let (key, text) = (event_key("value"), event_text("event"));
    Statement::new(format!(
        "UPDATE deliveries INDEXED BY deliveries_by_event SET stage = {RELEASED}, next_attempt_at = ?4 WHERE webhook = {WEBHOOK} \
         AND event IN (SELECT {key} FROM json_each(?2)) AND stage = {HELD} \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND health_stamp = ?3) \
         RETURNING {text} AS event"
    ))
    .bind(&webhook.webhook_id)
    .bind(json!(events))
    .bind(stamp)
    .bind(now)
}

/// What [`release`] gives back.
#[derive(Deserialize)]
pub struct ReleasedRow {
    /// The event.
    pub event: StoredEvent,
}

/// Ends a slice of a disabled webhook's pending deliveries, as long as its condition is the one with this stamp; they can
/// be redelivered. One with its request on the way is left to its consumer.
pub fn bury(webhook: &WebhookId, stamp: i64, now: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET stage = {DEAD}, {} WHERE webhook = {WEBHOOK} AND (created_at, event) IN ({}) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND health_stamp = ?2)",
        ended("CAST(?3 AS INTEGER)", "'webhook disabled'"),
        pending(WEBHOOK)
    ))
    .bind(webhook)
    .bind(stamp)
    .bind(now)
    .bind(BURIED_AT_ONCE)
}

/// A slice of a webhook's pending deliveries that nobody has; `?3` is now, `?4` how many.
fn pending(webhook: &str) -> String {
    format!(
        "SELECT created_at, event FROM deliveries INDEXED BY deliveries_undelivered WHERE webhook = {webhook} AND stage <> 0 \
         AND stage IN ({PENDING}) AND COALESCE(leased_until, 0) <= ?3 LIMIT ?4"
    )
}

/// The numbers of the pending stages.
const PENDING: &str = "1, 2, 3";

fn end_pending(webhook: &str) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET stage = {FAILED}, {} WHERE webhook = {webhook} AND (created_at, event) IN ({}) RETURNING 1 AS ended",
        ended("CAST(?3 AS INTEGER)", "?2"),
        pending(webhook)
    ))
}

/// Ends a slice of a deleted webhook's pending deliveries, by the webhook's number.
pub fn end_deleted(sequence: i64, now: Timestamp) -> Statement {
    end_pending("?1").bind(sequence).bind("webhook deleted").bind(now).bind(BURIED_AT_ONCE)
}

/// Ends a slice of the pending deliveries of a webhook that is deleted in the same batch.
pub fn end_just_deleted(webhook: &WebhookId, now: Timestamp) -> Statement {
    end_pending("(SELECT sequence FROM deleted_webhooks WHERE id = ?1)")
        .bind(webhook)
        .bind("webhook deleted")
        .bind(now)
        .bind(BURIED_AT_ONCE)
}

/// Those of these webhooks that were deleted are looked at again in the next cron run: deliveries were just held for them.
pub fn tend_deleted(ids: &[WebhookId], now: Timestamp) -> Statement {
    Statement::new("UPDATE deleted_webhooks SET tend_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(json!(ids))
        .bind(now)
}

/// Webhooks deleted lately whose pending deliveries are to be looked for now.
pub fn deleted(now: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "SELECT sequence FROM deleted_webhooks INDEXED BY deleted_webhooks_to_tend WHERE tend_at <= ?1 ORDER BY tend_at LIMIT ?2",
    )
    .bind(now)
    .bind(limit)
}

/// What [`deleted`] finds.
#[derive(Deserialize)]
pub struct DeletedRow {
    /// The webhook's number.
    pub sequence: i64,
}

/// A deleted webhook of which nothing is pending is looked at again later, for what consumers still write.
pub fn look_again(sequence: i64, at: Timestamp) -> Statement {
    Statement::new("UPDATE deleted_webhooks SET tend_at = ?2 WHERE sequence = ?1").bind(sequence).bind(at)
}

/// Forgets a webhook that was deleted before `before`, and of which nothing is pending any more.
pub fn forget_deleted(sequence: i64, before: Timestamp) -> Statement {
    Statement::new(format!(
        "DELETE FROM deleted_webhooks WHERE sequence = ?1 AND deleted_at < ?2 \
         AND NOT EXISTS (SELECT 1 FROM deliveries INDEXED BY deliveries_undelivered \
         WHERE webhook = ?1 AND stage <> 0 AND stage IN ({PENDING}))"
    ))
    .bind(sequence)
    .bind(before)
}

/// Makes webhooks due that hold nothing back any more, though deliveries still wait for them: written after deliveries
/// were held, and after some were let go, so that one of the two sees the other. Gives back those that are due.
pub fn due_while_any_waits(ids: &[WebhookId], at: Timestamp, stamp: i64) -> Statement {
    let waits = |stages: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook = webhooks.sequence \
             AND d.stage <> 0 AND d.stage IN ({stages}))"
        )
    };
    Statement::new(format!(
        "UPDATE webhooks SET tend_at = ?2, health_stamp = ?3 WHERE id IN (SELECT value FROM json_each(?1)) AND tend_at IS NULL \
         AND CASE WHEN status = 'disabled' THEN {} WHEN status = 'active' AND circuit_opened_at IS NULL THEN {} END \
         RETURNING org_id, id AS webhook_id, tend_at",
        waits(PENDING),
        waits(&HELD.to_string()),
    ))
    .bind(json!(ids))
    .bind(at)
    .bind(stamp)
}

/// A webhook that is due.
#[derive(Deserialize)]
pub struct DueAtRow {
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
