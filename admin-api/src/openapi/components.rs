//! What operations share: schemas, problem responses, parameters.

use std::collections::{BTreeMap, BTreeSet};

use edge::problem::{Problem, RETRY_AFTER};
use serde_json::{Map, Value, json};
use shared::code::ErrorCode;
use shared::delivery::DeliveryState;
use utoipa::ToSchema;

use super::parameters::parameters;
use super::shape::{OPEN, Schemas, of_answers, of_requests, reference, rename};
use super::written;

/// The document's components, in the making.
#[derive(Default)]
pub(super) struct Components {
    requests: Schemas,
    answers: Schemas,
    responses: BTreeMap<String, Value>,
    codes: BTreeSet<ErrorCode>,
}

impl Components {
    /// Adds the type of a request's body under a name. Returns the body's schema.
    pub(super) fn add_request<T: ToSchema>(&mut self, name: &str) -> &mut Value {
        let mut schemas = nested::<T>();
        schemas.insert(name.to_owned(), json!(T::schema()));
        schemas.extend(written::in_requests(&schemas));
        self.requests.extend(of_requests(schemas));
        self.requests.entry(name.to_owned()).or_default()
    }

    /// Adds a type of answers. Returns the reference to it.
    pub(super) fn add_answer<T: ToSchema>(&mut self) -> Value {
        let mut schemas = nested::<T>();
        schemas.insert(T::name().into_owned(), json!(T::schema()));
        schemas.extend(written::in_answers(&schemas));
        self.answers.extend(of_answers(schemas));
        reference(&T::name())
    }

    /// Adds a schema of answers under a name. Returns the reference to it.
    pub(super) fn add_answer_as(&mut self, name: &str, schema: Value) -> Value {
        self.answers.extend(of_answers(Schemas::from([(name.to_owned(), schema)])));
        reference(name)
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.requests.extend(other.requests);
        self.answers.extend(other.answers);
        self.responses.extend(other.responses);
        self.codes.extend(other.codes);
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
                "schema": reference("Problem"), "examples": examples,
            }},
        });
        self.codes.extend(codes);
        self.responses.insert(name.clone(), response);
        json!({"$ref": format!("#/components/responses/{name}")})
    }

    /// Renders those components that the paths use.
    pub(super) fn render(mut self, paths: &Value) -> Value {
        self.codes.extend([ErrorCode::NotFound, ErrorCode::MethodNotAllowed]);
        let problem = problem(&self.codes);
        self.answers.insert("Problem".to_owned(), problem);
        self.add_request::<DeliveryState>("DeliveryState");
        let mut parameters = parameters();
        self.tell_requests_from_answers(&mut parameters);
        self.answers.extend(self.requests);
        let all = json!({
            "schemas": self.answers, "responses": self.responses, "parameters": parameters,
            "headers": {"RequestId": {
                "description": "Names the request in our log.", "required": true,
                "schema": {"type": "string", "format": "uuid"},
            }},
        });
        let mut used = used(&all, paths);
        used["securitySchemes"] = json!({
            "adminKey": {"type": "apiKey", "in": "header", "name": "X-Admin-API-Key",
                "description": "The environment's admin key; goes together with the token."},
            "adminToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An RS256 token of the environment's Auth0 tenant, of a verified e-mail address at \
                 smartphonekey.com; goes together with the key."},
            "partnerKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
                "description": "A partner's own API key."},
        });
        used
    }

    /// Renames the schemas of requests that answers have in another form: a request may name today's values only, an
    /// answer tomorrow's, too.
    fn tell_requests_from_answers(&mut self, parameters: &mut Value) {
        let differing = self
            .requests
            .iter()
            .filter(|(name, schema)| self.answers.get(*name).is_some_and(|answer| answer != *schema));
        let names: BTreeMap<_, _> =
            differing.map(|(name, _)| (name.clone(), format!("Requested{name}"))).collect();
        let requests = std::mem::take(&mut self.requests);
        self.requests = requests
            .into_iter()
            .map(|(name, mut schema)| {
                rename(&mut schema, &names);
                (names.get(&name).cloned().unwrap_or(name), schema)
            })
            .collect();
        rename(parameters, &names);
    }
}

/// The schemas that a type refers to.
fn nested<T: ToSchema>() -> Schemas {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    nested.into_iter().map(|(name, schema)| (name, json!(schema))).collect()
}

/// Those of all components that the value refers to, and those that they refer to in turn.
pub(super) fn used(all: &Value, value: &Value) -> Value {
    let mut used = json!({});
    let mut waiting = Vec::new();
    references(value, &mut waiting);
    while let Some((section, name)) = waiting.pop() {
        if used[&section].get(&name).is_none()
            && let Some(component) = all[&section].get(&name)
        {
            used[&section][&name] = component.clone();
            references(component, &mut waiting);
        }
    }
    used
}

/// Collects the sections and names of the components that are referred to below.
fn references(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            let place = text.strip_prefix("#/components/").and_then(|place| place.split_once('/'));
            found.extend(place.map(|(section, name)| (section.to_owned(), name.to_owned())));
        }
        Value::Object(members) => members.values().for_each(|member| references(member, found)),
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

fn problem(codes: &BTreeSet<ErrorCode>) -> Value {
    json!({
        "description": "Why a request has failed.",
        "type": "object", "required": ["success", "error", "message", "requestId"],
        "properties": {
            "success": {"type": "boolean", "description": "Always false."},
            "error": {"type": "string", "x-extensible-enum": codes,
                "description": format!("A stable code for programs. {OPEN}")},
            "message": {"type": "string", "description": "A sentence for a person; says what to do."},
            "requestId": {"type": "string", "format": "uuid", "description": "Names the request in our log."},
            "fields": {"type": "object", "additionalProperties": {"type": "string"},
                "description": "What is wrong with each field, by its path in the body or its name in the query."},
        },
    })
}
