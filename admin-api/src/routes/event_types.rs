//! `GET /event-types`

use edge::parameters::NoQuery;
use edge::routes::get;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::event::catalogue::{CatalogueEntry, catalogue};

use super::{JsonResult, Routes, ok};
use crate::auth::Admin;
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/event-types", list),
        Operation::new("listEventTypes", "List the event types with their payloads' schemas")
            .answers::<EventTypes>(
                200,
                "The catalogue.",
                json!({"eventTypes": [{
                    "name": "KeyAdded", "aggregate": "lock", "source": "spk.api", "documented": true,
                    "republished": true, "schema": {"type": "object"},
                }]}),
            ),
    ))
}

/// The catalogue.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct EventTypes {
    event_types: Vec<EventTypeBody>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct EventTypeBody {
    name: &'static str,
    aggregate: &'static str,
    source: &'static str,
    documented: bool,
    /// Whether it is delivered to webhooks at all.
    republished: bool,
    /// JSON Schema 2020-12 of `detail.data`; null where none is published.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    schema: Option<&'static RawValue>,
}

impl From<&'static CatalogueEntry> for EventTypeBody {
    fn from(entry: &'static CatalogueEntry) -> Self {
        Self {
            name: entry.name,
            aggregate: entry.aggregate,
            source: entry.source,
            documented: entry.documented,
            republished: entry.republished,
            schema: entry.schema(),
        }
    }
}

/// Every event type a webhook may name, with its payload's schema.
async fn list(_admin: Admin, NoQuery: NoQuery) -> JsonResult<EventTypes> {
    ok(EventTypes { event_types: catalogue().iter().map(Into::into).collect() })
}
