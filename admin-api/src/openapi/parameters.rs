//! The parameters of paths and queries, and the headers of answers.

use serde_json::{Value, json};

use super::shape::reference;
use super::{AT, EVENT, WEBHOOK};

fn parameter(place: &str, name: &str, description: &str, schema: Value, example: Value) -> Value {
    json!({"name": name, "in": place, "required": place == "path", "description": description, "schema": schema,
        "example": example})
}

/// The parameter `cursor`. Each list has an example of its own, because no list takes another's cursor.
pub(super) fn cursor(example: &str) -> Value {
    let schema = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"});
    let description = "`nextCursor` of an earlier answer of the same list.";
    parameter("query", "cursor", description, schema, json!(example))
}

/// Every other parameter, by its name among the components.
pub(super) fn parameters() -> Value {
    let path = |name: &str, description: &str, schema: Value, example: Value| {
        parameter("path", name, description, schema, example)
    };
    let query = |name: &str, description: &str, schema: Value, example: Value| {
        parameter("query", name, description, schema, example)
    };
    let mut keys_of = query("orgId", "Whose keys.", reference("OrgId"), json!("acme-corp"));
    keys_of["required"] = json!(true);
    let event_id = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"});
    let mut event_of = query("eventId", "The envelope's id.", event_id.clone(), json!(EVENT));
    event_of["required"] = json!(true);
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50});
    let offset = json!({"type": "integer", "minimum": 0, "maximum": i32::MAX, "default": 0});
    let since = "Only deliveries created then or later.";
    let until = "Only deliveries created before; after `since`.";
    json!({
        "orgId": path("orgId", "The organization's ID. Capitals are taken for small letters, except where the ID is chosen.", reference("OrgId"), json!("acme-corp")),
        "webhookId":
            path("webhookId", "The webhook.", json!({"type": "string", "format": "uuid"}), json!(WEBHOOK)),
        "email": path("email", "The person's e-mail address.", reference("EmailAddress"),
            json!("colleague@acme-corp.com")),
        "eventId": path("eventId", "The envelope's id.", event_id.clone(), json!(EVENT)),
        "eventOf": event_of,
        "id": path("id", "The dead letter.", json!({"type": "string", "format": "uuid"}), json!(WEBHOOK)),
        "limit": query("limit", "Entries at most.", limit, json!(50)),
        "offset": query("offset", "Entries to leave out before.", offset, json!(0)),
        "ownerEmail": query("ownerEmail", "Only tenants with this member, the owner or another, ASCII case aside.",
            reference("EmailAddress"), json!("owner@acme-corp.com")),
        "search": query("search", "Only tenants whose ID or name begins with this text, ASCII case aside; not together with `ownerEmail`.",
            json!({"type": "string", "minLength": 1, "maxLength": 120, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"}),
            json!("acme")),
        "idempotencyKey": parameter("header", "Idempotency-Key",
            "A text of your own, such as a UUID, with which you may repeat the request for 24 hours: the same request is \
             answered as the first time, secrets included, and is done once.",
            json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}),
            json!("8e03978e-40d5-43e8-bc93-6894a57f9324")),
        "keysOf": keys_of,
        "state": query("state", "Only deliveries that stand so; several by comma, or repeated.",
            json!({"type": "array", "minItems": 1, "items": reference("DeliveryState")}), json!(["failed", "dead"])),
        "eventType":
            query("eventType", "Only deliveries of this event type.", json!({"type": "string"}), json!("KeyAdded")),
        "since": query("since", since, reference("Timestamp"), json!(AT)),
        "until": query("until", until, reference("Timestamp"), json!("2026-04-03T10:00:00.000Z")),
    })
}
