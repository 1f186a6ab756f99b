//! What operations share: schemas, problem responses, parameters.

use std::collections::BTreeMap;

use edge::problem::{Problem, RETRY_AFTER};
use serde_json::{Map, Value, json};
use shared::code::ErrorCode;
use shared::event::catalogue::{CatalogueEntry, catalogue};
use utoipa::ToSchema;

use super::{AT, EVENT, WEBHOOK};

/// Properties of answers that may be absent. All others are always there; some may be null.
const MAY_BE_ABSENT: [&str; 8] =
    ["disabledReason", "circuitOpenedAt", "warnings", "auth", "token", "error", "excerpt", "fields"];

/// The document's components, in the making.
#[derive(Default)]
pub(super) struct Components {
    schemas: BTreeMap<String, Value>,
    responses: BTreeMap<String, Value>,
}

impl Components {
    /// Returns a type's schema, and adds the schemas that it refers to.
    pub(super) fn schema_of<T: ToSchema>(&mut self) -> Value {
        let mut nested = Vec::new();
        T::schemas(&mut nested);
        for (name, schema) in nested {
            self.schemas.insert(name, json!(schema));
        }
        json!(T::schema())
    }

    /// Adds a type of answers, in which properties that are null are written as well. Returns the reference to it.
    pub(super) fn add_answer<T: ToSchema>(&mut self) -> Value {
        let mut own = Self::default();
        let schema = own.schema_of::<T>();
        own.insert(&T::name(), schema);
        own.schemas.values_mut().for_each(always_there);
        self.extend(own);
        reference(&T::name())
    }

    /// Adds a schema under a name. Returns the reference to it.
    pub(super) fn insert(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.insert(name.to_owned(), schema);
        reference(name)
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.schemas.extend(other.schemas);
        self.responses.extend(other.responses);
    }

    /// Adds the response of a status with these problems, named after their codes. Returns the reference to it.
    pub(super) fn problem_response(&mut self, problems: &[Problem]) -> Value {
        let mut codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        codes.sort_unstable();
        let name = codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("-or-");
        let examples: Map<_, _> = problems
            .iter()
            .map(|problem| {
                let body = problem.render("2f1c7a54-3b0e-4d43-9a52-0f2f6a1f8a11");
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                (problem.code.to_string(), json!({"value": body}))
            })
            .collect();
        let description =
            problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" / ");
        let mut headers = json!({"X-Request-Id": {"$ref": "#/components/headers/RequestId"}});
        if codes.contains(&ErrorCode::Unauthorized) {
            headers["WWW-Authenticate"] =
                json!({"required": true, "schema": {"type": "string", "const": "Bearer"}});
        }
        if codes.contains(&ErrorCode::TooManyRequests) {
            headers["Retry-After"] =
                json!({"required": true, "schema": {"type": "string", "const": RETRY_AFTER}});
        }
        let response = json!({
            "description": description, "headers": headers,
            "content": {"application/json": {
                "schema": {"allOf": [reference("Problem"), {"properties": {"error": {"enum": codes}}}]},
                "examples": examples,
            }},
        });
        self.responses.insert(name.clone(), response);
        json!({"$ref": format!("#/components/responses/{name}")})
    }

    /// Renders all components, and those schemas that say more than the types can.
    pub(super) fn render(mut self) -> Value {
        self.insert("Problem", problem());
        self.insert("EventFilter", event_filter());
        self.insert("EventType", event_type("of the catalogue", |_| true));
        self.insert("DeliveredEventType", event_type("that partners get", |entry| entry.republished));
        self.insert("AuthBody", requested_authentication());
        json!({
            "schemas": self.schemas, "responses": self.responses, "parameters": parameters(),
            "headers": {"RequestId": {
                "description": "Names the request in our log.", "required": true,
                "schema": {"type": "string", "format": "uuid"},
            }},
            "securitySchemes": {
                "adminKey": {"type": "apiKey", "in": "header", "name": "X-Admin-API-Key",
                    "description": "The environment's admin key; goes together with the token."},
                "adminToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An RS256 token of the environment's Auth0 tenant, of a verified e-mail address at \
                     smartphonekey.com; goes together with the key."},
                "partnerKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
                    "description": "A partner's own API key."},
            },
        })
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn always_there(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(always_there);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let names = properties.keys().filter(|name| !MAY_BE_ABSENT.contains(&name.as_str()));
        let listed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut required: Vec<_> = names.map(String::as_str).chain(listed).map(str::to_owned).collect();
        required.sort_unstable();
        required.dedup();
        required.retain(|name| name != "warnings");
        schema["required"] = json!(required);
    }
}

