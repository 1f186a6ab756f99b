//! Every route, and who may call it.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use edge::problem::Problem;
use edge::rate_limit::CLIENT_ADDRESS;
use edge::routes::Access::{Admin, Open, Partner};
use edge::routes::{Route, Routes};
use edge::serve::{Surroundings, serve};
use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};

use crate::auth::{ADMIN_KEY, PARTNER_KEY};
use crate::routes::{
    api_keys, dead_letters, deliveries, delivery_summary, documents, event_types, health, tenants,
    webhook_actions, webhook_health, webhooks,
};
use crate::service::AdminApi;

/// The headers that any route reads.
pub const HEADERS: [HeaderName; 6] =
    [ADMIN_KEY, PARTNER_KEY, AUTHORIZATION, CONTENT_TYPE, CONTENT_ENCODING, CLIENT_ADDRESS];

/// The router, and the list of its routes.
pub fn router(service: AdminApi) -> (Router, Vec<Route>) {
    Routes::default()
        .add(Open, "GET", "/health", told(get(health::health)))
        .add(Open, "GET", "/openapi.json", told(get(documents::openapi)))
        .add(Open, "GET", "/docs", told(get(documents::page)))
        .add(Admin, "GET", "/event-types", get(event_types::list))
        .add(Admin, "GET", "/tenants", get(tenants::list))
        .add(Admin, "POST", "/tenants/{orgId}/register", post(tenants::register))
        .add(Admin, "GET", "/tenants/{orgId}", get(tenants::get))
        .add(Admin, "PATCH", "/tenants/{orgId}", patch(tenants::change))
        .add(Admin, "DELETE", "/tenants/{orgId}", delete(tenants::close))
        .add(Admin, "GET", "/tenants/{orgId}/transitions", get(tenants::transitions))
        .add(Admin, "POST", "/api-keys", post(api_keys::issue))
        .add(Admin, "GET", "/api-keys", get(api_keys::list))
        .add(Partner, "GET", "/api-keys/self", get(api_keys::own))
        .add(Admin, "POST", "/api-keys/{orgId}/rotate", post(api_keys::rotate))
        .add(Admin, "DELETE", "/api-keys/{orgId}", delete(api_keys::revoke))
        .add(Admin, "POST", "/tenants/{orgId}/webhooks", post(webhooks::create))
        .add(Admin, "GET", "/tenants/{orgId}/webhooks", get(webhooks::list))
        .add(Admin, "GET", "/tenants/{orgId}/webhooks/{webhookId}", get(webhooks::get))
        .add(Admin, "PUT", "/tenants/{orgId}/webhooks/{webhookId}", put(webhooks::change))
        .add(Admin, "DELETE", "/tenants/{orgId}/webhooks/{webhookId}", delete(webhooks::delete))
        .add(
            Admin,
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/rotate-secret",
            post(webhooks::rotate_secret),
        )
        .add(Admin, "GET", "/tenants/{orgId}/webhooks/{webhookId}/deliveries", get(deliveries::list))
        .add(
            Admin,
            "GET",
            "/tenants/{orgId}/webhooks/{webhookId}/delivery-summary",
            get(delivery_summary::summarize),
        )
        .add(Admin, "GET", "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}", get(deliveries::get))
        .add(
            Admin,
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}/redeliver",
            post(deliveries::redeliver),
        )
        .add(Admin, "POST", "/tenants/{orgId}/webhooks/{webhookId}/verify", post(webhook_actions::verify))
        .add(Admin, "POST", "/tenants/{orgId}/webhooks/{webhookId}/enable", post(webhook_actions::enable))
        .add(Admin, "POST", "/tenants/{orgId}/webhooks/{webhookId}/test", post(webhook_actions::test))
        .add(
            Admin,
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/redeliver",
            post(webhook_actions::redeliver),
        )
        .add(Admin, "GET", "/webhook-health", get(webhook_health::list))
        .add(Admin, "GET", "/dead-letters", get(dead_letters::list))
        .add(Admin, "POST", "/dead-letters/{id}/requeue", post(dead_letters::requeue))
        .add(Partner, "GET", "/webhooks", get(webhooks::list_own))
        .add(Partner, "PATCH", "/webhooks/{webhookId}", patch(webhooks::change_own_url))
        .build(service)
}

/// What is open to all need not hide its methods.
fn told(handler: MethodRouter<AdminApi>) -> MethodRouter<AdminApi> {
    handler.fallback(async || Problem::method_not_allowed())
}

/// Answers a request. A path without a route tells only admins that it has none.
pub async fn answer(
    router: Router,
    service: &AdminApi,
    surroundings: &Surroundings,
    request: Request,
) -> Response {
    let fallback = async |headers: &http::HeaderMap| match service.authenticator().authenticate(headers).await
    {
        Ok(_) => Problem::not_found(),
        Err(problem) => problem,
    };
    serve(router, surroundings, request, fallback).await
}
