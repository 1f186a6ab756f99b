//! What partners receive, as OpenAPI 3.1 `webhooks`: one for each event type of the catalogue, one for all of them, and the
//! challenge.

use serde_json::{Map, Value, json};
use shared::event::catalogue::{CatalogueEntry, catalogue, schemas_version};

use super::event_catalogue::{example, open_schema};
use super::shape::{pascal, reference};
use super::{contact, license};

const DESCRIPTION: &str = "Every event is a POST of one EventBridge envelope, signed after Standard Webhooks. \
Answer with 2xx within 15 seconds. Events may come twice (dedupe on `id`) and in any order (`detail.version` orders an \
aggregate's). A webhook that names no types gets them all.

Stability: event types, properties and values may be added at any time: ignore what you do not know, and answer events of \
types that you do not know with 2xx. Nothing is taken away or changed in meaning without 12 months' notice.";

/// The `detail-type` of a challenge.
const VERIFICATION: &str = "Webhook Verification";

/// Makes the document.
#[must_use]
pub fn document() -> Value {
    let mut webhooks = Map::new();
    let mut schemas = Map::new();
    let (mut all, mut mapping) = (Vec::new(), Map::new());
    let mut add = |detail_type: &str, source: &str, about: &str, detail: Value, example: Value, tag: &str| {
        let name = component(detail_type);
        let event = format!("{name}Event");
        schemas.insert(format!("{name}Detail"), detail);
        schemas.insert(
            event.clone(),
            envelope(about, detail_type, source, &reference(&format!("{name}Detail"))),
        );
        all.push(reference(&event));
        mapping.insert(detail_type.to_owned(), reference(&event)["$ref"].clone());
        let operation =
            operation(&format!("on{name}"), about, tag, &reference(&event), &json!({"example": example}));
        webhooks.insert(detail_type.to_owned(), json!({"post": operation}));
    };
    let mut payloads = Map::new();
    for entry in catalogue().iter().filter(|entry| entry.republished) {
        let name = format!("{}Data", component(entry.name));
        let mut data = payload(entry);
        name_parts(&mut data, &component(entry.name), &mut payloads);
        payloads.insert(name.clone(), data);
        let about = format!("{} ({}).", entry.name, entry.aggregate);
        add(entry.name, entry.source, &about, detail_of(&reference(&name)), example(entry), entry.aggregate);
    }
    let about = "A challenge after the URL changed: answer 2xx and the webhook is active.";
    add(VERIFICATION, "spk.webhooks", about, challenge(), challenge_example(), "verification");
    schemas.extend(payloads);
    let about = "Any of the events. An event of a type that is newer than this document is none of them.";
    let discriminator = json!({"propertyName": "detail-type", "mapping": mapping});
    schemas.insert(
        "Event".to_owned(),
        json!({"description": about, "oneOf": all, "discriminator": discriminator}),
    );
    let anything = operation(
        "onEvent",
        "Any event, for a handler of all types.",
        "any",
        &reference("Event"),
        &json!({"examples": {"KeyAdded": {"value": webhooks["KeyAdded"]["post"]["requestBody"]["content"]["application/json"]["example"]}}}),
    );
    webhooks.insert("Event".to_owned(), json!({"post": anything}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SmartphoneKey partner webhooks", "version": schemas_version(), "description": DESCRIPTION,
            "license": license(), "contact": contact(),
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "https://{endpoint}", "description": "The URL of your webhook.", "variables": {
            "endpoint": {"default": "hooks.acme-corp.com/in", "description": "Host and path of your endpoint."},
        }}],
        "tags": tags(),
        // Required by some tools, although the document has webhooks only.
        "paths": {},
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

/// A heading for each aggregate, and those of what belongs to none.
fn tags() -> Vec<Value> {
    let mut names: Vec<_> =
        catalogue().iter().filter(|entry| entry.republished).map(|entry| entry.aggregate).collect();
    names.sort_unstable();
    names.dedup();
    let of_aggregates =
        names.into_iter().map(|name| json!({"name": name, "description": format!("Events of a {name}.")}));
    let others = [("any", "All events."), ("verification", "Challenges.")];
    of_aggregates.chain(others.map(|(name, about)| json!({"name": name, "description": about}))).collect()
}

fn payload(entry: &CatalogueEntry) -> Value {
    let mut schema =
        open_schema(entry).unwrap_or_else(|| json!({"type": "object", "additionalProperties": true}));
    if let Some(members) = schema.as_object_mut() {
        members.remove("$schema");
        let about = format!("The payload of {}.", entry.name);
        members.entry("description").or_insert(json!(about));
    }
    schema
}

/// Moves the objects within a payload out into components of their own, named after the event type and the property, so that
/// generators need not number them.
fn name_parts(schema: &mut Value, prefix: &str, parts: &mut Map<String, Value>) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (property, schema) in properties.into_iter().flatten() {
        let (schema, name) = match schema.get_mut("items") {
            Some(items) => (items, format!("{prefix}{}", pascal(property.trim_end_matches('s')))),
            None => (schema, format!("{prefix}{}", pascal(property))),
        };
        if schema["properties"].is_object() {
            let mut part = std::mem::replace(schema, reference(&name));
            name_parts(&mut part, &name, parts);
            parts.insert(name, part);
        }
    }
}

