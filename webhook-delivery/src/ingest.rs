//! `POST /events`: the target of the EventBridge API destination.

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use edge::json::{JsonAnswer, read};
use edge::problem::Problem;
use edge::routes::{Access, Caller};
use edge::secret::SharedSecret;
use edge::serve::Unlogged;
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;
use shared::code::ErrorCode;
use shared::courier::PublishFault;
use shared::event::envelope::EnvelopeFault;
use shared::strict_json;

use crate::service::WebhookDelivery;

/// The header with EventBridge's key.
pub const EVENTS_KEY: HeaderName = HeaderName::from_static("x-events-key");
/// The largest request: several large events, with room to hold them twice in an isolate's 128 MB.
pub const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

/// EventBridge, by the key of its connection.
pub struct EventBridge;

impl EventBridge {
    /// Lets in whoever presents this key.
    ///
    /// # Errors
    /// 401.
    pub fn authenticate(key: &SharedSecret, headers: &HeaderMap) -> Result<Self, Problem> {
        key.is_presented(headers, &EVENTS_KEY).then_some(Self).ok_or_else(Problem::unauthorized)
    }
}

impl Caller for EventBridge {
    const ACCESS: Access = Access::EventSource;
}

impl FromRequestParts<WebhookDelivery> for EventBridge {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, delivery: &WebhookDelivery) -> Result<Self, Problem> {
        Self::authenticate(&delivery.config.events_api_key, &parts.headers)
    }
}

/// How many events are safely queued.
#[derive(Serialize)]
pub(crate) struct Accepted {
    accepted: usize,
}

/// Takes events in.
pub(crate) async fn publish(
    _: EventBridge,
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
