//! Deliveries' rows: written, leased, ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::columns::{
    ATTEMPTS, DEAD, DELIVERED, HELD, History, SCHEDULED, StoredAttempt, StoredEvent, event_key, event_text,
    key_columns, webhook_of,
};
use super::of_tenant;
use crate::delivery::progress::{Origin, Progress};
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::event::message::DeliveryKey;
use crate::ports::Statement;
use crate::sets::gathered;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::text::json_text;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// What a statement's one JSON parameter holds at most: D1 takes 2 MB per value.
const LARGEST_PARAMETER: usize = 1_500_000;

/// Which deliveries of these events, each with its tenant, exist already. Looked up among the tenant's own webhooks
/// only: what an event costs does not grow with who shares its batch.
pub fn existing(events: &[(&str, &EventId)]) -> Statement {
    let events: Vec<_> = events.iter().map(|(org_id, id)| (org_id, StoredEvent::from(*id))).collect();
    let (key, text) = (event_key("e.value ->> 1"), event_text("d.event"));
    Statement::new(format!(
        "SELECT w.id AS webhook_id, {text} AS event FROM json_each(?1) AS e \
         CROSS JOIN webhooks w ON w.org_id = e.value ->> 0 \
         CROSS JOIN deliveries d ON d.webhook = w.sequence AND d.event = {key}"
    ))
    .bind(json!(events))
}

/// What [`existing`] finds.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct ExistingRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event: StoredEvent,
}

/// New rows and changed rows.
pub fn write(progress: &[Progress]) -> Vec<Statement> {
    let (fresh, leased): (Vec<_>, Vec<_>) = progress.iter().partition(|one| one.origin.is_fresh());
    let types: BTreeSet<&str> = gathered(fresh.iter().map(|one| one.event_type.as_str()));
    let types = (!types.is_empty()).then(|| name_types(&types));
    let fresh = in_parameters(fresh.into_iter().map(ProgressRow::of)).into_iter().map(insert);
    let leased = in_parameters(leased.into_iter().map(ProgressRow::of)).into_iter().map(record);
    types.into_iter().chain(fresh).chain(leased).collect()
}

/// Gives a number to each of these event types that has none.
fn name_types(types: &BTreeSet<&str>) -> Statement {
    Statement::new(
        "INSERT INTO event_types (name) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(json!(types))
}

/// Keeps these leases, as far as they are still ours, until then: their outcome is on its way to the database, and nobody
/// is to attempt the deliveries again before it is there. Gives back those kept.
pub fn keep_leases(progress: &[Progress], until: Timestamp) -> Statement {
    let rows: Vec<_> = progress.iter().map(ProgressRow::of).collect();
    let (webhook, event) = (webhook_of("j.value ->> 'webhookId'"), event_key("j.value ->> 'event'"));
    Statement::new(format!(
        "UPDATE deliveries SET leased_until = ?2 FROM json_each(?1) AS j \
         WHERE deliveries.webhook = {webhook} AND deliveries.event = {event} \
         AND deliveries.leased_until = j.value ->> 'at' AND deliveries.next_attempt_at IS NOT NULL \
         RETURNING {}",
        key_columns()
    ))
    .bind(json_text(&rows))
    .bind(until)
}

/// A delivery as the statements take it; times are milliseconds. A field that is not there is NULL to them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProgressRow<'a> {
    org_id: &'a str,
    webhook_id: String,
    event: String,
    stage: u8,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<History>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<StoredAttempt>,
}