fn detail_of(data: &Value) -> Value {
    json!({
        "type": "object", "required": ["partnerId", "data"],
        "properties": {
            "partnerId": {"type": "string", "description": "Your organization's ID."},
            "version": {"type": "integer", "description": "Orders the events of one aggregate."},
            "test": {"type": "boolean", "description": "True on samples that somebody asked for."},
            "data": data,
        },
    })
}

fn challenge() -> Value {
    json!({
        "type": "object", "required": ["partnerId", "webhookId", "challenge"],
        "properties": {
            "partnerId": {"type": "string", "description": "Your organization's ID."},
            "webhookId": {"type": "string", "format": "uuid", "description": "The webhook that is verified."},
            "challenge": {"type": "string", "description": "A random text. No answer has to contain the text."},
        },
    })
}

fn challenge_example() -> Value {
    json!({
        "version": "0", "id": super::EVENT, "detail-type": VERIFICATION, "source": "spk.webhooks",
        "time": super::AT, "resources": [],
        "detail": {"partnerId": "acme-corp", "webhookId": super::WEBHOOK, "challenge": "0f5c2d4b9a3e47f1"},
    })
}

fn operation(id: &str, about: &str, tag: &str, schema: &Value, examples: &Value) -> Value {
    let parameters = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
    let answers = ["2XX", "410", "default"].map(|status| {
        (status.to_owned(), json!({"$ref": format!("#/components/responses/{}", response_name(status))}))
    });
    let mut content = examples.clone();
    content["schema"] = schema.clone();
    json!({
        "operationId": id, "summary": about.trim_end_matches('.'), "description": about, "tags": [tag],
        "parameters": parameters, "security": [{}, {"bearerToken": []}, {"apiKeyHeader": []}],
        "requestBody": {"required": true, "content": {"application/json": content}},
        "responses": Map::from_iter(answers),
    })
}

fn response_name(status: &str) -> &'static str {
    match status {
        "2XX" => "Taken",
        "410" => "Gone",
        _ => "Later",
    }
}

fn responses() -> Value {
    json!({
        "Taken": {"description": "Delivered."},
        "Gone": {"description": "The delivery fails, and the webhook is disabled."},
        "Later": {"description": "Any other status, redirects included, and no answer within 15 seconds: we try again for 72 hours. We \
            wait as long as `Retry-After` says, up to an hour."},
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
            `<id>.<timestamp>.<body>` with the webhook's secret; several, parted by spaces, while rotated secrets overlap.",
            text),
    })
}

fn envelope(about: &str, detail_type: &str, source: &str, detail: &Value) -> Value {
    json!({
        "description": about,
        "type": "object", "required": ["id", "detail-type", "source", "time", "detail"],
        "properties": {
            "version": {"type": "string", "description": "The version of the envelope's form."},
            "id": {"type": "string", "minLength": 1, "maxLength": 128, "description": "Unique: dedupe on it."},
            "detail-type": {"type": "string", "const": detail_type, "description": "The event type."},
            "source": {"type": "string", "const": source, "description": "The part of SmartphoneKey that tells of it."},
            "account": {"type": "string", "description": "The AWS account of the event bus."},
            "region": {"type": "string", "description": "The AWS region of the event bus."},
            "time": {"type": "string", "format": "date-time", "description": "The time when it happened."},
            "resources": {"type": "array", "items": {"type": "string"}, "description": "ARNs, if any."},
            "detail": detail,
        },
    })
}
