//! Webhooks' health: failures counted, circuits opened and closed, webhooks disabled.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::delivery::policy::DeliveryPolicy;
use crate::ports::Statement;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;

/// What a batch of attempts says of one webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The webhook.
    pub id: String,
    /// Its URL's revision that was attempted: what an earlier endpoint said does not count against a later one.
    pub url_revision: u32,
    /// Whether any attempt succeeded: the count of failures starts anew.
    pub succeeded: bool,
    /// Failures, after the last success if there was one.
    pub failures: u32,
    /// Whether any attempt got a definite answer: the count of strikes starts anew.
    pub answered: bool,
    /// Attempts without a definite answer, after the last that had one.
    pub strikes: u32,
    /// When an event last arrived, in milliseconds.
    pub delivered_at: Option<i64>,
    /// When an attempt last failed.
    pub error_at: Option<i64>,
    /// Its HTTP status.
    pub error_status: Option<u16>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Whether the endpoint said it is gone.
    pub gone: bool,
}

/// Writes health and what follows from it, and gives back how each webhook stands.
///
/// In SQL, because many consumers write at once: each adds to what it finds. An open circuit asks for a probe, a
/// closed one for the release of what was held, a disabled webhook for the end of its pending deliveries: all three
/// by `tend_at`. Twenty of the log's rows are looked at, so that the time of the last delivery is kept when a healthy
/// webhook, whose row is never written, begins to fail.
pub fn record(health: &[Health], policy: &DeliveryPolicy, now: Timestamp) -> Statement {
    const SQL: &str = "WITH j AS (SELECT value ->> 'id' AS id, value ->> 'urlRevision' AS url_revision, value ->> 'succeeded' AS succeeded, \
          value ->> 'failures' AS failures, value ->> 'answered' AS answered, value ->> 'strikes' AS strikes, \
          value ->> 'deliveredAt' AS delivered_at, value ->> 'errorAt' AS error_at, value ->> 'errorStatus' AS error_status, \
          value ->> 'errorMessage' AS error_message, value ->> 'gone' AS gone FROM json_each(?1)), \
        n AS (SELECT j.*, w.status AS old_status, w.circuit_opened_at AS old_circuit, w.tend_at AS old_tend, \
          j.failures + CASE WHEN j.succeeded THEN 0 ELSE w.consecutive_failures END AS all_failures, \
          j.strikes + CASE WHEN j.answered THEN 0 ELSE w.strikes END AS all_strikes, \
          CASE WHEN j.failures = 0 THEN NULL WHEN j.succeeded THEN j.error_at \
            ELSE COALESCE(w.failing_since, j.error_at) END AS since \
          FROM j JOIN webhooks w ON w.id = j.id AND w.url_revision = j.url_revision), \
        d AS (SELECT n.*, n.old_status = 'active' AND (n.gone OR COALESCE(n.since <= ?2 - ?4, 0)) AS disabling, \
          CASE WHEN n.all_strikes < ?3 THEN NULL WHEN n.answered THEN ?2 ELSE COALESCE(n.old_circuit, ?2) END AS circuit FROM n) \
        UPDATE webhooks SET consecutive_failures = d.all_failures, strikes = d.all_strikes, failing_since = d.since, \
          last_error_at = COALESCE(d.error_at, last_error_at), \
          last_error_status = CASE WHEN d.error_at IS NULL THEN last_error_status ELSE d.error_status END, \
          last_error_message = CASE WHEN d.error_at IS NULL THEN last_error_message ELSE d.error_message END, \
          last_delivered_at = NULLIF(MAX(COALESCE(last_delivered_at, 0), COALESCE(d.delivered_at, 0), \
            COALESCE((SELECT MAX(r.ended_at) FROM (SELECT l.ended_at, l.state FROM deliveries l \
              WHERE l.webhook_id = webhooks.id ORDER BY l.created_at DESC, l.event_id DESC LIMIT 20) AS r \
              WHERE r.state = 'delivered'), 0)), 0), \
          status = CASE WHEN d.disabling THEN 'disabled' ELSE status END, \
          disabled_reason = CASE WHEN d.disabling AND d.gone THEN 'the endpoint answered 410 Gone' \
            WHEN d.disabling THEN 'nothing but failures for ' || CAST(?4 / 86400000 AS INTEGER) || ' days' ELSE disabled_reason END, \
          circuit_opened_at = CASE WHEN d.disabling THEN NULL ELSE d.circuit END, \
          probes_failed = CASE WHEN d.circuit IS NULL OR d.old_circuit IS NULL THEN 0 ELSE probes_failed END, \
          tend_at = CASE WHEN d.disabling THEN ?2 WHEN d.circuit IS NULL AND d.old_circuit IS NOT NULL THEN ?2 \
            WHEN d.circuit IS NOT NULL AND d.old_circuit IS NULL THEN ?2 + ?5 ELSE tend_at END \
        FROM d WHERE webhooks.id = d.id \
        RETURNING id, org_id, status, circuit_opened_at, tend_at, disabled_reason";
    Statement::new(SQL)
        .bind(json!(health))
        .bind(now)
        .bind(policy.circuit_threshold)
        .bind(i64::try_from(policy.disable_after.as_millis()).unwrap_or(i64::MAX >> 11))
        .bind(i64::try_from(policy.first_probe.as_millis()).unwrap_or(i64::MAX >> 11))
}

/// How a webhook stands after [`record`].
#[derive(Debug, Deserialize)]
pub struct StandingRow {
    /// The webhook.
    pub id: String,
    /// Its tenant.
    pub org_id: String,
    /// Whether events go out.
    pub status: WebhookStatus,
    /// Since when its circuit is open.
    pub circuit_opened_at: Option<i64>,
    /// When something of it is due.
    pub tend_at: Option<i64>,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
}
