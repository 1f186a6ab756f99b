//! One operation of the document: what a route says of itself beyond its method, path and access.

use std::collections::BTreeMap;

use edge::problem::Problem;
use edge::routes::Access;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::code::ErrorCode;
use shared::cursor::Cursor;
use shared::error::Error;
use utoipa::ToSchema;

use super::components::Components;
use super::parameters::cursor;
use super::shape::{not_null, pascal, reference};
use crate::auth::portal;

/// Which fields of a body have to be there.
#[derive(Clone, Copy)]
pub enum Needs {
    /// All of these fields, none of them null.
    All(&'static [&'static str]),
    /// At least one of these fields. A field that is null is as good as absent.
    OneOf(&'static [&'static str]),
    /// The fields that are no `Option` in the body's type.
    Body,
    /// No field: the body itself may be absent.
    NoBody,
}

struct Body {
    schema: Value,
    required: bool,
    example: Value,
}

struct Success {
    status: u16,
    description: &'static str,
    schema: Value,
    example: Value,
}

/// An operation in the making.
pub struct Operation {
    id: &'static str,
    summary: &'static str,
    details: &'static str,
    query: Vec<Value>,
    body: Option<Body>,
    success: Option<Success>,
    other_successes: Vec<(u16, &'static str)>,
    problems: Vec<Problem>,
    links: Map<String, Value>,
    goes_on: bool,
    refuses_portal_more: bool,
    components: Components,
}

impl Operation {
    /// An operation with nothing but its name.
    #[must_use]
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            details: "",
            query: Vec::new(),
            body: None,
            success: None,
            other_successes: Vec::new(),
            problems: Vec::new(),
            links: Map::new(),
            goes_on: false,
            refuses_portal_more: false,
            components: Components::default(),
        }
    }

    /// Says what the summary leaves out.
    #[must_use]
    pub fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    /// Adds query parameters, by their names among the components.
    #[must_use]
    pub fn query(mut self, names: &[&str]) -> Self {
        let references = names.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
        self.query.extend(references);
        self
    }

    /// Sets the request's body. Its schema is named after the operation: a type may serve two with different needs.
    #[must_use]
    pub fn takes<T: ToSchema>(mut self, needs: Needs, example: Value) -> Self {
        let name = format!("{}Body", pascal(self.id));
        apply(needs, self.components.add_request::<T>(&name));
        let required = !matches!(needs, Needs::NoBody);
        self.body = Some(Body { schema: reference(&name), required, example });
        self
    }

    /// Sets the answer of a success.
    #[must_use]
    pub fn answers<T: ToSchema>(mut self, status: u16, description: &'static str, example: Value) -> Self {
        let schema = self.components.add_answer::<T>();
        self.success = Some(Success { status, description, schema, example });
        self
    }

    /// Adds another status that a success may have, with the same body.
    #[must_use]
    pub fn also_answers(mut self, status: u16, description: &'static str) -> Self {
        self.other_successes.push((status, description));
        self
    }

    /// Sets the answer of a success to a page of a list, with this entry as its example.
    #[must_use]
    pub fn lists<T: ToSchema>(mut self, name: &'static str, entry: &Value) -> Self {
        let entries = self.components.add_answer::<T>();
        let properties = json!({
            name: {"type": "array", "items": entries},
            "total": {"type": "integer", "minimum": 0, "description": "Entries in the whole list."},
            "limit": {"type": "integer", "minimum": 1, "maximum": 200},
            "offset": {"type": "integer", "minimum": 0},
        });
        let list = json!({
            "type": "object", "properties": properties, "required": [name, "total", "limit", "offset"],
        });
        let page = format!("{}Page", pascal(name.trim_end_matches('s')));
        let schema = self.components.add_answer_as(&page, list);
        let example = json!({name: [entry], "total": 1, "limit": 50, "offset": 0});
        self.success = Some(Success { status: 200, description: "A page, oldest first.", schema, example });
        self.query(&["limit", "offset"])
    }

    /// Sets the answer of a success to a document with a schema of its own.
    #[must_use]
    pub fn answers_document(mut self, description: &'static str, schema: Value, example: Value) -> Self {
        self.success = Some(Success { status: 200, description, schema, example });
        self
    }

    /// Says that the portal, which may call the route, may not do all that the route does.
    #[must_use]
    pub fn refuses_portal_more(mut self) -> Self {
        self.refuses_portal_more = true;
        self
    }

    /// Adds errors, beside those that every operation can answer.
    #[must_use]
    pub fn fails(mut self, errors: &[Error]) -> Self {
        self.problems.extend(errors.iter().cloned().map(Problem::from));
        self
    }

    /// Links to another operation, with parameters from this request and its answer.
    #[must_use]
    pub fn leads_to(mut self, operation: &'static str, parameters: &[(&str, &str)]) -> Self {
        let parameters: BTreeMap<_, _> = parameters.iter().copied().collect();
        self.links.insert(operation.to_owned(), json!({"operationId": operation, "parameters": parameters}));
        self
    }

    /// Makes the answer a page of a list that goes on by `nextCursor`. The cursor's example leads to this place.
    #[must_use]
    pub fn pages<T: Serialize>(mut self, place: T) -> Self {
        self = self.query(&["limit"]);
        self.query.push(cursor(&Cursor(place).to_string()));
        self.goes_on = true;
        self
    }

    /// Renders the operation, and adds what it refers to to the components.
    pub(super) fn render(
        mut self,
        method: &str,
        path: &str,
        access: Access,
        components: &mut Components,
    ) -> Value {
        if self.goes_on {
            let same: Vec<_> = names(path).map(|name| (name, format!("$request.path.{name}"))).collect();
            let same = same.iter().map(|(name, expression)| (*name, expression.as_str()));
            let parameters: Vec<_> = same.chain([("cursor", "$response.body#/nextCursor")]).collect();
            let id = self.id;
            self = self.leads_to(id, &parameters);
        }
        let problems = self.all_problems(method, path, access);
        let mut responses = Map::new();
        if let Some(success) = self.success.take() {
            let media =
                if success.schema == json!({"type": "string"}) { "text/html" } else { "application/json" };
            let mut response = json!({
                "description": success.description,
                "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
                "content": {media: {"schema": success.schema, "example": success.example}},
            });
            if !self.links.is_empty() {
                response["links"] = json!(self.links);
            }
            for (status, description) in self.other_successes.drain(..) {
                let mut response = response.clone();
                response["description"] = json!(description);
                responses.insert(status.to_string(), response);
            }
            responses.insert(success.status.to_string(), response);
        }
        for (status, problems) in problems {
            responses.insert(status.to_string(), components.problem_response(&problems));
        }
        let mut operation = json!({
            "operationId": self.id, "summary": self.summary, "tags": [tag(path)], "responses": responses,
            "security": security(access),
        });
        operation["description"] = match self.details {
            "" => json!(format!("{}.", self.summary)),
            details => json!(details),
        };
        let path_parameters =
            names(path).map(|name| json!({"$ref": format!("#/components/parameters/{name}")}));
        let repeatable =
            is_repeatable(method, access).then(|| json!({"$ref": "#/components/parameters/idempotencyKey"}));
        let parameters: Vec<_> = path_parameters.chain(self.query).chain(repeatable).collect();
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        if let Some(Body { schema, required, example }) = self.body.take() {
            operation["requestBody"] = json!({
                "required": required, "content": {"application/json": {"schema": schema, "example": example}},
            });
        }
        components.extend(self.components);
        operation
    }

    /// The operation's own problems and those of every operation with this access, by status.
    fn all_problems(&self, method: &str, path: &str, access: Access) -> BTreeMap<u16, Vec<Problem>> {
        let mut all = self.problems.clone();
        if matches!(access, Access::Admin | Access::Partner) {
            all.push(Problem::unauthorized());
        }
        if is_repeatable(method, access) {
            all.push(Error::IdempotencyKeyReused.into());
        }
        if access == Access::Partner {
            all.push(Problem::too_many_requests());
        }
        if access == Access::Admin {
            let message = "Sign in with a verified e-mail address at smartphonekey.com.";
            all.push(Problem::new(StatusCode::FORBIDDEN, ErrorCode::EmailDomainNotAllowed, message));
            if !portal::may_call(method, path) || self.refuses_portal_more {
                all.push(portal::refusal());
            }
        }
        // Every route refuses an unknown parameter.
        all.push(Problem::invalid_field("page", "is not a known parameter"));
        if self.body.is_some() {
            all.push(Problem::payload_too_large(edge::json::LARGEST_BODY));
            all.push(Problem::unsupported_media_type("Send the body as application/json."));
        }
        if path == "/health" || access != Access::Open {
            all.push(Problem::unavailable(""));
            all.push(Error::Internal(String::new()).into());
        }
        let message = "The service is not configured; its operators have been told in the log.";
        all.push(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Misconfigured, message));
        let mut by_status = BTreeMap::<u16, Vec<Problem>>::new();
        for problem in all {
            by_status.entry(problem.status.as_u16()).or_default().push(problem);
        }
        by_status
    }
}