impl<'a> ProgressRow<'a> {
    /// A fresh delivery that was made at once has its attempt in columns.
    fn of(progress: &'a Progress) -> Self {
        let Progress { key, standing, event_type, origin, attempt, .. } = progress;
        let milliseconds = |time: Option<Timestamp>| time.map(Timestamp::milliseconds);
        let mut row = Self {
            org_id: key.org_id.as_str(),
            webhook_id: key.webhook_id.to_string(),
            event: StoredEvent::from(&key.event_id).0,
            stage: standing.stage.number(),
            at: origin.at().milliseconds(),
            failures: Some(standing.failures).filter(|failures| *failures > 0),
            next_attempt_at: milliseconds(standing.next_attempt_at),
            event_type: origin.is_fresh().then_some(event_type.as_str()),
            ..Self::default()
        };
        match (origin, attempt) {
            (Origin::Fresh { at }, Some(attempt)) if standing.stage == Stage::Delivered => {
                row.waited = Some(attempt.at.milliseconds() - at.milliseconds());
                row.status = attempt.status;
                row.milliseconds = Some(attempt.duration_milliseconds);
            }
            (Origin::Fresh { .. }, attempt) => {
                let history = History {
                    tries_since: None,
                    ended_at: milliseconds(standing.ended_at),
                    reason: standing.reason.clone(),
                    attempts: attempt.iter().map(StoredAttempt::from).collect(),
                };
                let plain = history.ended_at.is_none() && history.attempts.is_empty();
                row.history = (!plain).then_some(history);
            }
            (Origin::Leased { .. }, attempt) => {
                row.ended_at = milliseconds(standing.ended_at);
                row.reason = standing.reason.as_deref();
                row.attempt = attempt.as_ref().map(StoredAttempt::from);
            }
        }
        row
    }
}

/// Rows as JSON arrays that each fit a parameter.
fn in_parameters<'a>(rows: impl Iterator<Item = ProgressRow<'a>>) -> Vec<String> {
    let mut arrays: Vec<String> = Vec::new();
    for row in rows {
        let row = json_text(&row);
        match arrays.last_mut() {
            Some(array) if array.len() + row.len() < LARGEST_PARAMETER => {
                array.push(',');
                array.push_str(&row);
            }
            Some(_) | None => arrays.push(format!("[{row}")),
        }
    }
    arrays.into_iter().map(|array| array + "]").collect()
}

/// Inserts rows of fresh events. Where another consumer got there first and its attempt failed, ours, if it succeeded,
/// is the one that counts.
fn insert(rows: String) -> Statement {
    let (webhook, event) = (webhook_of("value ->> 'webhookId'"), event_key("value ->> 'event'"));
    Statement::new(format!(
        "INSERT INTO deliveries (webhook, event, event_type, stage, created_at, waited, status, milliseconds, \
         next_attempt_at, failures, history) \
         SELECT webhook, event, (SELECT number FROM event_types WHERE name = value ->> 'eventType'), value ->> 'stage', \
         value ->> 'at', value ->> 'waited', value ->> 'status', value ->> 'milliseconds', value ->> 'nextAttemptAt', \
         value ->> 'failures', value ->> 'history' \
         FROM (SELECT {webhook} AS webhook, {event} AS event, value FROM json_each(?1)) WHERE webhook IS NOT NULL \
         ON CONFLICT (webhook, event) DO UPDATE SET stage = {DELIVERED}, next_attempt_at = NULL, leased_until = NULL, \
         history = json_object('triesSince', history ->> 'triesSince', \
           'endedAt', excluded.created_at + excluded.waited + excluded.milliseconds, 'attempts', json_insert({ATTEMPTS}, '$[#]', \
           json_array(excluded.created_at + excluded.waited, excluded.status, excluded.milliseconds, NULL, NULL))) \
         WHERE deliveries.stage <> {DELIVERED} AND excluded.stage = {DELIVERED}",
    ))
    .bind(rows)
}

