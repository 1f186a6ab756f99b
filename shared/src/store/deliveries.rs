//! Deliveries' rows.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::delivery::{Attempt, Delivery, DeliveryState};
use crate::event::message::DeliveryKey;
use crate::ports::{DatabaseError, Statement};
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// How a delivery stands. Times are milliseconds, so that a whole batch travels as one JSON parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its state.
    pub state: DeliveryState,
    /// Failures since the tries began.
    pub failures: u32,
    /// When it is due; only while pending.
    pub next_attempt_at: Option<i64>,
    /// When it ended; only once it has.
    pub ended_at: Option<i64>,
    /// Why it ended other than delivered.
    pub reason: Option<String>,
    /// Whether it waits for its webhook.
    pub held: bool,
}

/// A delivery to store: after its first attempt, or without one where the webhook takes none now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewDelivery {
    /// Tenant, webhook and event.
    #[serde(flatten)]
    pub key: DeliveryKey,
    /// `detail-type`.
    pub event_type: String,
    /// Now.
    pub created_at: i64,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// None or one.
    pub attempts: Vec<Attempt>,
    /// The envelope, unless it was delivered. Bound by itself: JSON inside JSON would double it.
    #[serde(skip)]
    pub body: Option<String>,
}

/// Which deliveries of these events, each with its tenant, exist already. Looked up among the tenant's own webhooks
/// only: what an event costs does not grow with who shares its batch.
pub fn existing_of_events(events: &[(&str, &str)]) -> Statement {
    Statement::new(
        "SELECT d.webhook_id, d.event_id FROM json_each(?1) AS e \
         CROSS JOIN webhooks w ON w.org_id = e.value ->> 0 \
         CROSS JOIN deliveries d ON d.webhook_id = w.id AND d.event_id = e.value ->> 1",
    )
    .bind(json!(events))
}

/// What [`existing_of_events`] finds.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct ExistingRow {
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: String,
}

const INSERT: &str = "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, state, created_at, tries_since, \
    failures, next_attempt_at, ended_at, reason, attempts, held, body) \
    SELECT value ->> 'webhookId', value ->> 'eventId', value ->> 'orgId', value ->> 'eventType', value ->> 'state', \
    value ->> 'createdAt', value ->> 'createdAt', value ->> 'failures', value ->> 'nextAttemptAt', value ->> 'endedAt', \
    value ->> 'reason', value -> 'attempts', value ->> 'held', ?2 FROM json_each(?1) WHERE true ";

/// Stores delivered ones in one statement. Where another consumer got there first and its attempt failed, ours,
/// which succeeded, is the one that counts.
pub fn insert_delivered(new: &[&NewDelivery]) -> Statement {
    Statement::new(format!(
        "{INSERT} ON CONFLICT (webhook_id, event_id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, \
         next_attempt_at = NULL, leased_until = NULL, held = 0, reason = NULL, body = NULL, \
         attempts = json_insert(attempts, '$[#]', json(excluded.attempts -> 0)) WHERE deliveries.state <> 'delivered'"
    ))
    .bind(json!(new))
    .bind(None::<&str>)
}

/// Stores one that is not delivered, with its body, unless it is there.
pub fn insert_undelivered(new: &NewDelivery) -> Statement {
    Statement::new(format!("{INSERT} ON CONFLICT (webhook_id, event_id) DO NOTHING"))
        .bind(json!([new]))
        .bind(new.body.as_deref())
}

/// Stores one for a webhook that the tenant has; otherwise stores nothing.
pub fn insert_for_existing_webhook(org_id: &OrgId, new: &NewDelivery) -> Statement {
    Statement::new(format!("{INSERT} AND EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?3 AND id = ?4)"))
        .bind(json!([new]))
        .bind(new.body.as_deref())
        .bind(org_id)
        .bind(new.key.webhook_id.as_str())
}

