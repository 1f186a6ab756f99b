//! The delivery log, and redelivery.

use edge::fields::Given;
use edge::json::JsonAnswer;
use edge::parameters::{EventPath, NoQuery, OrgPath, Query, WebhookPath};
use edge::routes::{get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::app::deliveries::{LogCursor, LogFilter};
use shared::delivery::{Delivery, DeliveryState};
use shared::event::id::EventId;
use shared::page::Limit;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::{JsonResult, Routes, check_order, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            get("/tenants/{orgId}/webhooks/{webhookId}/deliveries", list),
            Operation::new("listDeliveries", "Read a webhook's delivery log")
                .details("With a filter a page may be short and still not the last: `nextCursor` tells. `state` takes several, by comma or repeated.")
                .query(&["state", "eventType", "since", "until"])
                .pages((1_775_124_000_000_i64, EVENT))
                .answers::<DeliveryPage>(
                    200,
                    "Deliveries with their attempts, newest first.",
                    json!({"deliveries": [delivery()], "nextCursor": null}),
                )
                .fails(&[TenantNotRegistered, WebhookNotFound])
                .leads_to("getDelivery", &LOGGED)
                .leads_to("redeliver", &LOGGED),
        ))
        .route(described!(
            get("/tenants/{orgId}/deliveries", find_event),
            Operation::new("findEvent", "See what became of an event")
                .details("Its delivery to each webhook that took the event, with the attempts. An event that no webhook took, or that is not there yet, has none.")
                .query(&["eventOf"])
                .answers::<EventDeliveries>(200, "The event's deliveries, by the webhooks' creation.", {
                    let mut of_webhook = delivery();
                    of_webhook["webhookId"] = json!(WEBHOOK);
                    json!({"deliveries": [of_webhook]})
                })
                .fails(&[TenantNotRegistered])
                .leads_to("getDelivery", &FOUND)
                .leads_to("redeliver", &FOUND),
        ))
        .route(described!(
            get("/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}", find),
            Operation::new("getDelivery", "Get one delivery")
                .answers::<DeliveryDetails>(200, "The delivery, and its body where kept.", {
                    let mut kept = delivery();
                    kept["body"] = json!("{\"version\":\"0\",\"id\":\"…\"}");
                    kept
                })
                .fails(&[TenantNotRegistered, WebhookNotFound, DeliveryNotFound]),
        ))
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}/redeliver", redeliver),
            Operation::new("redeliver", "Send one event again")
                .details("Its retries begin anew. A delivered event can be sent again for a day.")
                .answers::<EventRedelivered>(
                    202,
                    "Pending again.",
                    json!({"success": true, "eventId": EVENT})
                )
                .fails(&[
                    TenantNotRegistered,
                    WebhookNotFound,
                    DeliveryNotFound,
                    DeliveryPending,
                    BodyNotKept,
                    WebhookDisabled
                ]),
        ))
}

/// Links on to the first delivery of a page of the log.
#[cfg(feature = "openapi")]
const LOGGED: [(&str, &str); 3] = [
    SAME_TENANT,
    ("webhookId", "$request.path.webhookId"),
    ("eventId", "$response.body#/deliveries/0/eventId"),
];

/// Links on to the delivery of an event to the first webhook.
#[cfg(feature = "openapi")]
const FOUND: [(&str, &str); 3] = [
    SAME_TENANT,
    ("webhookId", "$response.body#/deliveries/0/webhookId"),
    ("eventId", "$response.body#/deliveries/0/eventId"),
];

/// The query of the log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogQuery {
    state: Option<Vec<DeliveryState>>,
    event_type: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<Limit>,
    cursor: Option<LogCursor>,
}

/// A stretch of the log.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct DeliveryPage {
    deliveries: Vec<Delivery>,
    /// Give it as `cursor` to go on; null at the end. With a filter, a stretch may be short and still not the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<LogCursor>,
}

async fn list(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    Query(query): Query<Given<LogQuery>>,
) -> JsonResult<DeliveryPage> {
    let (filter, limit) = query.check(|query, faults| {
        check_order(query.since, query.until, faults);
        let LogQuery { state, event_type, since, until, limit, cursor } = query;
        Some((
            LogFilter { states: state.unwrap_or_default(), event_type, since, until, cursor },
            limit.unwrap_or_default(),
        ))
    })?;
    let page = app.list_deliveries(&admin.of(org_id), &webhook_id, filter, limit.0).await?;
    ok(DeliveryPage { deliveries: page.deliveries, next_cursor: page.next })
}

/// The query of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventQuery {
    event_id: EventId,
}

/// What became of an event.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct EventDeliveries {
    /// One for each webhook that took the event.
    deliveries: Vec<DeliveryToWebhook>,
}

/// A delivery, and the webhook.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct DeliveryToWebhook {
    webhook_id: WebhookId,
    #[serde(flatten)]
    delivery: Delivery,
}

async fn find_event(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    Query(EventQuery { event_id }): Query<EventQuery>,
) -> JsonResult<EventDeliveries> {
    let found = app.find_event(&admin.of(org_id), &event_id).await?;
    let deliveries =
        found.into_iter().map(|(webhook_id, delivery)| DeliveryToWebhook { webhook_id, delivery });
    ok(EventDeliveries { deliveries: deliveries.collect() })
}

/// One delivery.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct DeliveryDetails {
    #[serde(flatten)]
    delivery: Delivery,
    /// The envelope as it was sent; null once delivered.
    body: Option<String>,
}

async fn find(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    EventPath(event_id): EventPath,
) -> JsonResult<DeliveryDetails> {
    let (delivery, body) = app.get_delivery(&admin.of(org_id), &webhook_id, &event_id).await?;
    ok(DeliveryDetails { delivery, body })
}

/// Accepted: the delivery is pending.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct EventRedelivered {
    success: bool,
    event_id: EventId,
}

async fn redeliver(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
    EventPath(event_id): EventPath,
) -> JsonResult<EventRedelivered> {
    let event_id = app.redeliver(&admin.of(org_id), &webhook_id, &event_id).await?;
    Ok(JsonAnswer(StatusCode::ACCEPTED, EventRedelivered { success: true, event_id }))
}

/// An example of a delivery.
#[cfg(feature = "openapi")]
pub(super) fn delivery() -> Value {
    json!({
        "eventId": EVENT, "eventType": "KeyAdded", "state": "dead", "createdAt": AT, "nextAttemptAt": null,
        "endedAt": "2026-04-05T10:00:00.000Z", "reason": "the retries are spent", "held": false,
        "attempts": [{"at": AT, "status": 503, "durationMilliseconds": 41, "error": "answered 503", "excerpt": "Busy"}],
    })
}
