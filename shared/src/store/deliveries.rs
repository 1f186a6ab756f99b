//! Deliveries' rows: written, leased, listed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::of_tenant;
use crate::delivery::progress::Progress;
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::event::message::DeliveryKey;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// What a statement's one JSON parameter holds at most: D1 takes 2 MB per value.
const LARGEST_PARAMETER: usize = 1_500_000;

/// Which deliveries of these events, each with its tenant, exist already. Looked up among the tenant's own webhooks
/// only: what an event costs does not grow with who shares its batch.
pub fn existing(events: &[(&str, &EventId)]) -> Statement {
    Statement::new(
        "SELECT d.webhook_id, d.event_id FROM json_each(?1) AS e \
         CROSS JOIN webhooks w ON w.org_id = e.value ->> 0 \
         CROSS JOIN deliveries d ON d.webhook_id = w.id AND d.event_id = e.value ->> 1",
    )
    .bind(json!(events))
}

/// What [`existing`] finds.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct ExistingRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
}

/// Everything that these deliveries have to write: the bodies, once per event; new rows; changed rows.
pub fn write(progress: &[Progress]) -> Vec<Statement> {
    let bodies = keep_bodies(progress).into_iter().map(|(_, keep)| keep);
    bodies.chain(write_rows(progress)).collect()
}

/// The bodies that these deliveries need, once per event.
pub fn keep_bodies(progress: &[Progress]) -> Vec<(EventId, Statement)> {
    let mut bodies = BTreeMap::new();
    for one in progress {
        if let Some(body) = one.body.as_deref().filter(|_| one.needs_body()) {
            bodies.insert((&one.key.org_id, &one.key.event_id), (body, one.origin.at()));
        }
    }
    let keep = |((org_id, event_id), (body, at)): ((&OrgId, &EventId), (&str, Timestamp))| {
        (event_id.clone(), keep_body(org_id, event_id, body, at))
    };
    bodies.into_iter().map(keep).collect()
}

/// New rows and changed rows, without bodies.
pub fn write_rows(progress: &[Progress]) -> Vec<Statement> {
    let (fresh, leased): (Vec<_>, Vec<_>) = progress.iter().partition(|one| one.origin.is_fresh());
    let fresh = in_parameters(fresh.into_iter().map(row).collect()).into_iter().map(insert);
    let leased = in_parameters(leased.into_iter().map(row).collect()).into_iter().map(record);
    fresh.chain(leased).collect()
}

/// Keeps these leases, as far as they are still ours, until then: their outcome is on its way to the database, and nobody
/// is to attempt the deliveries again before it is there. Gives back those kept.
pub fn keep_leases(progress: &[Progress], until: Timestamp) -> Statement {
    let rows: Vec<Value> = progress.iter().map(row).collect();
    Statement::new(
        "UPDATE deliveries SET leased_until = ?2 FROM json_each(?1) AS j \
         WHERE deliveries.webhook_id = j.value ->> 'webhookId' AND deliveries.event_id = j.value ->> 'eventId' \
         AND deliveries.leased_until = j.value ->> 'at' AND deliveries.next_attempt_at IS NOT NULL \
         RETURNING org_id, webhook_id, event_id",
    )
    .bind(json!(rows))
    .bind(until)
}

/// A delivery as the statements take it; times are milliseconds.
fn row(progress: &Progress) -> Value {
    let Progress { key, standing, .. } = progress;
    let milliseconds = |time: Option<Timestamp>| time.map(Timestamp::milliseconds);
    json!({
        "orgId": key.org_id, "webhookId": key.webhook_id, "eventId": key.event_id,
        "eventType": progress.event_type, "stage": standing.stage, "failures": standing.failures,
        "nextAttemptAt": milliseconds(standing.next_attempt_at), "endedAt": milliseconds(standing.ended_at),
        "reason": standing.reason, "attempt": progress.attempt, "at": progress.origin.at().milliseconds(),
    })
}

/// Cuts rows into JSON arrays that each fit a parameter.
fn in_parameters(rows: Vec<Value>) -> Vec<Value> {
    let mut arrays: Vec<Vec<Value>> = Vec::new();
    let mut bytes = LARGEST_PARAMETER;
    for row in rows {
        let length = row.to_string().len();
        if bytes + length > LARGEST_PARAMETER {
            arrays.push(Vec::new());
            bytes = 0;
        }
        bytes += length;
        if let Some(array) = arrays.last_mut() {
            array.push(row);
        }
    }
    arrays.into_iter().map(Value::Array).collect()
}

