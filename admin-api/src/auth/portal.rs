//! What the portal may call on behalf of a person (spec: Admin API, Authentication).

use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;

/// Every route that the portal needs: of a tenant, what a partner does without an admin (spec: product).
pub const ROUTES: [(&str, &str); 23] = [
    ("GET", "/tenants"),
    ("POST", "/tenants/{orgId}/register"),
    ("GET", "/tenants/{orgId}"),
    ("GET", "/tenants/{orgId}/dashboard"),
    ("GET", "/tenants/{orgId}/transitions"),
    ("GET", "/tenants/{orgId}/members"),
    ("PUT", "/tenants/{orgId}/members/{email}"),
    ("DELETE", "/tenants/{orgId}/members/{email}"),
    ("POST", "/api-keys"),
    ("POST", "/api-keys/{orgId}/rotate"),
    ("GET", "/tenants/{orgId}/deliveries"),
    ("GET", "/tenants/{orgId}/webhooks"),
    ("POST", "/tenants/{orgId}/webhooks"),
    ("GET", "/tenants/{orgId}/webhooks/{webhookId}"),
    ("PUT", "/tenants/{orgId}/webhooks/{webhookId}"),
    ("GET", "/tenants/{orgId}/webhooks/{webhookId}/secret"),
    ("POST", "/tenants/{orgId}/webhooks/{webhookId}/verify"),
    ("POST", "/tenants/{orgId}/webhooks/{webhookId}/enable"),
    ("POST", "/tenants/{orgId}/webhooks/{webhookId}/test"),
    ("POST", "/tenants/{orgId}/webhooks/{webhookId}/redeliver"),
    ("GET", "/tenants/{orgId}/webhooks/{webhookId}/deliveries"),
    ("GET", "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}"),
    ("POST", "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}/redeliver"),
];

/// Returns whether the portal needs the route. Where a `GET` is allowed, so is the `HEAD` that asks for the same.
pub fn may_call(method: &str, path: &str) -> bool {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.contains(&(method, path))
}

/// The answer to the portal on every other route.
pub fn refusal() -> Problem {
    let message = "The portal cannot do this on behalf of a person; an admin can.";
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::NotForThePortal, message)
}