/// Stores a delivery that is due now, of a webhook that the tenant has; otherwise stores nothing.
pub fn insert_scheduled(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    event_type: &str,
    now: Timestamp,
) -> Vec<Statement> {
    let event = event_key("?3");
    let insert = of_tenant(
        tenant,
        format!(
            "INSERT INTO deliveries (webhook, event, event_type, stage, created_at, next_attempt_at) \
         SELECT sequence, {event}, (SELECT number FROM event_types WHERE name = ?4), {SCHEDULED}, ?5, ?5 FROM webhooks \
         WHERE org_id = ?1 AND id = ?2"
        ),
    );
    let insert = insert.bind(webhook_id).bind(StoredEvent::from(event_id).0);
    vec![name_types(&BTreeSet::from([event_type])), insert.bind(event_type).bind(now)]
}

/// Writes progress and lets go of the leases, where they are still ours: one taken over meanwhile is left alone, unless
/// ours was delivered. The last hundred attempts are kept.
fn record(rows: String) -> Statement {
    let (webhook, event) = (webhook_of("value ->> 'webhookId'"), event_key("value ->> 'event'"));
    Statement::new(format!(
        "UPDATE deliveries SET stage = j.stage, failures = j.failures, next_attempt_at = j.next_attempt_at, leased_until = NULL, \
         history = json_object('triesSince', history ->> 'triesSince', 'endedAt', j.ended_at, 'reason', j.reason, \
           'attempts', CASE WHEN j.attempt IS NULL THEN json({ATTEMPTS}) ELSE json_insert( \
             CASE WHEN json_array_length({ATTEMPTS}) < 100 THEN {ATTEMPTS} ELSE json_remove({ATTEMPTS}, '$[0]') END, \
             '$[#]', json(j.attempt)) END) \
         FROM (SELECT {webhook} AS of_webhook, {event} AS of_event, value ->> 'stage' AS stage, \
           value ->> 'failures' AS failures, value ->> 'nextAttemptAt' AS next_attempt_at, value ->> 'endedAt' AS ended_at, \
           value ->> 'reason' AS reason, value ->> 'attempt' AS attempt, value ->> 'at' AS lease FROM json_each(?1)) AS j \
         WHERE deliveries.webhook = j.of_webhook AND deliveries.event = j.of_event \
         AND (deliveries.leased_until = j.lease OR j.stage = {DELIVERED}) AND deliveries.next_attempt_at IS NOT NULL",
    ))
    .bind(rows)
}

/// Bodies that one consumer leases at a time: an isolate has 128 MB, and they come to it as JSON in a JavaScript string.
const MOST_LEASED_BYTES: u32 = 8 * 1024 * 1024;

/// Deliveries as a parameter: tenant, webhook, event.
pub(super) fn keys(keys: &[&DeliveryKey]) -> Value {
    let key = |key: &&DeliveryKey| json!([key.org_id, key.webhook_id, StoredEvent::from(&key.event_id)]);
    keys.iter().map(key).collect()
}

/// Takes due deliveries for one consumer until `until`. What is not due, or leased by another, or ended, is left alone;
/// so is what is beyond [`MOST_LEASED_BYTES`].
pub fn lease(keys: &[&DeliveryKey], now: Timestamp, due: Timestamp, until: Timestamp) -> Statement {
    let (webhook, event) = (webhook_of("value ->> 1"), event_key("value ->> 2"));
    Statement::new(format!(
        "UPDATE deliveries SET leased_until = ?4 WHERE (webhook, created_at, event) IN \
         (SELECT webhook, created_at, event FROM (SELECT d.webhook, d.created_at, d.event, \
            SUM(COALESCE(b.length, 0)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM json_each(?1) \
            CROSS JOIN deliveries d ON d.webhook = {webhook} AND d.event = {event} \
            LEFT JOIN bodies b ON b.org_id = value ->> 0 AND b.event = d.event \
            WHERE d.next_attempt_at <= ?3 AND d.stage <> {HELD} AND COALESCE(d.leased_until, 0) <= ?2) \
          WHERE bytes <= ?5) \
         RETURNING {}, (SELECT name FROM event_types WHERE number = event_type) AS event_type, stage, \
         COALESCE(history ->> 'triesSince', created_at) AS tries_since, COALESCE(failures, 0) AS failures",
        key_columns()
    ))
    .bind(self::keys(keys))
    .bind(now)
    .bind(due)
    .bind(until)
    .bind(MOST_LEASED_BYTES)
}