/// The columns of a [`LeasedRow`].
pub(super) const LEASED_COLUMNS: &str =
    "webhook_id, event_id, org_id, event_type, tries_since, failures, body";

/// Bodies that one consumer leases at a time: an isolate has 128 MB, and they come to it as JSON in a JavaScript string.
const MOST_LEASED_BYTES: u32 = 8 * 1024 * 1024;

/// Takes due deliveries for one consumer until `until`, and gives them back with their bodies. What is not due, or
/// leased by another, or ended, is left alone; so is what is beyond [`MOST_LEASED_BYTES`], and the sweep wakes it again.
pub fn lease(keys: &[&DeliveryKey], now: Timestamp, due: Timestamp, until: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET leased_until = ?4 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM (SELECT d.webhook_id, d.event_id, \
            SUM(COALESCE(LENGTH(d.body), 0)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes FROM json_each(?1) \
            JOIN deliveries d ON d.webhook_id = value ->> 'webhookId' AND d.event_id = value ->> 'eventId' \
            WHERE d.state = 'pending' AND d.next_attempt_at <= ?3 AND COALESCE(d.leased_until, 0) <= ?2) \
          WHERE bytes <= ?5) \
         RETURNING {LEASED_COLUMNS}"
    ))
    .bind(json!(keys))
    .bind(now)
    .bind(due)
    .bind(until)
    .bind(MOST_LEASED_BYTES)
}

/// A delivery that this consumer has leased.
#[derive(Clone, Debug, Deserialize)]
pub struct LeasedRow {
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: String,
    /// The tenant.
    pub org_id: String,
    /// `detail-type`.
    pub event_type: String,
    /// The retry window counts from here.
    pub tries_since: i64,
    /// Failures since then.
    pub failures: u32,
    /// The envelope.
    pub body: Option<String>,
}

impl LeasedRow {
    /// Which delivery it is.
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey {
            org_id: self.org_id.clone(),
            webhook_id: self.webhook_id.clone(),
            event_id: self.event_id.clone(),
        }
    }
}

/// What became of a leased delivery.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Tenant, webhook and event.
    #[serde(flatten)]
    pub key: DeliveryKey,
    /// How it stands now.
    #[serde(flatten)]
    pub standing: Standing,
    /// The attempt, if one was made.
    pub attempt: Option<Attempt>,
}

/// Writes progress and lets go of the leases, where they are still ours: one taken over meanwhile is left alone. The
/// last hundred attempts are kept.
pub fn record_progress(progress: &[Progress], leased_until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET state = j.state, failures = j.failures, next_attempt_at = j.next_attempt_at, \
         ended_at = j.ended_at, reason = j.reason, leased_until = NULL, held = j.held, \
         attempts = CASE WHEN j.attempt IS NULL THEN attempts ELSE json_insert( \
           CASE WHEN json_array_length(attempts) < 100 THEN attempts ELSE json_remove(attempts, '$[0]') END, '$[#]', json(j.attempt)) END, \
         body = CASE WHEN j.state = 'delivered' THEN NULL ELSE body END \
         FROM (SELECT value ->> 'webhookId' AS webhook_id, value ->> 'eventId' AS event_id, value ->> 'state' AS state, \
           value ->> 'failures' AS failures, value ->> 'nextAttemptAt' AS next_attempt_at, value ->> 'endedAt' AS ended_at, \
           value ->> 'reason' AS reason, value ->> 'held' AS held, value ->> 'attempt' AS attempt FROM json_each(?1)) AS j \
         WHERE deliveries.webhook_id = j.webhook_id AND deliveries.event_id = j.event_id \
         AND deliveries.state = 'pending' AND deliveries.leased_until = ?2",
    )
    .bind(json!(progress))
    .bind(leased_until)
}

