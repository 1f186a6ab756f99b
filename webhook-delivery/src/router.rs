//! The router, and how the Worker answers a path without a route.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use edge::cost::Cost;
use edge::health::{Health, answers};
use edge::json::JsonAnswer;
use edge::problem::Problem;
use edge::router::{Router, Unrouted};
use edge::routes::{Route, Routes, get, open, post};
use edge::serve::{Surroundings, serve};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, StatusCode};

use crate::ingest::{EVENTS_KEY, EventBridge, publish};
use crate::service::WebhookDelivery;

/// The headers that any route reads.
pub const HEADERS: [HeaderName; 3] = [EVENTS_KEY, CONTENT_TYPE, CONTENT_ENCODING];

/// The router, and the list of its routes.
pub fn router(delivery: WebhookDelivery) -> (Router<WebhookDelivery>, Vec<Route>) {
    Routes::default().route(get("/health", open(health))).route(post("/events", publish)).build(delivery)
}

/// Answers a request. Only EventBridge is told that a path has no route.
pub async fn answer(
    router: &Router<WebhookDelivery>,
    delivery: &WebhookDelivery,
    surroundings: &Surroundings,
    request: Request,
) -> Response {
    let unrouted = async |request: Request, unrouted: Unrouted| match EventBridge::authenticate(
        &delivery.config.events_api_key,
        request.headers(),
    ) {
        Ok(EventBridge) => unrouted.told_as(Problem::not_found()),
        Err(problem) => problem.into_response(),
    };
    serve(surroundings, request, async |request| router.answer(request, unrouted).await).await
}

/// Answers 200 once the configuration is sound (checked before any route) and the databases answer.
async fn health(
    State(delivery): State<WebhookDelivery>,
    request: Request,
) -> Result<JsonAnswer<Health>, Problem> {
    let now = delivery.couriers.of_group(0, delivery.couriers.count()).clock.now();
    let cost = Cost::of(request.extensions());
    let databases = delivery.couriers.map(|courier| cost.meter(courier.database.clone()));
    delivery.last_health.or(now, answers(&databases)).await?;
    Ok(JsonAnswer(StatusCode::OK, Health::good(delivery.config.environment, delivery.version.clone())))
}
