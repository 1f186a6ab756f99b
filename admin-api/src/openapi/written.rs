//! Schemas that say more than the types can: written by hand, in place of those that are derived.

use serde_json::{Value, json};
use shared::event::catalogue::{CatalogueEntry, catalogue};

use super::shape::{Schemas, reference};

/// The schemas to put in place of those among `schemas`, in requests.
pub(super) fn in_requests(schemas: &Schemas) -> Schemas {
    let mut written = Schemas::new();
    if schemas.contains_key("EventFilter") {
        written.insert("EventFilter".to_owned(), requested_filter());
        written.insert("EventFilterEntry".to_owned(), filter_entry());
    }
    if schemas.contains_key("DeliveredEventType") {
        written.insert("DeliveredEventType".to_owned(), delivered_event_type());
    }
    if schemas.contains_key("AuthBody") {
        written.insert("AuthBody".to_owned(), requested_authentication());
    }
    written
}

/// The schemas to put in place of those among `schemas`, in answers.
pub(super) fn in_answers(schemas: &Schemas) -> Schemas {
    let mut written = Schemas::new();
    if schemas.contains_key("EventFilter") {
        let about = "The event types that the webhook gets: `*` alone for all, also for those that are new, or names.";
        let filter =
            json!({"description": about, "type": "array", "items": {"type": "string"}, "minItems": 1});
        written.insert("EventFilter".to_owned(), filter);
    }
    written
}

fn names(wanted: impl Fn(&CatalogueEntry) -> bool) -> impl Iterator<Item = &'static str> {
    catalogue().iter().filter(move |entry| wanted(entry)).map(|entry| entry.name)
}

fn requested_filter() -> Value {
    json!({
        "description": "`*` alone for all event types, also for those that are new, or the named types without duplicates.",
        "type": "array", "items": reference("EventFilterEntry"), "minItems": 1, "uniqueItems": true,
        "if": {"contains": {"const": "*"}}, "then": {"maxItems": 1},
    })
}

fn filter_entry() -> Value {
    let values: Vec<_> = ["*"].into_iter().chain(names(|_| true)).collect();
    json!({"description": "An event type of the catalogue, or `*`.", "type": "string", "enum": values})
}

fn delivered_event_type() -> Value {
    let values: Vec<_> = names(|entry| entry.republished).collect();
    json!({"description": "An event type that partners get.", "type": "string", "enum": values})
}

fn requested_authentication() -> Value {
    let token = json!({"oneOf": [{"type": "null"}, reference("AuthToken")]});
    let alternative = |about: &str, tag: &str| {
        json!({
            "description": about, "type": "object", "required": ["type"], "additionalProperties": false,
            "properties": {"type": {"type": "string", "enum": [tag]}},
        })
    };
    let none = alternative("The signature alone: no token.", "none");
    let mut bearer = alternative("We send `Authorization: Bearer <token>`.", "bearerToken");
    bearer["properties"]["token"] = token.clone();
    let mut header = alternative("We send `<headerName>: <token>`.", "apiKeyHeader");
    header["required"] = json!(["type", "headerName"]);
    header["properties"]["headerName"] = reference("HeaderName");
    header["properties"]["token"] = token;
    json!({
        "description": "A static token that we send with each event, on top of the signature, for an endpoint that wants one. Of a new \
            `auth` the answer shows the token, this once; where `token` is absent, one is generated. `none` takes the token away.",
        "oneOf": [none, bearer, header],
    })
}
