//! Every route, and who may call it.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use edge::routes::Access::{Open, Person};
use edge::routes::{Route, Routes};
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
    let (onboarding, organizations): (MethodRouter<_>, MethodRouter<_>) = (
        get(onboarding::show).post(onboarding::submit),
        get(organizations::show).post(organizations::choose),
    );
    let (router, mut routes) = Routes::default()
        .add(Open, "GET", "/health", get(health::health))
        .add(Open, "GET", "/assets/{name}", get(assets::asset))
        .add(Open, "GET", "/", get(sign_in::landing))
        .add(Open, "GET", "/login", get(sign_in::login))
        .add(Open, "GET", "/callback", get(sign_in::callback))
        .add(Person, "GET", "/onboarding", onboarding)
        .add(Person, "GET", "/organizations", organizations)
        .add(Person, "GET", "/dashboard", get(dashboard::show))
        .add(Open, "GET", "/api-key/shown", get(api_key::shown))
        .add(Person, "POST", "/api-key/rotate", post(api_key::rotate))
        .add(Person, "POST", "/webhook", post(webhook::set))
        .add(Person, "POST", "/webhook/verify", post(webhook::verify))
        .add(Person, "POST", "/webhook/test", post(webhook::test))
        .add(Person, "GET", "/deliveries/{eventId}", get(deliveries::show))
        .add(Person, "POST", "/deliveries/{eventId}/redeliver", post(deliveries::redeliver))
        .add(Person, "POST", "/deliveries/redeliver", post(deliveries::redeliver_since))
        .add(Person, "POST", "/logout", post(sign_in::logout))
        .build(service);
    // Routed together with their GET.
    for path in ["/onboarding", "/organizations"] {
        routes.push(Route { method: "POST", path, access: Person });
    }
    (router, routes)
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