/// A delivery that this consumer has leased.
#[derive(Clone, Debug, Deserialize)]
pub struct LeasedRow {
    /// Tenant, webhook and event.
    pub key: KeyRow,
    /// The envelope's `detail-type`.
    pub event_type: String,
    stage: u8,
    /// The retry window counts from here.
    pub tries_since: i64,
    /// Failures since then.
    pub failures: u32,
}

impl LeasedRow {
    /// Whether its webhook let it go, as a probe or as one of a release.
    pub fn is_released(&self) -> bool {
        Stage::of_number(self.stage) == Some(Stage::Released)
    }
}

/// Rows taken at a time. The offset passes over rows that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many rows.
    pub limit: u32,
    /// From which on.
    pub offset: u32,
}

/// The webhook did not go to the other half of a split shard.
const NOT_MOVED: &str = "NOT EXISTS (SELECT 1 FROM moved_webhooks WHERE sequence = deliveries.webhook)";

/// Takes a slice of deliveries whose message was lost, the longest overdue first, and makes them due now: the next run
/// comes to them last.
pub fn take_overdue(before: Timestamp, now: Timestamp, slice: Slice) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET next_attempt_at = ?2 WHERE (webhook, created_at, event) IN \
         (SELECT webhook, created_at, event FROM deliveries INDEXED BY deliveries_due WHERE next_attempt_at <= ?1 AND stage <> {HELD} \
          AND COALESCE(leased_until, 0) <= ?2 AND {NOT_MOVED} ORDER BY next_attempt_at LIMIT ?3 OFFSET ?4) \
         RETURNING {}",
        key_columns()
    ))
    .bind(before)
    .bind(now)
    .bind(slice.limit)
    .bind(slice.offset)
}

/// Sets the end and the reason in `history`, and keeps the rest.
pub(super) fn ended(ended_at: &str, reason: &str) -> String {
    format!(
        "leased_until = NULL, next_attempt_at = NULL, history = json_object('triesSince', history ->> 'triesSince', \
         'endedAt', {ended_at}, 'reason', {reason}, 'attempts', json({ATTEMPTS}))"
    )
}

/// Ends a slice of held deliveries whose window is over: without a message each.
pub fn end_expired(now: Timestamp, slice: Slice) -> Statement {
    let reason = "COALESCE((SELECT CASE WHEN w.status = 'pending' THEN 'the webhook was not verified in time' END \
        FROM webhooks w WHERE w.sequence = deliveries.webhook), 'the endpoint did not recover in time')";
    Statement::new(format!(
        "UPDATE deliveries SET stage = {DEAD}, {} WHERE (webhook, created_at, event) IN \
         (SELECT webhook, created_at, event FROM deliveries INDEXED BY deliveries_due \
          WHERE next_attempt_at <= ?1 AND stage = {HELD} AND {NOT_MOVED} ORDER BY next_attempt_at LIMIT ?2 OFFSET ?3) \
         RETURNING 1 AS ended",
        ended("CAST(?1 AS INTEGER)", reason)
    ))
    .bind(now)
    .bind(slice.limit)
    .bind(slice.offset)
}

/// Tenant, webhook and event of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct KeyRow {
    org_id: Option<OrgId>,
    webhook_id: Option<WebhookId>,
    event: StoredEvent,
}

impl KeyRow {
    /// The delivery; `None` where the webhook was deleted long ago.
    pub fn key(&self) -> Option<DeliveryKey> {
        let event_id = EventId::try_from(self.event.clone()).ok()?;
        Some(DeliveryKey { org_id: self.org_id.clone()?, webhook_id: self.webhook_id?, event_id })
    }
}
