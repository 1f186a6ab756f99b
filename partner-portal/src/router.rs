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
        .add(get("/health", open(health::health)))
        .add(get("/assets/{name}", open(assets::asset)))
        .add(get("/", open(sign_in::landing)))
        .add(get("/login", open(sign_in::login)))
        .add(get("/callback", open(sign_in::callback)))
        .add(get("/onboarding", onboarding::show))
        .add(post("/onboarding", onboarding::submit))
        .add(get("/organizations", organizations::show))
        .add(post("/organizations", organizations::choose))
        .add(get("/dashboard", dashboard::show))
        .add(get("/api-key/shown", open(api_key::shown)))
        .add(post("/api-key/rotate", api_key::rotate))
        .add(post("/webhook", webhook::set))
        .add(post("/webhook/verify", webhook::verify))
        .add(post("/webhook/test", webhook::test))
        .add(get("/deliveries/{eventId}", deliveries::show))
        .add(post("/deliveries/{eventId}/redeliver", deliveries::redeliver))
        .add(post("/deliveries/redeliver", deliveries::redeliver_since))
        .add(post("/logout", sign_in::logout))
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