/// Keeps an event's envelope, for all webhooks that wait for it. Bound by itself: JSON inside JSON would double it.
pub fn keep_body(org_id: &OrgId, event_id: &EventId, body: &str, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO bodies (org_id, event_id, body, kept_since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )
    .bind(org_id)
    .bind(event_id)
    .bind(body)
    .bind(at)
}

/// Keeps the envelope of a delivery that is there, as [`keep_body`] does.
pub fn keep_body_of(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    body: &str,
    at: Timestamp,
) -> Statement {
    of_tenant(tenant,
        "INSERT INTO bodies (org_id, event_id, body, kept_since) SELECT org_id, event_id, ?4, ?5 FROM deliveries \
         WHERE org_id = ?1 AND webhook_id = ?2 AND event_id = ?3 ON CONFLICT DO NOTHING",
    )
    .bind(webhook_id)
    .bind(event_id)
    .bind(body)
    .bind(at)
}

/// Inserts rows of fresh events. Where another consumer got there first and its attempt failed, ours, if it succeeded,
/// is the one that counts.
fn insert(rows: Value) -> Statement {
    Statement::new(
        "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, \
         next_attempt_at, ended_at, reason, attempts) \
         SELECT value ->> 'webhookId', value ->> 'eventId', value ->> 'orgId', value ->> 'eventType', value ->> 'stage', \
         value ->> 'at', value ->> 'at', value ->> 'failures', value ->> 'nextAttemptAt', value ->> 'endedAt', \
         value ->> 'reason', CASE WHEN value ->> 'attempt' IS NULL THEN '[]' ELSE json_array(json(value -> 'attempt')) END \
         FROM json_each(?1) WHERE true \
         ON CONFLICT (webhook_id, event_id) DO UPDATE SET stage = excluded.stage, ended_at = excluded.ended_at, \
         next_attempt_at = NULL, leased_until = NULL, reason = NULL, \
         attempts = json_insert(attempts, '$[#]', json(excluded.attempts -> 0)) \
         WHERE deliveries.stage <> 'delivered' AND excluded.stage = 'delivered'",
    )
    .bind(rows)
}

/// Stores a delivery that is due now, of a webhook that the tenant has; otherwise stores nothing.
pub fn insert_scheduled(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    event_type: &str,
    now: Timestamp,
) -> Statement {
    of_tenant(tenant,
        "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, \
         next_attempt_at, attempts) SELECT id, ?3, org_id, ?4, 'scheduled', ?5, ?5, 0, ?5, '[]' FROM webhooks \
         WHERE org_id = ?1 AND id = ?2",
    )
    .bind(webhook_id)
    .bind(event_id)
    .bind(event_type)
    .bind(now)
}

/// Writes progress and lets go of the leases, where they are still ours: one taken over meanwhile is left alone, unless
/// ours was delivered. The last hundred attempts are kept.
fn record(rows: Value) -> Statement {
    Statement::new(
        "UPDATE deliveries SET stage = j.stage, failures = j.failures, next_attempt_at = j.next_attempt_at, \
         ended_at = j.ended_at, reason = j.reason, leased_until = NULL, \
         attempts = CASE WHEN j.attempt IS NULL THEN attempts ELSE json_insert( \
           CASE WHEN json_array_length(attempts) < 100 THEN attempts ELSE json_remove(attempts, '$[0]') END, '$[#]', json(j.attempt)) END \
         FROM (SELECT value ->> 'webhookId' AS webhook_id, value ->> 'eventId' AS event_id, value ->> 'stage' AS stage, \
           value ->> 'failures' AS failures, value ->> 'nextAttemptAt' AS next_attempt_at, value ->> 'endedAt' AS ended_at, \
           value ->> 'reason' AS reason, value ->> 'attempt' AS attempt, value ->> 'at' AS lease FROM json_each(?1)) AS j \
         WHERE deliveries.webhook_id = j.webhook_id AND deliveries.event_id = j.event_id \
         AND (deliveries.leased_until = j.lease OR j.stage = 'delivered') AND deliveries.next_attempt_at IS NOT NULL",
    )
    .bind(rows)
}

/// Bodies that one consumer leases at a time: an isolate has 128 MB, and they come to it as JSON in a JavaScript string.
const MOST_LEASED_BYTES: u32 = 8 * 1024 * 1024;

