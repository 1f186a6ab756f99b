//! The API's OpenAPI document, made from the router's list, the types of bodies, and the table of problems.
//!
//! The Worker serves the copy that is checked in; a test keeps it equal to what is made here.

mod components;
mod deliveries;
mod operation;
pub mod page;
pub mod partner_webhooks;
mod tenants;
mod webhooks;

use edge::problem::Problem;
use edge::routes::Route;
use serde_json::{Map, Value, json};
use shared::environment::Environment;

use self::components::Components;
use self::operation::Operation;
use crate::routes::event_types::EventTypes;
use crate::routes::health::Health;

/// The time, person, webhook and event of examples.
const AT: &str = "2026-04-02T10:00:00.000Z";
const PERSON: &str = "jane.doe@smartphonekey.com";
const WEBHOOK: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";
const EVENT: &str = "7bf73129-1428-4cd3-a780-95db273d1602";

/// The states that can be redelivered.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum EndedState {
    /// Refused for good.
    Failed,
    /// Its retries are spent.
    Dead,
}

/// The headings, in the order in which they are read.
pub const TAGS: [(&str, &str); 6] = [
    ("Tenants", "Partners' organizations."),
    ("API keys", "One active key per tenant, shown once."),
    ("Webhooks", "Where a tenant's events go, and which."),
    ("Deliveries", "What became of each event, and sending it again."),
    ("Operations", "For whoever is on call."),
    ("About", "The service itself."),
];

const DESCRIPTION: &str = "Tenants, API keys, webhooks and their deliveries.

Admins send both `X-Admin-API-Key` and `Authorization: Bearer`; partners their own `X-API-Key`. Times are ISO 8601. \
Unknown fields and query parameters are refused, and so are bodies above 64 KiB. A path that is not here is answered \
with 404 `not_found`, a method that its path does not take with 405 `method_not_allowed`. Every answer carries \
`X-Request-Id`. \
Lists by creation page with `limit` and `offset`, logs with `limit` and `cursor`.";

/// The document of an API with these routes.
///
/// # Errors
/// What is missing: routes that are not described, descriptions without a route.
pub fn document(routes: &[Route]) -> Result<Value, Vec<String>> {
    let mut operations = all();
    let mut components = Components::default();
    let mut paths = Map::new();
    let mut missing = Vec::new();
    for route in routes {
        let found =
            operations.iter().position(|known| (known.method, known.path) == (route.method, route.path));
        let Some(index) = found else {
            missing.push(format!("{} {} is not described", route.method, route.path));
            continue;
        };
        let rendered = operations.swap_remove(index).render(route.access, &mut components);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = rendered;
    }
    missing.extend(operations.iter().map(|left| format!("{} {} has no route", left.method, left.path)));
    if !missing.is_empty() {
        return Err(missing);
    }
    // What no operation can answer, for whoever asks beside them.
    components.problem_response(&[Problem::not_found()]);
    components.problem_response(&[Problem::method_not_allowed()]);
    let tags: Vec<_> = TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect();
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SmartphoneKey Admin API", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": servers("admin-api"),
        "tags": tags,
        "paths": paths,
        "components": components.render(),
    }))
}

/// The addresses of a Worker, the most public first.
fn servers(worker: &str) -> Value {
    let address = |environment: &Environment| match environment {
        Environment::Local => format!("http://{worker}.localhost:8787"),
        deployed => format!("https://{worker}.spk-{deployed}.workers.dev"),
    };
    let all = Environment::ALL.iter().rev();
    json!(
        all.map(|environment| json!({"url": address(environment), "description": environment.name()}))
            .collect::<Vec<_>>()
    )
}

fn all() -> Vec<Operation> {
    let about = vec![
        Operation::new("GET", "/health", "getHealth", "Ask whether the service works").answers::<Health>(
            200,
            "Configuration and database are sound.",
            json!({"status": "ok", "environment": "prod", "version": "7f3d0c52-9a8e-4c1b-8f60-2b5d1e94a7c3"}),
        ),
        Operation::new("GET", "/openapi.json", "getOpenApi", "Get this document").answers_document(
            "OpenAPI 3.1.",
            json!({"type": "object", "required": ["openapi", "paths"]}),
            json!({"openapi": "3.1.0", "paths": {}}),
        ),
        Operation::new("GET", "/docs", "getDocs", "Read this document").answers_document(
            "A page for people.",
            json!({"type": "string"}),
            json!("<!doctype html>…"),
        ),
        Operation::new(
            "GET",
            "/event-types",
            "listEventTypes",
            "List the event types with their payloads' schemas",
        )
        .answers::<EventTypes>(
            200,
            "The catalogue.",
            json!({"eventTypes": [{
                "name": "KeyAdded", "aggregate": "lock", "source": "spk.api", "documented": true,
                "republished": true, "schema": {"type": "object"},
            }]}),
        ),
    ];
    let groups = [
        tenants::tenants(),
        tenants::api_keys(),
        webhooks::webhooks(),
        webhooks::own(),
        deliveries::deliveries(),
    ];
    groups.into_iter().flatten().chain(deliveries::operations()).chain(about).collect()
}

/// The example of a change that was made.
fn transitioned(version: u32) -> Value {
    json!({"success": true, "aggregateId": "acme-corp", "version": version})
}
