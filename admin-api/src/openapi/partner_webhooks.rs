//! What partners receive, as OpenAPI 3.1 `webhooks`: one for each event type of the catalogue, and the challenge.

use serde_json::{Map, Value, json};
use shared::event::catalogue::{CatalogueEntry, EventType, catalogue, schemas_version};
use shared::event::sample::sample;
use shared::tenant::OrgId;
use shared::time::Timestamp;

const DESCRIPTION: &str = "Every event is a POST of one EventBridge envelope, signed after Standard Webhooks. \
Answer with 2xx within 15 seconds. Events may come twice (dedupe on `id`) and in any order (`detail.version` orders an \
aggregate's). New event types and new properties may appear at any time; a webhook that names no types gets them all.";

/// Makes the document.
#[must_use]
pub fn document() -> Value {
    let mut webhooks = Map::new();
    let mut schemas = Map::from_iter([("Envelope".to_owned(), envelope())]);
    for entry in catalogue().iter().filter(|entry| entry.republished) {
        let name = component(entry.name);
        if let Some(mut schema) =
            entry.schema().and_then(|schema| serde_json::from_str::<Value>(schema.get()).ok())
        {
            if let Some(members) = schema.as_object_mut() {
                members.remove("$schema");
            }
            schemas.insert(name.clone(), schema);
        }
        webhooks.insert(entry.name.to_owned(), json!({"post": event(entry, &name)}));
    }
    webhooks.insert("Webhook Verification".to_owned(), json!({"post": challenge()}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SmartphoneKey partner webhooks", "version": schemas_version(), "description": DESCRIPTION,
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "webhooks": webhooks,
        "components": {"schemas": schemas, "parameters": parameters(), "responses": responses(), "securitySchemes": {
            "bearerToken": {"type": "http", "scheme": "bearer", "description": "Where the webhook asks for it."},
            "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Your-Header",
                "description": "Where the webhook asks for it, in the header that it names."},
        }},
    })
}

/// An event type's name, in the characters that OpenAPI allows in a component's name.
fn component(event_type: &str) -> String {
    event_type.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn event(entry: &CatalogueEntry, name: &str) -> Value {
    let data = match entry.schema() {
        Some(_) => json!({"$ref": format!("#/components/schemas/{name}")}),
        None => json!({"type": "object"}),
    };
    let example = EventType::parse(entry.name).ok().zip(OrgId::parse("acme-corp").ok());
    let example = example.map(|(event_type, org_id)| sample(super::EVENT, &event_type, &org_id, at()));
    let mut example: Value = example.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if let Some(detail) = example.get_mut("detail").and_then(Value::as_object_mut) {
        detail.remove("test");
    }
    let summary = format!("{} ({})", entry.name, entry.aggregate);
    operation(&format!("on{name}"), &summary, entry.aggregate, entry.name, entry.source, &data, example)
}

fn challenge() -> Value {
    let example = json!({
        "version": "0", "id": super::EVENT, "detail-type": "Webhook Verification", "source": "spk.webhooks",
        "time": super::AT, "resources": [],
        "detail": {"partnerId": "acme-corp", "webhookId": super::WEBHOOK, "challenge": "0f5c…"},
    });
    let mut operation = operation(
        "onWebhookVerification",
        "A challenge after the URL changed: answer 2xx and the webhook is active",
        "verification",
        "Webhook Verification",
        "spk.webhooks",
        &json!(true),
        example,
    );
    let detail = json!({
        "required": ["webhookId", "challenge"],
        "properties": {"webhookId": {"type": "string", "format": "uuid"}, "challenge": {"type": "string"}},
    });
    operation["requestBody"]["content"]["application/json"]["schema"]["allOf"][1]["properties"]["detail"] =
        detail;
    operation
}

fn operation(
    id: &str,
    summary: &str,
    tag: &str,
    event_type: &str,
    source: &str,
    data: &Value,
    example: Value,
) -> Value {
    let parameters = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
    let answers = ["2XX", "410", "408", "425", "429", "5XX", "default"].map(|status| {
        (status.to_owned(), json!({"$ref": format!("#/components/responses/{}", response_name(status))}))
    });
    json!({
        "operationId": id, "summary": summary, "tags": [tag], "parameters": parameters,
        "security": [{}, {"bearerToken": []}, {"apiKeyHeader": []}],
        "requestBody": {"required": true, "content": {"application/json": {
            "schema": {"allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {"properties": {
                    "detail-type": {"const": event_type}, "source": {"const": source},
                    "detail": {"required": ["data"], "properties": {"data": data}},
                }},
            ]},
            "example": example,
        }}},
        "responses": Map::from_iter(answers),
    })
}

fn response_name(status: &str) -> &'static str {
    match status {
        "2XX" => "Taken",
        "410" => "Gone",
        "default" => "Refused",
        _ => "Later",
    }
}

fn responses() -> Value {
    json!({
        "Taken": {"description": "Delivered."},
        "Gone": {"description": "Never again: the webhook is disabled."},
        "Later": {"description": "Tried again for 72 hours; `Retry-After` is honoured up to an hour. So is a time-out."},
        "Refused": {"description": "Refused for good, redirects included: not tried again, but kept for redelivery."},
    })
}

fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": true, "description": description, "schema": schema});
    let text = json!({"type": "string"});
    json!({
        "webhook-id": header("webhook-id", "The envelope's id, the same on every attempt.", text.clone()),
        "webhook-timestamp": header("webhook-timestamp", "When this attempt began, in seconds since 1970; refuse what \
            is more than five minutes away.", json!({"type": "string", "pattern": "^[0-9]+$"})),
        "webhook-signature": header("webhook-signature", "`v1,` and the base64 of HMAC-SHA256 over \
            `<id>.<timestamp>.<body>` with the webhook's secret; two, parted by a space, while a rotated secret overlaps.",
            text),
    })
}

fn envelope() -> Value {
    json!({
        "type": "object", "required": ["id", "detail-type", "source", "time", "detail"],
        "properties": {
            "version": {"type": "string"},
            "id": {"type": "string", "minLength": 1, "maxLength": 128, "description": "Unique: dedupe on it."},
            "detail-type": {"type": "string", "description": "The event type."},
            "source": {"type": "string"},
            "account": {"type": "string"},
            "region": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "resources": {"type": "array", "items": {"type": "string"}},
            "detail": {
                "type": "object", "required": ["partnerId"],
                "properties": {
                    "partnerId": {"type": "string", "description": "Your organization's ID."},
                    "version": {"type": "integer", "description": "Orders the events of one aggregate."},
                    "test": {"type": "boolean", "description": "True on samples that somebody asked for."},
                    "data": {"description": "The event type's own payload."},
                },
            },
        },
    })
}

fn at() -> Timestamp {
    super::AT.parse().unwrap_or(Timestamp::from_milliseconds(0))
}
