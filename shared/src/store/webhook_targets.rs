//! Webhooks as delivery needs them: with their sealed secrets.

use serde::Deserialize;
use serde_json::json;

use super::webhooks::{stored_authentication, stored_filter};
use crate::ports::{DatabaseError, Statement};
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::authentication::Authentication;
use crate::webhook::filter::EventFilter;

const COLUMNS: &str = "SELECT id, org_id, url, events, status, secret, previous_secret, previous_secret_until, \
    auth_type, auth_header, auth_token, consecutive_failures FROM webhooks";

/// All webhooks of these tenants.
pub fn of_tenants(org_ids: &[&str]) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE org_id IN (SELECT value FROM json_each(?1)) ORDER BY sequence"))
        .bind(json!(org_ids))
}

/// These webhooks.
pub fn by_ids(ids: &[&str]) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE id IN (SELECT value FROM json_each(?1))")).bind(json!(ids))
}

/// A webhook's row.
#[derive(Debug, Deserialize)]
pub struct TargetRow {
    id: String,
    org_id: String,
    url: String,
    events: String,
    status: WebhookStatus,
    secret: String,
    previous_secret: Option<String>,
    previous_secret_until: Option<i64>,
    auth_type: String,
    auth_header: Option<String>,
    auth_token: Option<String>,
    consecutive_failures: u32,
}

/// A webhook to deliver to. Secrets are still sealed.
#[derive(Clone, Debug)]
pub struct Target {
    /// A UUID.
    pub id: String,
    /// Its tenant.
    pub org_id: String,
    /// Where to; checked again before each request.
    pub url: String,
    /// Which events.
    pub events: EventFilter,
    /// Whether events go out.
    pub status: WebhookStatus,
    /// The signing secret, sealed.
    pub sealed_secret: String,
    /// The secret before, while it signs as well.
    pub sealed_previous_secret: Option<String>,
    /// The static token's kind.
    pub authentication: Authentication,
    /// The token, sealed.
    pub sealed_token: Option<String>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
}

impl TargetRow {
    /// As of now: a previous secret counts until its overlap ends.
    ///
    /// # Errors
    /// Where a column holds something else than was written.
    pub fn into_target(self, now: Timestamp) -> Result<Target, DatabaseError> {
        let overlaps = self.previous_secret_until.is_some_and(|until| now.milliseconds() < until);
        Ok(Target {
            events: stored_filter(&self.events)?,
            authentication: stored_authentication(&self.auth_type, self.auth_header.as_deref())?,
            id: self.id,
            org_id: self.org_id,
            url: self.url,
            status: self.status,
            sealed_secret: self.secret,
            sealed_previous_secret: self.previous_secret.filter(|_| overlaps),
            sealed_token: self.auth_token,
            consecutive_failures: self.consecutive_failures,
        })
    }
}

/// What a batch of attempts says of one webhook's health.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The webhook.
    pub id: String,
    /// Whether any attempt succeeded: the count of failures starts anew.
    pub succeeded: bool,
    /// Failures, after the last success if there was one.
    pub failures: u32,
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

/// Writes health. Twenty of the delivery log's rows are looked at, so that the time of the last delivery is kept
/// when a healthy webhook, whose row is never written, begins to fail.
pub fn record_health(health: &[Health]) -> Statement {
    Statement::new(
        "UPDATE webhooks SET \
         consecutive_failures = j.failures + CASE WHEN j.succeeded THEN 0 ELSE consecutive_failures END, \
         last_error_at = COALESCE(j.error_at, last_error_at), \
         last_error_status = CASE WHEN j.error_at IS NULL THEN last_error_status ELSE j.error_status END, \
         last_error_message = CASE WHEN j.error_at IS NULL THEN last_error_message ELSE j.error_message END, \
         last_delivered_at = NULLIF(MAX(COALESCE(last_delivered_at, 0), COALESCE(j.delivered_at, 0), \
           COALESCE((SELECT MAX(r.ended_at) FROM (SELECT d.ended_at, d.state FROM deliveries d \
             WHERE d.webhook_id = webhooks.id ORDER BY d.created_at DESC, d.event_id DESC LIMIT 20) AS r \
             WHERE r.state = 'delivered'), 0)), 0), \
         status = CASE WHEN j.gone THEN 'disabled' ELSE status END \
         FROM (SELECT value ->> 'id' AS id, value ->> 'succeeded' AS succeeded, value ->> 'failures' AS failures, \
           value ->> 'deliveredAt' AS delivered_at, value ->> 'errorAt' AS error_at, \
           value ->> 'errorStatus' AS error_status, value ->> 'errorMessage' AS error_message, value ->> 'gone' AS gone \
           FROM json_each(?1)) AS j WHERE webhooks.id = j.id",
    )
    .bind(json!(health))
}
