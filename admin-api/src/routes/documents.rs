//! `GET /openapi.json`, `GET /partner-webhooks.openapi.json` and `GET /docs`, as they are checked in, the JSON without
//! white space.

use axum::response::{IntoResponse, Response};
use edge::parameters::NoQuery;
use edge::routes::{get, open};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::Routes;
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            get("/openapi.json", open(openapi)).naming_its_methods(),
            Operation::new("getOpenApi", "Get this document").answers_document(
                "OpenAPI 3.1.",
                json!({"type": "object", "additionalProperties": true}),
                json!({"openapi": "3.1.0", "paths": {}}),
            ),
        ))
        .route(described!(
            get("/partner-webhooks.openapi.json", open(partner_webhooks)).naming_its_methods(),
            Operation::new("getPartnerWebhooks", "Get the description of what partners receive")
                .answers_document(
                    "OpenAPI 3.1, with a schema for each event type and the union `Event` of all.",
                    json!({"type": "object", "additionalProperties": true}),
                    json!({"openapi": "3.1.0", "paths": {}, "webhooks": {}}),
                ),
        ))
        .route(described!(
            get("/docs", open(page)).naming_its_methods(),
            Operation::new("getDocs", "Read this document").answers_document(
                "A page for people.",
                json!({"type": "string"}),
                json!("<!doctype html>…"),
            ),
        ))
}

/// The document.
const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
/// What partners receive.
const PARTNER_WEBHOOKS: &str = include_str!(concat!(env!("OUT_DIR"), "/partner-webhooks.openapi.json"));
/// The page that shows the document.
const PAGE: &str = include_str!("../../docs.html");
/// The page may use its own style, and load nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn openapi(NoQuery: NoQuery) -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn partner_webhooks(NoQuery: NoQuery) -> Response {
    ([(CONTENT_TYPE, "application/json")], PARTNER_WEBHOOKS).into_response()
}

async fn page(NoQuery: NoQuery) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)], PAGE)
        .into_response()
}
