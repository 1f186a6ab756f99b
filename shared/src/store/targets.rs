//! Webhooks as delivery reads them: with their sealed secrets and their health.

use serde::Deserialize;
use serde_json::json;

use super::secrets::overlapping;
use super::shard::FROM_OURS;
use super::webhooks::{stored_authentication, stored_filter};
use crate::event::id::EventId;
use crate::event::message::DeliveryKey;
use crate::ports::{DatabaseError, Statement};
use crate::row;
use crate::tenant::OrgId;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::health::{Condition, Health, Release};
use crate::webhook::id::WebhookId;
use crate::webhook::target::Target;

/// The columns of a [`TargetRow`]. Nearly every webhook is well, and then its condition is null.
pub(super) const COLUMNS: &str = "id, org_id, url, url_revision, events, secret, previous_secrets, auth_type, \
    auth_header, auth_token, CASE WHEN status = 'active' AND circuit_opened_at IS NULL AND tend_at IS NULL \
    AND failing_since IS NULL AND release_pace IS NULL AND consecutive_failures = 0 AND failing_told = 0 AND strikes = 0 \
    THEN NULL ELSE json_object('status', status, 'consecutive_failures', consecutive_failures, \
    'failing_since', failing_since, 'failing_told', failing_told, 'verifying_since', verifying_since, \
    'verification_failures', verification_failures, 'strikes', strikes, 'release_pace', release_pace, \
    'released_at', released_at, 'circuit_opened_at', circuit_opened_at, 'probes_failed', probes_failed, \
    'last_probe', last_probe, 'disabled_reason', disabled_reason, 'tend_at', tend_at) END AS condition, \
    health_stamp, last_error_at";

/// All webhooks of these tenants.
pub fn of_tenants(org_ids: &[&str]) -> Statement {
    Statement::new(format!(
        "SELECT {COLUMNS} FROM {FROM_OURS}webhooks WHERE org_id IN (SELECT value FROM json_each(?1))"
    ))
    .bind(json!(org_ids))
}

/// The webhooks of these deliveries.
pub fn of_deliveries(keys: &[&DeliveryKey]) -> Statement {
    let ids: Vec<WebhookId> = keys.iter().map(|key| key.webhook_id).collect();
    by_ids(&ids)
}

/// These webhooks.
pub fn by_ids(ids: &[WebhookId]) -> Statement {
    Statement::new(format!("SELECT {COLUMNS} FROM webhooks WHERE id IN (SELECT value FROM json_each(?1))"))
        .bind(json!(ids))
}

/// A webhook's row.
#[derive(Debug, Deserialize)]
pub struct TargetRow {
    id: WebhookId,
    org_id: OrgId,
    url: String,
    url_revision: u32,
    events: String,
    secret: String,
    previous_secrets: String,
    auth_type: String,
    auth_header: Option<String>,
    auth_token: Option<String>,
    condition: Option<String>,
    health_stamp: i64,
    last_error_at: Option<i64>,
}

/// The condition of a webhook that is not well.
#[derive(Debug, Deserialize)]
struct ConditionRow {
    status: WebhookStatus,
    consecutive_failures: u32,
    failing_since: Option<i64>,
    failing_told: u8,
    verifying_since: Option<i64>,
    verification_failures: u32,
    strikes: u32,
    release_pace: Option<u32>,
    released_at: Option<i64>,
    circuit_opened_at: Option<i64>,
    probes_failed: u32,
    last_probe: Option<EventId>,
    disabled_reason: Option<String>,
    tend_at: Option<i64>,
}

impl From<ConditionRow> for Condition {
    fn from(row: ConditionRow) -> Self {
        let time = Timestamp::from_milliseconds;
        let health = match (row.status, row.circuit_opened_at) {
            (WebhookStatus::Disabled, _) => {
                Health::Disabled { reason: row.disabled_reason.unwrap_or_default() }
            }
            (WebhookStatus::Pending, _) => Health::Verifying {
                since: time(row.verifying_since.unwrap_or_default()),
                failures: row.verification_failures,
            },
            (WebhookStatus::Active, Some(since)) => Health::CircuitOpen {
                since: time(since),
                failed_probes: row.probes_failed,
                last_probe: row.last_probe,
            },
            (WebhookStatus::Active, None) => Health::Well {
                strikes: row.strikes,
                release: row
                    .release_pace
                    .zip(row.released_at)
                    .map(|(pace, at)| Release { pace, at: time(at) }),
            },
        };
        Self {
            health,
            failures: row.consecutive_failures,
            failing_since: row.failing_since.map(time),
            told: row.failing_told == 1,
            due: row.tend_at.map(time),
        }
    }
}

impl TargetRow {
    /// As of now: an earlier secret counts until its overlap ends.
    ///
    /// # Errors
    /// Where a column holds something else than was written.
    pub fn into_target(self, now: Timestamp) -> Result<Target, DatabaseError> {
        let previous = overlapping(&self.previous_secrets, now)?;
        let condition = match &self.condition {
            Some(text) => row::read_text::<ConditionRow>(text).map_err(DatabaseError::shape)?.into(),
            None => Condition::WELL,
        };
        Ok(Target {
            events: stored_filter(&self.events)?,
            authentication: stored_authentication(&self.auth_type, self.auth_header.as_deref())?,
            id: self.id,
            org_id: self.org_id,
            url: self.url,
            url_revision: self.url_revision,
            sealed_secret: self.secret,
            sealed_previous_secrets: previous.into_iter().map(|previous| previous.secret).collect(),
            sealed_token: self.auth_token,
            condition,
            stamp: self.health_stamp,
            last_error_at: self.last_error_at.map(Timestamp::from_milliseconds),
        })
    }
}
