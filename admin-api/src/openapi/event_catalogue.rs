//! The catalogue of event types as `GET /event-types` answers, with a schema and an example for each type.

use serde::Serialize;
use serde_json::Value;
use shared::event::catalogue::{CatalogueEntry, EventType, catalogue};
use shared::event::sample::sample;
use shared::tenant::OrgId;
use shared::time::Timestamp;

use super::shape::open;

/// The catalogue.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventCatalogue {
    /// In the order of their aggregates.
    event_types: Vec<CataloguedEventType>,
}

/// One event type.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CataloguedEventType {
    /// The envelope's `detail-type`, by which a webhook names the type.
    name: &'static str,
    /// The kind of thing that the event happened to.
    aggregate: &'static str,
    /// The envelope's `source`.
    source: &'static str,
    /// Whether the list for partners has the type.
    documented: bool,
    /// Whether events of the type are delivered to webhooks.
    republished: bool,
    /// JSON Schema 2020-12 of `detail.data`; null where none is published.
    #[schema(value_type = Option<Object>)]
    schema: Option<Value>,
    /// An envelope as it is delivered.
    #[schema(value_type = Object)]
    example: Value,
}

impl CataloguedEventType {
    fn of(entry: &'static CatalogueEntry) -> Self {
        let &CatalogueEntry { name, aggregate, source, documented, republished } = entry;
        let (schema, example) = (open_schema(entry), example(entry));
        Self { name, aggregate, source, documented, republished, schema, example }
    }
}

/// Makes the document.
#[must_use]
pub fn document() -> Value {
    let catalogue = EventCatalogue { event_types: catalogue().iter().map(CataloguedEventType::of).collect() };
    serde_json::to_value(catalogue).unwrap_or_default()
}

/// The payload's schema as a partner may rely on it: later versions may add properties and values.
pub(super) fn open_schema(entry: &CatalogueEntry) -> Option<Value> {
    let mut schema = serde_json::from_str(entry.schema()?.get()).ok()?;
    open(&mut schema);
    Some(schema)
}

/// An envelope of this type, as it is delivered.
pub(super) fn example(entry: &CatalogueEntry) -> Value {
    let parts = EventType::parse(entry.name).ok().zip(OrgId::parse("acme-corp").ok());
    let at: Timestamp = super::AT.parse().unwrap_or(Timestamp::from_milliseconds(0));
    let envelope = parts.map(|(event_type, org_id)| sample(super::EVENT, &event_type, &org_id, at));
    let mut envelope: Value = envelope.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if let Some(detail) = envelope["detail"].as_object_mut() {
        detail.remove("test");
        detail.insert("version".to_owned(), 3.into());
    }
    envelope
}
