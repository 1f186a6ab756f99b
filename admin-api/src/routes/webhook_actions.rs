//! What an admin does to a webhook besides changing it: verify, enable, test, redeliver.

use edge::json::{Answer, Json, OptionalJson};
use edge::parameters::{NoQuery, OrgPath, WebhookPath};
use edge::routes::post;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::app::redeliver_range::{RedeliveredRange, RequestedRange};
use shared::delivery::DeliveryState;
use shared::error::Faults;
use shared::event::catalogue::{EventType, find};
use shared::event::id::EventId;
use shared::time::Timestamp;
use shared::webhook::filter::EventFilter;

use super::{Answered, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/verify", verify),
            Operation::new("verifyWebhook", "Verify a webhook's endpoint")
                .details("The webhook is pending until the endpoint answers a challenge with 2xx.")
                .answers::<TransitionedBody>(202, "Verification starts again.", transitioned(5))
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .add(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/enable", enable),
            Operation::new("enableWebhook", "Enable a disabled webhook")
                .answers::<TransitionedBody>(200, "Pending, and being verified.", transitioned(6))
                .fails(&[TenantNotRegistered, WebhookNotFound, WebhookNotDisabled]),
        ))
        .add(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/test", test),
            Operation::new("testWebhook", "Send a test event")
                .details(
                    "A sample of `eventType` (KeyAdded where absent), marked `detail.test: true`, to this webhook alone.",
                )
                .takes::<TestBody>(Needs::NoBody, json!({"eventType": "LockCreated"}))
                .answers::<TestedBody>(202, "On its way.", json!({"eventId": EVENT}))
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .add(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/redeliver", redeliver),
            Operation::new("redeliverRange", "Send many events again")
                .details(
                    "Those created from `since` (all that is kept where absent) to before `until` (now where absent; \
                     after `since`), in one of `states`, in batches.",
                )
                .takes::<RedeliverBody>(Needs::Nothing, json!({"since": AT, "states": ["failed", "dead"]}))
                .answers::<RedeliverAnswer>(202, "How many become pending again.", json!({"count": 17, "more": false}))
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
}

/// The type of a test event, where none is asked for.
const DEFAULT_TEST: &str = "KeyAdded";

/// `POST /tenants/{orgId}/webhooks/{webhookId}/verify`
pub async fn verify(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> Answered<TransitionedBody> {
    let transitioned = app.verify_webhook(&admin.actor, &org_id, &id).await?;
    Ok(Answer(StatusCode::ACCEPTED, transitioned.into()))
}

/// `POST /tenants/{orgId}/webhooks/{webhookId}/enable`
pub async fn enable(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> Answered<TransitionedBody> {
    ok(app.enable_webhook(&admin.actor, &org_id, &id).await?.into())
}

/// The body of a test; may be absent.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<DeliveredEventType>))]
    event_type: Option<String>,
}

/// The document's name for what `eventType` may be.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only its name counts; its values come from the catalogue")]
struct DeliveredEventType(String);

/// The event that is on its way.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestedBody {
    event_id: EventId,
}

/// `POST /tenants/{orgId}/webhooks/{webhookId}/test`
pub async fn test(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    OptionalJson(body): OptionalJson<TestBody>,
) -> Answered<TestedBody> {
    let mut faults = Faults::default();
    let event_type =
        faults.check("eventType", known_type(body.event_type.as_deref().unwrap_or(DEFAULT_TEST)));
    let event_type = faults.finish(event_type)?;
    let event_id = app.test_webhook(&org_id, &id, &event_type).await?;
    Ok(Answer(StatusCode::ACCEPTED, TestedBody { event_id }))
}

/// A type of the catalogue that partners get; otherwise the nearest is named, as for a filter.
fn known_type(name: &str) -> Result<EventType, String> {
    if name == "*" {
        return Err("must name one event type".to_owned());
    }
    EventFilter::parse(vec![name.to_owned()]).map_err(|fault| fault.to_string())?;
    if find(name).is_some_and(|entry| !entry.republished) {
        return Err("must not be a type that is never delivered to partners".to_owned());
    }
    EventType::parse(name).map_err(|fault| fault.to_string())
}

/// The states that can be redelivered.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "only the document needs the names as a type")]
enum EndedState {
    /// Refused for good.
    Failed,
    /// Its retries are spent.
    Dead,
}

/// Which deliveries to send again.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RedeliverBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    since: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    until: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<EndedState>>, min_items = 1))]
    states: Option<Vec<String>>,
}

/// How many will be sent again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RedeliverAnswer {
    /// As many as were counted, 10,000 at most.
    count: u32,
    /// Whether there are more: they go out as well.
    more: bool,
}

/// `POST /tenants/{orgId}/webhooks/{webhookId}/redeliver`
pub async fn redeliver(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    Json(body): Json<RedeliverBody>,
) -> Answered<RedeliverAnswer> {
    let mut faults = Faults::default();
    let since = match body.since.as_deref() {
        // All that is kept.
        None => Some(Timestamp::from_milliseconds(0)),
        Some(text) => faults.check("since", text.parse::<Timestamp>()),
    };
    let until = faults.optional("until", body.until.as_deref(), str::parse::<Timestamp>);
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        faults.add("until", "must be after since");
    }
    let states = match body.states {
        None => Some(vec![DeliveryState::Failed, DeliveryState::Dead]),
        Some(names) => faults.check("states", ended_states(&names)),
    };
    let range = since.zip(states).map(|(since, states)| RequestedRange { since, until, states });
    let redelivered = app.redeliver_range(&org_id, &id, faults.finish(range)?).await?;
    let RedeliveredRange { count, more } = redelivered;
    Ok(Answer(StatusCode::ACCEPTED, RedeliverAnswer { count, more }))
}

/// States of which a delivery's body is kept.
fn ended_states(names: &[String]) -> Result<Vec<DeliveryState>, &'static str> {
    const RULE: &str = "must be a list of failed and dead, at least one";
    let parsed = names.iter().map(|name| DeliveryState::parse(name).map_err(|_| RULE));
    let states = parsed.collect::<Result<Vec<_>, _>>()?;
    let kept = |state: &DeliveryState| matches!(state, DeliveryState::Failed | DeliveryState::Dead);
    if !states.is_empty() && states.iter().all(kept) { Ok(states) } else { Err(RULE) }
}
