//! `GET /event-types`, as it is checked in.

use axum::response::{IntoResponse, Response};
use edge::parameters::NoQuery;
use edge::routes::{get, open};
use http::header::CONTENT_TYPE;

use super::Routes;
#[cfg(feature = "openapi")]
use crate::openapi::{event_catalogue::EventCatalogue, prelude::*};

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/event-types", open(list)).naming_its_methods(),
        Operation::new("listEventTypes", "List the event types")
            .details("With the schema of each type's payload, and an example as it is delivered.")
            .answers::<EventCatalogue>(
                200,
                "The catalogue.",
                json!({"eventTypes": [{
                    "name": "KeyAdded", "aggregate": "lock", "source": "spk.api", "documented": true,
                    "republished": true, "schema": {"type": "object"},
                    "example": {"id": EVENT, "detail-type": "KeyAdded", "detail": {"partnerId": "acme-corp"}},
                }]}),
            ),
    ))
}

/// Every event type that a webhook may name.
const EVENT_TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/event-types.json"));

async fn list(NoQuery: NoQuery) -> Response {
    ([(CONTENT_TYPE, "application/json")], EVENT_TYPES).into_response()
}
