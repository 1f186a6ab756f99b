//! Every route. Who may call a route stands in the first argument of its handler.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use edge::routes::{Route, Routes, get, open, post};
use edge::serve::{Surroundings, serve_as};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

use shared::settings::SettingFaults;

use crate::assets;
use crate::csrf::FETCH_SITE;
use crate::headers::{Nonce, secure};
use crate::pages::dashboard::PURPOSE;
use crate::pages::problem::HtmlProblems;
use crate::pages::{api_key, dashboard, deliveries, health, onboarding, organizations, sign_in, webhook};
use crate::respond::no_page;
use crate::service::Portal;

/// The headers that any route reads.
pub const HEADERS: [HeaderName; 6] = [COOKIE, ORIGIN, FETCH_SITE, PURPOSE, CONTENT_TYPE, CONTENT_ENCODING];

/// The router, and the list of its routes.
pub fn router(service: Portal) -> (Router, Vec<Route>) {
    Routes::default()
        .route(get("/health", open(health::health)))
        .route(get("/assets/{name}", open(assets::asset)))
        .route(get("/", open(sign_in::landing)))
        .route(get("/login", open(sign_in::login)))
        .route(get("/callback", open(sign_in::callback)))
        .route(get("/onboarding", onboarding::show))
        .route(post("/onboarding", onboarding::submit))
        .route(get("/organizations", organizations::show))
        .route(post("/organizations", organizations::choose))
        .route(get("/dashboard", dashboard::show))
        .route(get("/api-key/shown", open(api_key::shown)))
        .route(post("/api-key/rotate", api_key::rotate))
        .route(post("/webhook", webhook::set))
        .route(post("/webhook/verify", webhook::verify))
        .route(post("/webhook/test", webhook::test))
        .route(get("/deliveries/{eventId}", deliveries::show))
        .route(post("/deliveries/{eventId}/redeliver", deliveries::redeliver))
        .route(post("/deliveries/redeliver", deliveries::redeliver_since))
        .route(post("/logout", sign_in::logout))
        .build(service)
}

/// Answers a request.
pub async fn answer(
    router: Router,
    service: &Portal,
    surroundings: &Surroundings,
    mut request: Request,
) -> Response {
    let nonce = Nonce::draw(&*service.random);
    request.extensions_mut().insert(nonce.clone());
    let format = HtmlProblems::of(request.method() == Method::GET, request.uri());
    let fallback = async |_: &HeaderMap| no_page();
    let mut response = serve_as(&format, router, surroundings, request, fallback).await;
    secure(response.headers_mut(), &nonce, &service.provider_origin);
    response
}

/// The answer to every request while the configuration is not sound: no page, and no way to a half-configured provider.
pub fn misconfigured(surroundings: &Surroundings, faults: &SettingFaults) -> Response {
    let mut response = edge::serve::misconfigured(&HtmlProblems::default(), surroundings, faults);
    secure(response.headers_mut(), &Nonce::draw(&*surroundings.random), "");
    response
}
