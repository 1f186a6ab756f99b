//! `POST /events`: the target of the EventBridge API destination.

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use edge::cost::Cost;
use edge::health::{Health, answers};
use edge::json::{JsonAnswer, read};
use edge::problem::Problem;
use edge::routes::{Access, Route};
use edge::serve::{JsonProblems, Surroundings, Unlogged, serve_through};
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
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

/// The handler of a route.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// How the Worker is.
    Health,
    /// Takes events in.
    Publish,
}

/// Every route. A constant list instead of axum's router, which is 18 KB of the compressed Wasm: the Worker has two routes,
/// whose paths have no parameters.
pub const ROUTES: [(Route, Handler); 2] = [
    (Route { method: "GET", path: "/health", access: Access::Open, description: () }, Handler::Health),
    (
        Route { method: "POST", path: "/events", access: Access::EventSource, description: () },
        Handler::Publish,
    ),
];

/// Refuses whoever does not present EventBridge's key.
fn authenticate(delivery: &WebhookDelivery, headers: &HeaderMap) -> Result<(), Problem> {
    let presented = delivery.config.events_api_key.is_presented(headers, &EVENTS_KEY);
    presented.then_some(()).ok_or_else(Problem::unauthorized)
}

/// How many events are safely queued.
#[derive(Serialize)]
struct Accepted {
    accepted: usize,
}

async fn publish(
    delivery: &WebhookDelivery,
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

async fn health(delivery: &WebhookDelivery, request: Request) -> Result<JsonAnswer<Health>, Problem> {
    let cost = request.extensions().get::<Cost>().cloned().unwrap_or_default();
    let now = delivery.couriers.of_group(0, delivery.couriers.count()).clock.now();
    let databases = delivery.couriers.map(|courier| cost.meter(courier.database.clone()));
    delivery.last_health.or(now, answers(&databases)).await?;
    Ok(JsonAnswer(StatusCode::OK, Health::good(delivery.config.environment, delivery.version.clone())))
}

/// Answers by the route for the request's path, or with 404. Everybody but the caller whom the list names is refused here,
/// before any handler. `HEAD` is answered as `GET` without the body.
async fn route(delivery: &WebhookDelivery, request: Request) -> Response {
    let path = request.uri().path();
    let Some((route, handler)) = ROUTES.iter().find(|(route, _)| route.path == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let only_head = route.method == Method::GET && request.method() == Method::HEAD;
    if !only_head && request.method() != route.method {
        let methods = if route.method == Method::GET { "GET,HEAD" } else { route.method };
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, methods)]).into_response();
    }
    if route.access != Access::Open
        && let Err(problem) = authenticate(delivery, request.headers())
    {
        return problem.into_response();
    }
    let mut response = match handler {
        Handler::Health => health(delivery, request).await.into_response(),
        Handler::Publish => publish(delivery, request).await.into_response(),
    };
    if only_head {
        let length = response.body().size_hint().exact().unwrap_or_default();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Body::empty();
    }
    response
}

/// Answers a request. Only EventBridge is told that a path has no route.
pub async fn answer(delivery: &WebhookDelivery, surroundings: &Surroundings, request: Request) -> Response {
    let fallback = async |headers: &HeaderMap| match authenticate(delivery, headers) {
        Ok(()) => Problem::not_found(),
        Err(problem) => problem,
    };
    let route = async |request| route(delivery, request).await;
    serve_through(&JsonProblems, route, surroundings, request, fallback).await
}
