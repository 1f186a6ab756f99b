//! The router, and how the Worker answers a path without a route.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use edge::problem::Problem;
use edge::rate_limit::{CLIENT_ADDRESS, CLIENT_WORKER};
use edge::router::{Router, Unrouted};
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
pub fn router(service: AdminApi) -> (Router<AdminApi>, Vec<Route<Description>>) {
    routes::all().build(service)
}

/// Answers a request. Only admins are told that a path has no route.
pub async fn answer(
    router: &Router<AdminApi>,
    service: &AdminApi,
    surroundings: &Surroundings,
    request: Request,
) -> Response {
    let unrouted = async |request: Request, unrouted: Unrouted| {
        let admin = service.authenticator.authenticate(request.headers()).await;
        match admin.and_then(|admin| admin.check_portal(true)) {
            Ok(()) => unrouted.told_as(Problem::not_found()),
            Err(problem) => problem.into_response(),
        }
    };
    serve(surroundings, request, async |request| router.answer(request, unrouted).await).await
}
