//! A webhook's log: its deliveries as people read them.

use serde::Deserialize;

use super::of_tenant;
use crate::delivery::standing::Stage;
use crate::delivery::{Attempt, Delivery, DeliveryState};
use crate::event::id::EventId;
use crate::ports::{DatabaseError, Statement};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

const LOG_COLUMNS: &str =
    "event_id, event_type, stage, created_at, next_attempt_at, ended_at, reason, attempts";

/// The place of a delivery in its webhook's log: when it was created, in milliseconds, and its event.
pub type LogPlace = (i64, String);

/// A webhook's log, newest first, from before `place` on: at most `limit` rows are looked at, whatever the history. With
/// stages, through the index of what was not delivered, one stage at a time: one failure among a million deliveries is
/// found at once.
pub fn newest(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    stages: &[Stage],
    since: Timestamp,
    place: &LogPlace,
    limit: u32,
) -> Statement {
    let order = "ORDER BY created_at DESC, event_id DESC LIMIT ?6";
    let range = "webhook_id = ?2 AND org_id = ?1 AND created_at >= ?3 AND (created_at, event_id) < (?4, ?5)";
    let sql = if stages.is_empty() || stages.contains(&Stage::Delivered) {
        format!("SELECT {LOG_COLUMNS} FROM deliveries INDEXED BY deliveries_newest WHERE {range} {order}")
    } else {
        let parts = stages.iter().map(|stage| {
            format!(
                "SELECT * FROM (SELECT {LOG_COLUMNS} FROM deliveries INDEXED BY deliveries_undelivered \
                 WHERE stage <> 'delivered' AND stage = '{}' AND {range} {order})",
                stage.as_str()
            )
        });
        format!("{} {order}", parts.collect::<Vec<_>>().join(" UNION ALL "))
    };
    of_tenant(tenant, sql).bind(webhook_id).bind(since).bind(place.0).bind(place.1.as_str()).bind(limit)
}

/// One delivery, with its body where it is kept.
pub fn select(tenant: &TenantScope, webhook_id: &WebhookId, event_id: &EventId) -> Statement {
    of_tenant(tenant, format!(
        "SELECT {LOG_COLUMNS}, (SELECT b.body FROM bodies b WHERE b.org_id = ?1 AND b.event_id = ?3) AS body \
         FROM deliveries WHERE org_id = ?1 AND webhook_id = ?2 AND event_id = ?3"
    ))
    .bind(webhook_id)
    .bind(event_id)
}

/// A row of the log.
#[derive(Debug, Deserialize)]
pub struct LogRow {
    event_id: EventId,
    event_type: String,
    stage: Stage,
    created_at: i64,
    next_attempt_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
    attempts: String,
    /// The envelope, where asked for and kept.
    #[serde(default)]
    pub body: Option<String>,
}

impl LogRow {
    /// Its place in the log.
    pub fn place(&self) -> LogPlace {
        (self.created_at, self.event_id.to_string())
    }

    /// How the delivery stands.
    pub fn state(&self) -> DeliveryState {
        self.stage.state()
    }

    /// The envelope's `detail-type`.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl TryFrom<LogRow> for Delivery {
    type Error = DatabaseError;

    fn try_from(row: LogRow) -> Result<Self, DatabaseError> {
        let attempts: Vec<Attempt> =
            serde_json::from_str(&row.attempts).map_err(|error| DatabaseError::Shape(error.to_string()))?;
        Ok(Self {
            event_id: row.event_id,
            event_type: row.event_type,
            state: row.stage.state(),
            created_at: Timestamp::from_milliseconds(row.created_at),
            next_attempt_at: row.next_attempt_at.map(Timestamp::from_milliseconds),
            ended_at: row.ended_at.map(Timestamp::from_milliseconds),
            reason: row.reason,
            attempts,
            held: row.stage == Stage::Held,
        })
    }
}
