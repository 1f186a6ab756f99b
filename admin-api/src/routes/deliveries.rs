//! The delivery log, and redelivery.

use edge::json::Answer;
use edge::parameters::{EventPath, NoQuery, OrgPath, Query, WebhookPath};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::app::deliveries::{LogCursor, LogFilter};
use shared::cursor::Cursor;
use shared::delivery::{Delivery, DeliveryState};
use shared::error::Faults;
use shared::event::id::EventId;
use shared::page::parse_limit;
use shared::time::Timestamp;

use super::{Answered, ok};
use crate::auth::{Admin, MeteredApp};

/// The query of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogQuery {
    state: Option<String>,
    event_type: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// A stretch of the log.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogBody {
    deliveries: Vec<Delivery>,
    /// Give it as `cursor` to go on; null at the end. With a filter, a stretch may be short and still not the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<LogCursor>,
}

/// `GET /tenants/{orgId}/webhooks/{webhookId}/deliveries`
pub async fn list(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    Query(query): Query<LogQuery>,
) -> Answered<LogBody> {
    let mut faults = Faults::default();
    let limit = faults.check("limit", parse_limit(query.limit.as_deref()));
    let filter = LogFilter {
        states: faults.optional("state", query.state.as_deref(), DeliveryState::parse).into_iter().collect(),
        event_type: query.event_type,
        since: faults.optional("since", query.since.as_deref(), str::parse::<Timestamp>),
        until: faults.optional("until", query.until.as_deref(), str::parse::<Timestamp>),
        cursor: faults.optional("cursor", query.cursor.as_deref(), Cursor::parse),
    };
    if filter.since.zip(filter.until).is_some_and(|(since, until)| until <= since) {
        faults.add("until", "must be after since");
    }
    let limit = faults.finish(limit)?;
    let page = app.list_deliveries(&org_id, &webhook_id, filter, limit).await?;
    ok(LogBody { deliveries: page.deliveries, next_cursor: page.next })
}

/// One delivery.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryBody {
    #[serde(flatten)]
    delivery: Delivery,
    /// The envelope as it was sent; null once delivered.
    body: Option<String>,
}

/// `GET /tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}`
pub async fn get(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    EventPath(event_id): EventPath,
) -> Answered<DeliveryBody> {
    let (delivery, body) = app.get_delivery(&org_id, &webhook_id, &event_id).await?;
    ok(DeliveryBody { delivery, body })
}

/// Accepted: the delivery is pending.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RedeliveredBody {
    success: bool,
    event_id: EventId,
}

/// `POST /tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}/redeliver`
pub async fn redeliver(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    EventPath(event_id): EventPath,
) -> Answered<RedeliveredBody> {
    app.redeliver(&org_id, &webhook_id, &event_id).await?;
    Ok(Answer(StatusCode::ACCEPTED, RedeliveredBody { success: true, event_id }))
}
