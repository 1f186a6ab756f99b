//! The router, and how the Worker answers a path without a route.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use edge::problem::Problem;
use edge::rate_limit::{CLIENT_ADDRESS, CLIENT_WORKER};
use edge::routes::Route;
use edge::serve::{Surroundings, serve};
use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};

use crate::auth::{ADMIN_KEY, IDEMPOTENCY_KEY, PARTNER_KEY};
use crate::routes::{self, Description};
use crate::service::AdminApi;

/// The headers that any route reads.
pub const HEADERS: [HeaderName; 8] = [
    ADMIN_KEY,
    PARTNER_KEY,
    IDEMPOTENCY_KEY,
    AUTHORIZATION,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CLIENT_ADDRESS,
    CLIENT_WORKER,
];

/// The router, and the list of its routes.
pub fn router(service: AdminApi) -> (Router, Vec<Route<Description>>) {
    routes::all().build(service)
}

/// Answers a request. Only admins are told that a path has no route.
pub async fn answer(
    router: Router,
    service: &AdminApi,
    surroundings: &Surroundings,
    request: Request,
) -> Response {
    let fallback = async |headers: &http::HeaderMap| match service.authenticator().authenticate(headers).await
    {
        Ok(admin) => admin.check_portal(true).err().unwrap_or_else(Problem::not_found),
        Err(problem) => problem,
    };
    serve(router, surroundings, request, fallback).await
}