/// Takes due deliveries for one consumer until `until`. What is not due, or leased by another, or ended, is left alone;
/// so is what is beyond [`MOST_LEASED_BYTES`].
pub fn lease(keys: &[&DeliveryKey], now: Timestamp, due: Timestamp, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET leased_until = ?4 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM (SELECT d.webhook_id, d.event_id, \
            SUM(COALESCE(LENGTH(b.body), 0)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM json_each(?1) \
            CROSS JOIN deliveries d ON d.webhook_id = value ->> 'webhookId' AND d.event_id = value ->> 'eventId' \
            LEFT JOIN bodies b ON b.org_id = d.org_id AND b.event_id = d.event_id \
            WHERE d.next_attempt_at <= ?3 AND d.stage <> 'held' AND COALESCE(d.leased_until, 0) <= ?2) \
          WHERE bytes <= ?5) \
         RETURNING webhook_id, event_id, org_id, event_type, stage, tries_since, failures",
    )
    .bind(json!(keys))
    .bind(now)
    .bind(due)
    .bind(until)
    .bind(MOST_LEASED_BYTES)
}

/// A delivery that this consumer has leased.
#[derive(Clone, Debug, Deserialize)]
pub struct LeasedRow {
    /// Tenant, webhook and event.
    #[serde(flatten)]
    pub key: KeyRow,
    /// The envelope's `detail-type`.
    pub event_type: String,
    /// Its stage: scheduled, or released by its webhook.
    pub stage: Stage,
    /// The retry window counts from here.
    pub tries_since: i64,
    /// Failures since then.
    pub failures: u32,
}

/// The envelopes of the events that [`lease`] just leased until `until`, once each.
pub fn leased_bodies(keys: &[&DeliveryKey], until: Timestamp) -> Statement {
    Statement::new(
        "SELECT b.org_id, b.event_id, b.body FROM \
           (SELECT DISTINCT d.org_id, d.event_id FROM json_each(?1) \
            CROSS JOIN deliveries d ON d.webhook_id = value ->> 'webhookId' AND d.event_id = value ->> 'eventId' \
            WHERE d.leased_until = ?2) AS e \
         CROSS JOIN bodies b ON b.org_id = e.org_id AND b.event_id = e.event_id",
    )
    .bind(json!(keys))
    .bind(until)
}

/// An event's envelope.
#[derive(Debug, Deserialize)]
pub struct BodyRow {
    /// The tenant.
    pub org_id: OrgId,
    /// The event.
    pub event_id: EventId,
    /// The envelope.
    pub body: String,
}

/// Rows taken at a time. The offset passes over rows that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many rows.
    pub limit: u32,
    /// From which on.
    pub offset: u32,
}

/// Takes a slice of deliveries whose message was lost, the longest overdue first, and makes them due now: the next run
/// comes to them last.
pub fn take_overdue(before: Timestamp, now: Timestamp, slice: Slice) -> Statement {
    Statement::new(
        "UPDATE deliveries SET next_attempt_at = ?2 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM deliveries INDEXED BY deliveries_due WHERE next_attempt_at <= ?1 AND stage <> 'held' \
          AND COALESCE(leased_until, 0) <= ?2 ORDER BY next_attempt_at LIMIT ?3 OFFSET ?4) \
         RETURNING org_id, webhook_id, event_id",
    )
    .bind(before)
    .bind(now)
    .bind(slice.limit)
    .bind(slice.offset)
}

/// Ends a slice of held deliveries whose window is over: without a message each.
pub fn end_expired(now: Timestamp, slice: Slice) -> Statement {
    Statement::new(
        "UPDATE deliveries SET stage = 'dead', ended_at = ?1, next_attempt_at = NULL, \
         reason = COALESCE((SELECT CASE WHEN w.status = 'pending' THEN 'the webhook was not verified in time' END \
           FROM webhooks w WHERE w.id = deliveries.webhook_id), 'the endpoint did not recover in time') \
         WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM deliveries INDEXED BY deliveries_due \
          WHERE next_attempt_at <= ?1 AND stage = 'held' ORDER BY next_attempt_at LIMIT ?2 OFFSET ?3) \
         RETURNING 1 AS ended",
    )
    .bind(now)
    .bind(slice.limit)
    .bind(slice.offset)
}

/// Tenant, webhook and event of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyRow {
    org_id: OrgId,
    webhook_id: WebhookId,
    event_id: EventId,
}

impl From<KeyRow> for DeliveryKey {
    fn from(row: KeyRow) -> Self {
        Self { org_id: row.org_id, webhook_id: row.webhook_id, event_id: row.event_id }
    }
}
