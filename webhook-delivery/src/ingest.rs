//! `POST /events`: the target of the EventBridge API destination.

use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use axum::{Extension, Router};
use edge::cost::Cost;
use edge::health::{Health, answers};
use edge::json::{JsonAnswer, read};
use edge::problem::Problem;
use edge::routes::{Access, Caller, Route, Routes, get, open, post};
use edge::serve::{Surroundings, Unlogged, serve};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;
use shared::code::ErrorCode;
use shared::courier::PublishFault;
use shared::event::envelope::EnvelopeFault;
use shared::strict_json;

use crate::service::WebhookDelivery;

/// The header with EventBridge's key.
const EVENTS_KEY: HeaderName = HeaderName::from_static("x-events-key");
/// The headers that any route reads.
pub const HEADERS: [HeaderName; 3] = [EVENTS_KEY, CONTENT_TYPE, CONTENT_ENCODING];
/// The largest request: several large events, with room to hold them twice in an isolate's 128 MB.
pub const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

/// EventBridge, which presents the connection's key.
pub struct EventBridge;

impl Caller for EventBridge {
    const ACCESS: Access = Access::EventSource;
}

impl FromRequestParts<WebhookDelivery> for EventBridge {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, delivery: &WebhookDelivery) -> Result<Self, Problem> {
        authenticate(delivery, &parts.headers)
    }
}

fn authenticate(delivery: &WebhookDelivery, headers: &HeaderMap) -> Result<EventBridge, Problem> {
    let presented = delivery.config.events_api_key.is_presented(headers, &EVENTS_KEY);
    presented.then_some(EventBridge).ok_or_else(Problem::unauthorized)
}

/// How many events are safely queued.
#[derive(Serialize)]
struct Accepted {
    accepted: usize,
}

async fn publish(
    _event_bridge: EventBridge,
    State(delivery): State<WebhookDelivery>,
    request: Request,
) -> Result<(Extension<Unlogged>, JsonAnswer<Accepted>), Problem> {
    let bytes = read(request, LARGEST_REQUEST).await?;
    strict_json::check(&bytes).map_err(|fault| Problem::invalid_request(fault.to_string()))?;
    let text =
        String::from_utf8(bytes).map_err(|fault| Problem::invalid_request(fault.utf8_error().to_string()))?;
    match delivery.couriers.publish(text).await {
        // Its consumer logs each event: a line for each request would cost as much as the Queue.
        Ok(accepted) => Ok((Extension(Unlogged), JsonAnswer(StatusCode::ACCEPTED, Accepted { accepted }))),
        Err(PublishFault::NotQueued(error)) => Err(error.into()),
        Err(PublishFault::Shape) => Err(Problem::invalid_field("body", PublishFault::Shape)),
        Err(PublishFault::Envelope { index, fault }) => {
            let mut problem = Problem::invalid_field(&format!("[{index}]"), &fault);
            if fault == EnvelopeFault::TooLarge {
                problem.status = StatusCode::PAYLOAD_TOO_LARGE;
                problem.code = ErrorCode::PayloadTooLarge;
            }
            Err(problem)
        }
    }
}

async fn health(
    State(delivery): State<WebhookDelivery>,
    Extension(cost): Extension<Cost>,
) -> Result<JsonAnswer<Health>, Problem> {
    let now = delivery.couriers.of_group(0, delivery.couriers.count()).clock.now();
    let databases = delivery.couriers.map(|courier| cost.meter(courier.database.clone()));
    delivery.last_health.or(now, answers(&databases)).await?;
    Ok(JsonAnswer(StatusCode::OK, Health::good(delivery.config.environment, delivery.version)))
}

/// The router, and the list of its routes.
pub fn router(delivery: WebhookDelivery) -> (Router, Vec<Route>) {
    Routes::default().route(get("/health", open(health))).route(post("/events", publish)).build(delivery)
}

/// Answers a request. Only EventBridge is told that a path has no route.
pub async fn answer(
    router: Router,
    delivery: &WebhookDelivery,
    surroundings: &Surroundings,
    request: Request,
) -> Response {
    let fallback = async |headers: &HeaderMap| match authenticate(delivery, headers) {
        Ok(EventBridge) => Problem::not_found(),
        Err(problem) => problem,
    };
    serve(router, surroundings, request, fallback).await
}