fn problem() -> Value {
    json!({
        "type": "object", "required": ["success", "error", "message", "requestId"],
        "properties": {
            "success": {"const": false},
            "error": {"type": "string", "description": "A stable code for programs."},
            "message": {"type": "string", "description": "A sentence for a person; says what to do."},
            "requestId": {"type": "string", "format": "uuid"},
            "fields": {"type": "object", "additionalProperties": {"type": "string"},
                "description": "What is wrong with each field, by its path in the body or its name in the query."},
        },
    })
}

fn event_type(which: &str, wanted: impl Fn(&CatalogueEntry) -> bool) -> Value {
    let names: Vec<_> = catalogue().iter().filter(|entry| wanted(entry)).map(|entry| entry.name).collect();
    json!({"description": format!("An EventBridge `detail-type` {which}."), "type": "string", "enum": names})
}

fn event_filter() -> Value {
    json!({
        "description": "All event types, also those that are new, or the named ones without duplicates.",
        "oneOf": [
            {"type": "array", "items": {"const": "*"}, "minItems": 1, "maxItems": 1},
            {"type": "array", "items": reference("EventType"), "minItems": 1, "uniqueItems": true},
        ],
    })
}

fn requested_authentication() -> Value {
    let token = json!({"oneOf": [{"type": "null"}, reference("AuthToken")]});
    json!({
        "description": "A static token on top of the signature; generated where absent.",
        "oneOf": [
            {"type": "object", "required": ["type"], "additionalProperties": false,
                "properties": {"type": {"const": "none"}, "headerName": {"type": "null"}, "token": {"type": "null"}}},
            {"type": "object", "required": ["type"], "additionalProperties": false,
                "properties": {"type": {"const": "bearerToken"}, "headerName": {"type": "null"}, "token": token}},
            {"type": "object", "required": ["type", "headerName"], "additionalProperties": false, "properties":
                {"type": {"const": "apiKeyHeader"}, "headerName": reference("HeaderName"), "token": token}},
        ],
    })
}

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

fn parameters() -> Value {
    let path = |name: &str, description: &str, schema: Value, example: Value| {
        parameter("path", name, description, schema, example)
    };
    let query = |name: &str, description: &str, schema: Value, example: Value| {
        parameter("query", name, description, schema, example)
    };
    let mut keys_of = query("orgId", "Whose keys.", reference("OrgId"), json!("acme-corp"));
    keys_of["required"] = json!(true);
    let event_id = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"});
    let number = json!({"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_i64});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50});
    let offset = json!({"type": "integer", "minimum": 0, "maximum": i32::MAX, "default": 0});
    let since = "Only deliveries created then or later.";
    let until = "Only deliveries created before; after `since`.";
    json!({
        "orgId": path("orgId", "The organization's ID.", reference("OrgId"), json!("acme-corp")),
        "webhookId":
            path("webhookId", "The webhook.", json!({"type": "string", "format": "uuid"}), json!(WEBHOOK)),
        "email": path("email", "The person's e-mail address.", reference("EmailAddress"),
            json!("colleague@acme-corp.com")),
        "eventId": path("eventId", "The envelope's id.", event_id, json!(EVENT)),
        "id": path("id", "The dead letter's number.", number, json!(1)),
        "limit": query("limit", "Entries at most.", limit, json!(50)),
        "offset": query("offset", "Entries to leave out before.", offset, json!(0)),
        "ownerEmail": query("ownerEmail", "Only tenants with this member, the owner or another, ASCII case aside.",
            reference("EmailAddress"), json!("owner@acme-corp.com")),
        "keysOf": keys_of,
        "state": query("state", "Only deliveries that stand so.", reference("DeliveryState"), json!("dead")),
        "eventType":
            query("eventType", "Only deliveries of this event type.", json!({"type": "string"}), json!("KeyAdded")),
        "since": query("since", since, reference("Timestamp"), json!(AT)),
        "until": query("until", until, reference("Timestamp"), json!("2026-04-03T10:00:00.000Z")),
    })
}
