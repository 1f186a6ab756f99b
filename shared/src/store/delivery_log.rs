//! A webhook's log: its deliveries as people read them.

use serde::Deserialize;

use super::columns::{
    FIRST_WEBHOOK, History, StoredAttempt, StoredEvent, TENANTS_WEBHOOK, event_key, event_text, of_webhook,
};
use super::of_tenant;
use crate::delivery::standing::Stage;
use crate::delivery::{Attempt, Delivery, DeliveryState};
use crate::event::id::EventId;
use crate::ports::{DatabaseError, Statement};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

fn columns() -> String {
    let event = event_text("event");
    format!(
        "{event} AS event, (SELECT name FROM event_types WHERE number = event_type) AS event_type, stage, created_at, waited, \
         status, milliseconds, next_attempt_at, history"
    )
}

/// The place of a delivery in its webhook's log: when it was created, in milliseconds, and its event; an empty text is
/// before every event of that time.
pub type LogPlace = (i64, String);

/// The log of a webhook, or of the tenant's first webhook, newest first, from before `place` on: at most `limit` rows are
/// looked at, whatever the history. With stages, through the index of what was not delivered, one stage at a time: one
/// failure among a million deliveries is found at once.
pub fn newest(
    tenant: &TenantScope,
    webhook_id: Option<&WebhookId>,
    stages: &[Stage],
    since: Timestamp,
    place: &LogPlace,
    limit: u32,
) -> Statement {
    let (columns, key) = (columns(), event_key("?5"));
    let webhook = if webhook_id.is_some() { TENANTS_WEBHOOK } else { FIRST_WEBHOOK };
    let range = format!(
        "FROM deliveries{{index}} WHERE webhook = {webhook} AND created_at >= ?3 \
         AND (created_at, event) < (?4, {key})"
    );
    let order = "ORDER BY created_at DESC, event DESC LIMIT ?6";
    let sql = if stages.is_empty() || stages.contains(&Stage::Delivered) {
        format!("SELECT {columns} {} {order}", range.replace("{index}", ""))
    } else {
        // The rows are made after the newest of all stages are known.
        let range = range.replace("{index}", " INDEXED BY deliveries_undelivered");
        let part = |stage: &Stage| {
            format!(
                "SELECT * FROM (SELECT webhook AS of_webhook, created_at AS of_time, event AS of_event {range} AND stage <> 0 AND stage = {} {order})",
                stage.number()
            )
        };
        let parts: Vec<String> = stages.iter().map(part).collect();
        format!(
            "SELECT {columns} FROM ({}) AS newest CROSS JOIN deliveries \
             ON webhook = of_webhook AND created_at = of_time AND event = of_event {order}",
            parts.join(" UNION ALL ")
        )
    };
    let event = EventId::parse(&place.1).ok().map(|id| StoredEvent::from(&id).0);
    let webhook_id = webhook_id.map(WebhookId::to_string);
    of_tenant(tenant, sql).bind(webhook_id).bind(since).bind(place.0).bind(event).bind(limit)
}

/// One delivery.
pub fn select(tenant: &TenantScope, webhook_id: &WebhookId, event_id: &EventId) -> Statement {
    let (columns, event) = (columns(), event_key("?3"));
    of_tenant(
        tenant,
        format!("SELECT {columns} FROM deliveries WHERE webhook = {TENANTS_WEBHOOK} AND event = {event}"),
    )
    .bind(webhook_id)
    .bind(StoredEvent::from(event_id).0)
}

/// An event's delivery to each webhook of the tenant, in the order of the webhooks' creation, those that were deleted lately
/// among them.
pub fn of_event(tenant: &TenantScope, event_id: &EventId) -> Statement {
    let (id, columns, event) = (of_webhook("id", "webhook"), columns(), event_key("?2"));
    of_tenant(
        tenant,
        format!(
            "SELECT {id} AS webhook_id, {columns} FROM deliveries WHERE webhook IN \
             (SELECT sequence FROM webhooks WHERE org_id = ?1 UNION ALL \
              SELECT sequence FROM deleted_webhooks WHERE org_id = ?1) AND event = {event} ORDER BY webhook"
        ),
    )
    .bind(StoredEvent::from(event_id).0)
}

/// What [`of_event`] finds.
#[derive(Debug, Deserialize)]
pub struct EventRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The delivery.
    pub delivery: LogRow,
}

/// A row of the log.
#[derive(Debug, Deserialize)]
pub struct LogRow {
    event: StoredEvent,
    event_type: String,
    stage: u8,
    created_at: i64,
    waited: Option<i64>,
    status: Option<u16>,
    milliseconds: Option<u64>,
    next_attempt_at: Option<i64>,
    history: Option<String>,
}

impl LogRow {
    /// Its place in the log.
    pub fn place(&self) -> LogPlace {
        (self.created_at, EventId::try_from(self.event.clone()).map(String::from).unwrap_or_default())
    }

    /// How the delivery stands.
    ///
    /// # Errors
    /// Where the column holds no stage.
    pub fn stage(&self) -> Result<Stage, DatabaseError> {
        Stage::of_number(self.stage).ok_or_else(|| DatabaseError::Shape("stage".into()))
    }

    /// Whether the delivery is in one of these states.
    pub fn is_in(&self, states: &[DeliveryState]) -> bool {
        Stage::of_number(self.stage).is_some_and(|stage| states.contains(&stage.state()))
    }

    /// The envelope's `detail-type`.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// When and how it was delivered, if that was at once.
    fn delivered_at_once(&self) -> Option<Attempt> {
        let duration_milliseconds = self.milliseconds?;
        let at = Timestamp::from_milliseconds(self.created_at + self.waited.unwrap_or_default());
        Some(Attempt { at, status: self.status, duration_milliseconds, error: None, excerpt: None })
    }
}

impl TryFrom<LogRow> for Delivery {
    type Error = DatabaseError;

    fn try_from(row: LogRow) -> Result<Self, DatabaseError> {
        let shape = |fault: &dyn std::fmt::Display| DatabaseError::Shape(fault.to_string());
        let stage = row.stage()?;
        let history: Option<History> =
            row.history.as_deref().map(serde_json::from_str).transpose().map_err(|fault| shape(&fault))?;
        let at_once = row.delivered_at_once();
        let ended_at = match &history {
            Some(history) => history.ended_at.map(Timestamp::from_milliseconds),
            None => at_once.as_ref().filter(|_| stage == Stage::Delivered).map(Attempt::ended_at),
        };
        let (reason, attempts) = match history {
            Some(History { reason, attempts, .. }) => {
                (reason, attempts.into_iter().map(StoredAttempt::into).collect())
            }
            None => (None, at_once.into_iter().collect()),
        };
        Ok(Self {
            event_id: row.event.try_into().map_err(|fault| shape(&fault))?,
            event_type: row.event_type,
            state: stage.state(),
            created_at: Timestamp::from_milliseconds(row.created_at),
            next_attempt_at: row.next_attempt_at.map(Timestamp::from_milliseconds),
            ended_at,
            reason,
            attempts,
            held: stage == Stage::Held,
        })
    }
}
