//! Webhooks as delivery needs them: with their sealed secrets and their health.

use serde::Deserialize;
use serde_json::json;

use super::webhooks::{stored_authentication, stored_filter};
use crate::ports::{DatabaseError, Statement};
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::authentication::Authentication;
use crate::webhook::filter::EventFilter;

pub(super) const COLUMNS: &str = "id, org_id, url, url_revision, events, status, secret, previous_secret, \
    previous_secret_until, auth_type, auth_header, auth_token, consecutive_failures, strikes, circuit_opened_at, \
    probes_failed, verifying_since, verification_failures";

/// All webhooks of these tenants.
pub fn of_tenants(org_ids: &[&str]) -> Statement {
    Statement::new(format!(
        "SELECT {COLUMNS} FROM webhooks WHERE org_id IN (SELECT value FROM json_each(?1)) ORDER BY sequence"
    ))
    .bind(json!(org_ids))
}

/// These webhooks.
pub fn by_ids(ids: &[&str]) -> Statement {
    Statement::new(format!("SELECT {COLUMNS} FROM webhooks WHERE id IN (SELECT value FROM json_each(?1))"))
        .bind(json!(ids))
}

/// A webhook's row.
#[derive(Debug, Deserialize)]
pub struct TargetRow {
    id: String,
    org_id: String,
    url: String,
    url_revision: u32,
    events: String,
    status: WebhookStatus,
    secret: String,
    previous_secret: Option<String>,
    previous_secret_until: Option<i64>,
    auth_type: String,
    auth_header: Option<String>,
    auth_token: Option<String>,
    consecutive_failures: u32,
    strikes: u32,
    circuit_opened_at: Option<i64>,
    probes_failed: u32,
    verifying_since: Option<i64>,
    verification_failures: u32,
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
    /// Counts the URL's changes.
    pub url_revision: u32,
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
    /// Attempts in a row without a definite answer.
    pub strikes: u32,
    /// Since when its circuit is open.
    pub circuit_opened_at: Option<Timestamp>,
    /// Probes failed since then.
    pub probes_failed: u32,
    /// Since when it is being verified.
    pub verifying_since: Option<Timestamp>,
    /// Challenges failed since then.
    pub verification_failures: u32,
}

/// What a webhook does with a delivery now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It is attempted.
    Open,
    /// It waits, until the webhook is verified or its circuit closes.
    Held,
    /// It ends, to be redelivered.
    Shut,
}

impl Target {
    /// What it does with deliveries.
    pub fn gate(&self) -> Gate {
        match self.status {
            WebhookStatus::Active if self.circuit_opened_at.is_none() => Gate::Open,
            WebhookStatus::Active | WebhookStatus::Pending => Gate::Held,
            WebhookStatus::Disabled => Gate::Shut,
        }
    }
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
            url_revision: self.url_revision,
            status: self.status,
            sealed_secret: self.secret,
            sealed_previous_secret: self.previous_secret.filter(|_| overlaps),
            sealed_token: self.auth_token,
            consecutive_failures: self.consecutive_failures,
            strikes: self.strikes,
            circuit_opened_at: self.circuit_opened_at.map(Timestamp::from_milliseconds),
            probes_failed: self.probes_failed,
            verifying_since: self.verifying_since.map(Timestamp::from_milliseconds),
            verification_failures: self.verification_failures,
        })
    }
}