/// The names of a path's parameters.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The heading for the operations of a path.
fn tag(path: &str) -> &'static str {
    match path {
        _ if path.contains("/deliveries") || path.ends_with("/redeliver") => "Deliveries",
        "/partner-webhooks.openapi.json" => "About",
        _ if path.contains("webhooks") => "Webhooks",
        _ if path.starts_with("/api-keys") => "API keys",
        _ if path.starts_with("/tenants") => "Tenants",
        "/webhook-health" | "/dead-letters" | "/dead-letters/{id}/requeue" => "Operations",
        _ => "About",
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Partner => json!([{"partnerKey": []}]),
        _ => json!([{"adminKey": [], "adminToken": []}]),
    }
}

/// Says in a body's schema which fields have to be there.
fn apply(needs: Needs, schema: &mut Value) {
    match needs {
        Needs::All(fields) => {
            for field in fields {
                let property = &mut schema["properties"][field];
                *property = not_null(property);
            }
            schema["required"] = json!(fields);
        }
        Needs::OneOf(fields) => {
            // Generators pass over this, but make types of properties within `not`.
            schema["not"] = json!({"additionalProperties": {"type": "null"}});
            let fields = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
            schema["description"] =
                json!(format!("At least one of {fields}. A field that is null is as good as absent."));
        }
        Needs::Body | Needs::NoBody => {}
    }
}

/// Whether the operation takes an `Idempotency-Key`: every POST of admins does.
fn is_repeatable(method: &str, access: Access) -> bool {
    access == Access::Admin && method.eq_ignore_ascii_case("post")
}
