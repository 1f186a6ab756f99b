//! Redelivery of one delivery, or of a range of a webhook's log: those of a range are held, and the webhook's release
//! sends them.

use serde::Deserialize;
use serde_json::json;

use super::columns::{
    ATTEMPTS, DELIVERED, HELD, SCHEDULED, StoredEvent, TENANTS_WEBHOOK, event_key, event_text,
};
use super::{WebhookKeyRow, of_tenant};
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::event::message::WebhookKey;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Begins the tries anew at the time `now` is bound as, and keeps the attempts made before.
fn anew(stage: u8, now: &str, next_attempt_at: &str) -> String {
    format!(
        "stage = {stage}, failures = NULL, next_attempt_at = {next_attempt_at}, leased_until = NULL, \
         history = json_object('triesSince', CAST({now} AS INTEGER), 'attempts', json({ATTEMPTS}))"
    )
}

/// Makes an ended delivery whose body is kept by itself pending again, due now, with a fresh retry window.
pub fn redeliver(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    now: Timestamp,
) -> Statement {
    let event = event_key("?3");
    of_tenant(tenant, format!(
        "UPDATE deliveries SET {} WHERE webhook = {TENANTS_WEBHOOK} AND event = {event} AND next_attempt_at IS NULL \
         AND EXISTS (SELECT 1 FROM bodies WHERE org_id = ?1 AND event = {event}) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?2 AND status <> 'disabled')",
        anew(SCHEDULED, "?4", "?4")
    ))
    .bind(webhook_id)
    .bind(StoredEvent::from(event_id).0)
    .bind(now)
}

/// Deliveries made pending at a time.
pub const SLICE: u32 = 10_000;
/// Delivered ones made pending at a time: their bodies are unpacked.
pub const DELIVERED_SLICE: u32 = 500;

/// Which deliveries of a webhook to deliver again: those in one of these stages that were created within this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Created at or after.
    pub since: Timestamp,
    /// Created before.
    pub until: Timestamp,
    /// In one of these stages.
    pub stages: Vec<Stage>,
}

impl Range {
    /// The part of the range that is of delivered events, and the rest.
    pub fn split(self) -> (Option<Self>, Option<Self>) {
        let (delivered, rest): (Vec<_>, Vec<_>) =
            self.stages.into_iter().partition(|stage| *stage == Stage::Delivered);
        let part = |stages: Vec<Stage>| {
            (!stages.is_empty()).then_some(Self { since: self.since, until: self.until, stages })
        };
        (part(delivered), part(rest))
    }

    /// Whether the range is of delivered events.
    pub fn is_delivered(&self) -> bool {
        self.stages == [Stage::Delivered]
    }
}

/// The next slice of a range, through the index of what was not delivered: those whose body is kept.
fn slice_of_range() -> String {
    format!(
        "SELECT d.created_at, d.event FROM json_each(?5) AS s \
         CROSS JOIN deliveries d INDEXED BY deliveries_undelivered ON d.webhook = {TENANTS_WEBHOOK} AND d.stage <> 0 \
         AND d.stage = s.value AND d.created_at >= ?3 AND d.created_at < ?4 \
         CROSS JOIN bodies b ON b.org_id = ?1 AND b.event = d.event LIMIT ?6"
    )
}

fn over_slice(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    sql: String,
    range: &Range,
    limit: u32,
) -> Statement {
    let stages: Vec<u8> = range.stages.iter().map(|stage| stage.number()).collect();
    of_tenant(tenant, sql)
        .bind(webhook_id)
        .bind(range.since)
        .bind(range.until)
        .bind(json!(stages))
        .bind(limit)
}

/// How many deliveries the next slice has, and whether there are more.
pub fn count(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    over_slice(
        tenant,
        webhook_id,
        format!("SELECT COUNT(*) AS total FROM ({})", slice_of_range()),
        range,
        SLICE + 1,
    )
}

/// What a range needs: a webhook of the tenant's that is not disabled.
const TAKES_EVENTS: &str =
    "EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?2 AND status <> 'disabled')";

/// Makes the next slice pending, held for the release of its webhook, with a fresh retry window; nothing where the webhook
/// is disabled.
pub fn hold_slice(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    range: &Range,
    now: Timestamp,
    window_ends: Timestamp,
) -> Statement {
    let sql = format!(
        "UPDATE deliveries SET {} WHERE webhook = {TENANTS_WEBHOOK} AND (created_at, event) IN ({}) AND {TAKES_EVENTS}",
        anew(HELD, "?7", "?8"),
        slice_of_range()
    );
    over_slice(tenant, webhook_id, sql, range, SLICE).bind(now).bind(window_ends)
}

