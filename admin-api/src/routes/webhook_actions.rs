//! Actions on a webhook: verify, enable, test, redeliver.

use edge::fields::Given;
use edge::json::{Json, JsonAnswer, OptionalJson};
use edge::parameters::{NoQuery, OrgPath, WebhookPath};
use edge::routes::post;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, de};
use shared::app::redeliver_range::{RedeliveredRange, RequestedRange};
use shared::delivery::DeliveryState;
use shared::error::Error;
use shared::event::catalogue::{EventType, find};
use shared::event::id::EventId;
use shared::time::Timestamp;
use shared::webhook::filter::EventFilter;

use super::{JsonResult, Routes, TransitionedBody, check_order, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/verify", verify),
            Operation::new("verifyWebhook", "Verify a webhook's endpoint")
                .details("The webhook is pending until the endpoint answers a challenge with 2xx; so is a disabled webhook, as after \
                     `enable`. If the webhook's events are on hold, the webhook stays active, and the next probe is due now.")
                .answers::<TransitionedBody>(202, "Verification starts again.", transitioned(5))
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/enable", enable),
            Operation::new("enableWebhook", "Enable a disabled webhook")
                .details("A webhook that is not disabled is left as it is, with 409: also one that `verify` has taken back already.")
                .answers::<TransitionedBody>(200, "Pending, and being verified.", transitioned(6))
                .fails(&[TenantNotRegistered, WebhookNotFound, WebhookNotDisabled]),
        ))
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/test", test),
            Operation::new("testWebhook", "Send a test event")
                .details(
                    "A sample of `eventType` (KeyAdded where absent), marked `detail.test: true`, to this webhook alone.",
                )
                .takes::<TestBody>(Needs::NoBody, json!({"eventType": "LockCreated"}))
                .answers::<TestEventSent>(202, "On its way.", json!({"eventId": EVENT}))
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/redeliver", redeliver),
            Operation::new("redeliverRange", "Send many events again")
                .details(
                    "Those created from `since` (all that is kept where absent) to before `until` (now where absent; \
                     after `since`), in one of `states` (failed and dead where absent), in batches. What was delivered can be sent again for a \
                     day.",
                )
                .takes::<RedeliverBody>(Needs::Body, json!({"since": AT, "states": ["failed", "dead"]}))
                .answers::<RangeRedelivered>(202, "How many become pending again.", json!({"count": 17, "more": false}))
                .fails(&[TenantNotRegistered, WebhookNotFound, WebhookDisabled]),
        ))
}

/// The type of a test event, if the body names none.
const DEFAULT_TEST: &str = "KeyAdded";

async fn verify(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> JsonResult<TransitionedBody> {
    let transitioned = app.verify_webhook(&admin.of(org_id), &id).await?;
    Ok(JsonAnswer(StatusCode::ACCEPTED, transitioned.into()))
}

async fn enable(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> JsonResult<TransitionedBody> {
    ok(app.enable_webhook(&admin.of(org_id), &id).await?.into())
}

/// The body of a test; may be absent.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TestBody {
    event_type: Option<DeliveredEventType>,
}

/// A type of the catalogue that partners get. The document lists their names.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String")]
struct DeliveredEventType(EventType);

impl TryFrom<String> for DeliveredEventType {
    type Error = String;

    /// Takes the name of one type. The fault of an unknown name suggests the nearest, as that of a filter does.
    fn try_from(name: String) -> Result<Self, String> {
        if name == "*" {
            return Err("must name one event type".to_owned());
        }
        EventFilter::parse(vec![name.clone()]).map_err(|fault| fault.to_string())?;
        if find(&name).is_some_and(|entry| !entry.republished) {
            return Err("must not be a type that is never delivered to partners".to_owned());
        }
        EventType::parse(name).map(Self).map_err(|fault| fault.to_string())
    }
}

/// The event that is on its way.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct TestEventSent {
    event_id: EventId,
}

async fn test(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    OptionalJson(body): OptionalJson<TestBody>,
) -> JsonResult<TestEventSent> {
    let event_type = match body.event_type {
        Some(DeliveredEventType(event_type)) => event_type,
        None => EventType::parse(DEFAULT_TEST).map_err(|fault| Error::Internal(fault.to_string()))?,
    };
    let event_id = app.test_webhook(&admin.of(org_id), &id, &event_type).await?;
    Ok(JsonAnswer(StatusCode::ACCEPTED, TestEventSent { event_id }))
}

/// The states that can be redelivered.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "lowercase"))]
enum EndedState {
    /// The endpoint accepted the event, which can be sent again for a day.
    Delivered,
    /// The endpoint answered 410, the webhook was deleted, or its URL is no longer allowed.
    Failed,
    /// The 72 hours were over, or the webhook was disabled.
    Dead,
}

impl From<EndedState> for DeliveryState {
    fn from(state: EndedState) -> Self {
        match state {
            EndedState::Delivered => Self::Delivered,
            EndedState::Failed => Self::Failed,
            EndedState::Dead => Self::Dead,
        }
    }
}

/// Reads the states of deliveries to send again. One sentence serves for every fault.
fn ended_states<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<EndedState>>, D::Error> {
    let Some(names) = Option::<Vec<String>>::deserialize(deserializer)? else { return Ok(None) };
    let states = names.iter().map(|name| match name.as_str() {
        "delivered" => Some(EndedState::Delivered),
        "failed" => Some(EndedState::Failed),
        "dead" => Some(EndedState::Dead),
        _ => None,
    });
    let states = states.collect::<Option<Vec<_>>>().filter(|states| !states.is_empty());
    states
        .map(Some)
        .ok_or_else(|| de::Error::custom("must be a list of delivered, failed and dead, at least one"))
}

/// Which deliveries to send again.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct RedeliverBody {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    #[serde(deserialize_with = "ended_states")]
    states: Option<Vec<EndedState>>,
}

/// How many will be sent again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct RangeRedelivered {
    /// As many as were counted, 10,000 at most.
    count: u32,
    /// Whether there are more: they go out as well.
    more: bool,
}

async fn redeliver(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    Json(body): Json<Given<RedeliverBody>>,
) -> JsonResult<RangeRedelivered> {
    let range = body.check(|RedeliverBody { since, until, states }, faults| {
        // Without `since`, every delivery that is kept.
        let since = since.unwrap_or(Timestamp::from_milliseconds(0));
        check_order(Some(since), until, faults);
        let states = states.unwrap_or_else(|| vec![EndedState::Failed, EndedState::Dead]);
        Some(RequestedRange { since, until, states: states.into_iter().map(Into::into).collect() })
    })?;
    let RedeliveredRange { count, more } = app.redeliver_range(&admin.of(org_id), &id, range).await?;
    Ok(JsonAnswer(StatusCode::ACCEPTED, RangeRedelivered { count, more }))
}
