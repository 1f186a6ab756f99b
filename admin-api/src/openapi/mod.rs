//! What all operations of the OpenAPI document share. The operations themselves are described beside their handlers, in
//! [`crate::routes`].
//!
//! The Worker serves the copy that is checked in; a test in `tests/documents.rs` keeps it equal to what this module makes.

mod components;
pub mod event_catalogue;
pub mod operation;
pub mod page;
mod parameters;
pub mod partner_webhooks;
pub mod prelude;
mod shape;
mod written;

use edge::routes::Route;
use serde_json::{Map, Value, json};

use self::components::Components;
use self::operation::Operation;
use self::prelude::{AT, EVENT, WEBHOOK};

/// Makes the description of a route.
pub type Description = fn() -> Operation;

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
Lists by creation page with `limit` and `offset`, logs with `limit` and `cursor`.

Stability: fields, event types, statuses and transition kinds may be added at any time. Nothing is taken away or changed in \
meaning without a new path and 12 months' notice.";

/// The document of an API with these routes.
#[must_use]
pub fn document(routes: &[Route<Description>]) -> Value {
    let mut components = Components::default();
    let mut paths = Map::new();
    for Route { method, path, access, description } in routes {
        let item = paths.entry(*path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = description().render(method, path, *access, &mut components);
    }
    let tags: Vec<_> = TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SmartphoneKey Admin API", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
            "license": license(), "contact": contact(),
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/", "description": "The environment that serves this document"}],
        "tags": tags,
        "components": components.render(&json!(paths)),
        "paths": paths,
    })
}

/// The licence of this repository.
fn license() -> Value {
    json!({"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")})
}

fn contact() -> Value {
    json!({"name": "SmartphoneKey", "url": "https://smartphonekey.com"})
}