/// Deliveries that have been due since before `before` and that nobody has: their message was lost.
pub fn overdue(before: Timestamp, now: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "SELECT org_id, webhook_id, event_id FROM deliveries WHERE state = 'pending' AND next_attempt_at <= ?1 \
         AND COALESCE(leased_until, 0) <= ?2 ORDER BY next_attempt_at LIMIT ?3",
    )
    .bind(before)
    .bind(now)
    .bind(limit)
}

/// What [`overdue`] finds.
#[derive(Debug, Deserialize)]
pub struct KeyRow {
    org_id: String,
    webhook_id: String,
    event_id: String,
}

impl From<KeyRow> for DeliveryKey {
    fn from(row: KeyRow) -> Self {
        Self { org_id: row.org_id, webhook_id: row.webhook_id, event_id: row.event_id }
    }
}

const LOG_COLUMNS: &str =
    "SELECT event_id, event_type, state, created_at, next_attempt_at, ended_at, reason, attempts, held";

/// A webhook's log, newest first, from before `cursor` on: at most `limit` rows are looked at, whatever the history;
/// the caller filters.
pub fn log(
    org_id: &OrgId,
    webhook_id: &str,
    since: Timestamp,
    cursor: &(i64, String),
    limit: u32,
) -> Statement {
    Statement::new(format!(
        "{LOG_COLUMNS} FROM deliveries WHERE webhook_id = ?2 AND org_id = ?1 AND created_at >= ?3 \
         AND (created_at, event_id) < (?4, ?5) ORDER BY created_at DESC, event_id DESC LIMIT ?6"
    ))
    .bind(org_id)
    .bind(webhook_id)
    .bind(since)
    .bind(cursor.0)
    .bind(cursor.1.as_str())
    .bind(limit)
}

/// One delivery, with its body where it is kept.
pub fn select(org_id: &OrgId, webhook_id: &str, event_id: &str) -> Statement {
    Statement::new(format!(
        "{LOG_COLUMNS}, body FROM deliveries WHERE org_id = ?1 AND webhook_id = ?2 AND event_id = ?3"
    ))
    .bind(org_id)
    .bind(webhook_id)
    .bind(event_id)
}

/// Makes an ended delivery whose body is kept pending again, due now, with a fresh retry window.
pub fn redeliver(org_id: &OrgId, webhook_id: &str, event_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET state = 'pending', tries_since = ?4, failures = 0, next_attempt_at = ?4, \
         leased_until = NULL, held = 0, ended_at = NULL, reason = NULL \
         WHERE org_id = ?1 AND webhook_id = ?2 AND event_id = ?3 AND state <> 'pending' AND body IS NOT NULL",
    )
    .bind(org_id)
    .bind(webhook_id)
    .bind(event_id)
    .bind(now)
}

/// A row of the log.
#[derive(Debug, Deserialize)]
pub struct LogRow {
    event_id: String,
    event_type: String,
    /// How it stands.
    pub state: DeliveryState,
    created_at: i64,
    next_attempt_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
    attempts: String,
    held: u8,
    /// The envelope, where asked for and kept.
    #[serde(default)]
    pub body: Option<String>,
}

impl LogRow {
    /// Its place in the log.
    pub fn place(&self) -> (i64, String) {
        (self.created_at, self.event_id.clone())
    }

    /// Its event type.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl TryFrom<LogRow> for Delivery {
    type Error = DatabaseError;

    fn try_from(row: LogRow) -> Result<Self, DatabaseError> {
        let attempts =
            serde_json::from_str(&row.attempts).map_err(|error| DatabaseError::Shape(error.to_string()))?;
        Ok(Self {
            event_id: row.event_id,
            event_type: row.event_type,
            state: row.state,
            created_at: Timestamp::from_milliseconds(row.created_at),
            next_attempt_at: row.next_attempt_at.map(Timestamp::from_milliseconds),
            ended_at: row.ended_at.map(Timestamp::from_milliseconds),
            reason: row.reason,
            attempts,
            held: row.held == 1,
        })
    }
}