/// Notes the rest of a range, where there is one, for the cron run; nothing where the webhook is disabled.
pub fn note_rest(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    let sql = format!(
        "INSERT INTO redeliveries (org_id, webhook_id, since, until, stages) SELECT ?1, ?2, ?3, ?4, ?5 \
         WHERE EXISTS ({}) AND {TAKES_EVENTS}",
        slice_of_range()
    );
    over_slice(tenant, webhook_id, sql, range, 1)
}

/// Delivered ones of a range, oldest first: from where bodies are kept on.
fn delivered_in_range() -> String {
    format!(
        "FROM deliveries WHERE webhook = {TENANTS_WEBHOOK} AND stage = {DELIVERED} \
         AND created_at >= MAX(?3, COALESCE((SELECT place / 4096 FROM delivered_bodies ORDER BY place LIMIT 1), ?4)) \
         AND created_at < ?4 AND ?5 IS NOT NULL ORDER BY created_at LIMIT ?6"
    )
}

/// How many delivered ones a range has, at most one more than a request counts.
pub fn count_delivered(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    let sql = format!("SELECT COUNT(*) AS total FROM (SELECT 1 {})", delivered_in_range());
    over_slice(tenant, webhook_id, sql, range, SLICE + 1)
}

/// Notes a range of delivered ones, where there is one; nothing where the webhook is disabled.
pub fn note_delivered(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    let sql = format!(
        "INSERT INTO redeliveries (org_id, webhook_id, since, until, stages) SELECT ?1, ?2, ?3, ?4, ?5 \
         WHERE EXISTS (SELECT 1 {}) AND {TAKES_EVENTS}",
        delivered_in_range()
    );
    over_slice(tenant, webhook_id, sql, range, 1)
}

/// The next slice of the delivered ones of a range.
pub fn delivered_slice(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    let sql = format!("SELECT {} AS event, created_at {}", event_text("event"), delivered_in_range());
    over_slice(tenant, webhook_id, sql, range, DELIVERED_SLICE)
}

/// What [`delivered_slice`] finds.
#[derive(Deserialize)]
pub struct DeliveredInRangeRow {
    /// The event.
    pub event: StoredEvent,
    /// When the delivery was created, in milliseconds.
    pub created_at: i64,
}

/// Makes these delivered ones pending, as [`hold_slice`] does others: those whose body is kept by itself by now.
pub fn hold_delivered(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    events: &[StoredEvent],
    now: Timestamp,
    window_ends: Timestamp,
) -> Statement {
    let event = event_key("value");
    of_tenant(tenant, format!(
        "UPDATE deliveries INDEXED BY deliveries_by_event SET {} WHERE webhook = {TENANTS_WEBHOOK} AND event IN (SELECT b.event FROM json_each(?3) \
         CROSS JOIN bodies b ON b.org_id = ?1 AND b.event = {event}) AND stage = {DELIVERED} AND {TAKES_EVENTS} \
         RETURNING 1 AS held",
        anew(HELD, "?4", "?5")
    ))
    .bind(webhook_id)
    .bind(json!(events))
    .bind(now)
    .bind(window_ends)
}

/// Of a range of delivered ones, what was created before is done.
pub fn go_on(sequence: i64, since: Timestamp) -> Statement {
    Statement::new("UPDATE redeliveries SET since = ?2 WHERE sequence = ?1").bind(sequence).bind(since)
}

/// The oldest ranges of which something is left.
pub fn noted(limit: u32) -> Statement {
    Statement::new(
        "SELECT sequence, org_id, webhook_id, since, until, stages FROM redeliveries ORDER BY sequence LIMIT ?1",
    )
    .bind(limit)
}

/// Forgets a range.
pub fn forget(sequence: i64) -> Statement {
    Statement::new("DELETE FROM redeliveries WHERE sequence = ?1").bind(sequence)
}

/// What [`noted`] finds.
#[derive(Deserialize)]
pub struct RangeRow {
    /// The redelivery's number.
    pub sequence: i64,
    /// The webhook.
    pub webhook: WebhookKeyRow,
    since: i64,
    until: i64,
    stages: String,
}

impl RangeRow {
    /// The webhook and the range.
    ///
    /// # Errors
    /// Where the stages are none.
    pub fn into_parts(self) -> Result<(WebhookKey, Range), serde_json::Error> {
        let stages: Vec<u8> = serde_json::from_str(&self.stages)?;
        let stages = stages.into_iter().filter_map(Stage::of_number).collect();
        let (since, until) =
            (Timestamp::from_milliseconds(self.since), Timestamp::from_milliseconds(self.until));
        Ok((self.webhook.into(), Range { since, until, stages }))
    }
}
