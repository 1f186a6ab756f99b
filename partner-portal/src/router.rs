//! Every route. Who may call a route stands in the first argument of its handler.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use edge::problem::Problem;
use edge::rate_limit::{CLIENT_ADDRESS, CLIENT_WORKER};
use edge::router::{Router, Unrouted};
use edge::routes::{Route, Routes, get, open, post};
use edge::serve::{Surroundings, serve_as};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE, USER_AGENT};
use http::{HeaderName, Method};
use shared::settings::SettingFaults;

use crate::account_bar::AccountBar;
use crate::ahead;
use crate::assets;
use crate::csrf::FETCH_SITE;
use crate::headers::{Nonce, secure};
use crate::pages::frame::Contacts;
use crate::pages::problem::HtmlProblems;
use crate::pages::{
    account, activity, api_key, dashboard, delivery, event_types, guide, health, log, onboarding,
    organizations, people, redelivery, secret, sign_in, webhook,
};
use crate::paths::page_of_form;
use crate::respond::{no_page, see_other};
use crate::service::Portal;

/// The headers that any route reads.
pub const HEADERS: [HeaderName; 12] = {
    use crate::ahead::{MOZ, PURPOSE, SEC_PURPOSE, X_PURPOSE};
    [
        COOKIE,
        USER_AGENT,
        ORIGIN,
        FETCH_SITE,
        CONTENT_TYPE,
        CONTENT_ENCODING,
        SEC_PURPOSE,
        PURPOSE,
        X_PURPOSE,
        MOZ,
        CLIENT_ADDRESS,
        CLIENT_WORKER,
    ]
};

/// The router, and the list of its routes.
pub fn router(service: Portal) -> (Router<Portal>, Vec<Route>) {
    routes().build(service)
}

fn routes() -> Routes<Portal> {
    Routes::default()
        .route(get("/health", open(health::health)))
        .route(get("/assets/{name}", open(assets::asset)))
        .route(get("/", open(sign_in::landing)))
        .route(get("/login", open(sign_in::login)).without_head())
        .route(get("/callback", open(sign_in::callback)).without_head())
        .route(get("/account", account::show))
        .route(post("/account", account::end_sessions))
        .route(get("/guide", open(guide::show)))
        .route(get("/events", open(event_types::list)))
        .route(get("/events/{name}", open(event_types::show)))
        .route(get("/onboarding", onboarding::show))
        .route(post("/onboarding", onboarding::submit))
        .route(get("/organizations", organizations::show))
        .route(post("/organizations", organizations::choose))
        .route(get("/dashboard", dashboard::show))
        .route(get("/api-key/shown", open(api_key::shown)))
        .route(post("/api-key/rotate", api_key::rotate))
        .route(post("/api-key/reveal", api_key::reveal))
        .route(post("/webhook", webhook::set))
        .route(post("/webhook/verify", webhook::verify))
        .route(post("/webhook/test", webhook::test))
        .route(post("/webhook/secret", secret::show))
        .route(get("/deliveries", log::show))
        .route(get("/deliveries/{eventId}", delivery::show))
        .route(post("/deliveries/{eventId}/redeliver", redelivery::one))
        .route(post("/deliveries/redeliver", redelivery::range))
        .route(get("/activity", activity::show))
        .route(get("/people", people::show))
        .route(post("/people", people::add))
        .route(post("/people/remove", people::remove))
        .route(post("/logout", sign_in::logout))
}

/// Answers a request. A problem's page has the bar of the person who is signed in.
pub async fn answer(
    router: &Router<Portal>,
    service: &Portal,
    surroundings: &Surroundings,
    mut request: Request,
) -> Response {
    let nonce = Nonce::draw(&*service.random);
    request.extensions_mut().insert(nonce.clone());
    let account_bar = AccountBar::default();
    request.extensions_mut().insert(account_bar.clone());
    let method = request.method().clone();
    let contacts = Contacts::from(&service.config);
    let format = HtmlProblems::of(method == Method::GET, request.uri(), account_bar.clone(), contacts);
    let headers = request.headers().clone();
    let answer = async |request: Request| {
        if ahead::is_ahead(request.headers()) {
            return ahead::refused().into_response();
        }
        let response = router.answer(request, async |request, missing| unrouted(&request, missing)).await;
        if response.extensions().get::<Problem>().is_some() {
            account_bar.look_up(service, &headers).await;
        }
        response
    };
    let mut response = serve_as(&format, surroundings, request, answer).await;
    if method == Method::HEAD {
        // Nobody sees this answer: what a cookie would use up stays for the `GET`.
        response.headers_mut().remove(SET_COOKIE);
    }
    secure(response.headers_mut(), &nonce, &service.provider_origin);
    response
}

/// The answer to a request without a handler. Somebody who presses Enter in the address bar of a page that answered a form asks
/// for the address that takes the form: they are led to the page with the form. Signing out is no page, and has none.
fn unrouted(request: &Request, unrouted: Unrouted) -> Response {
    let path = request.uri().path();
    match unrouted {
        Unrouted::Method(_) if request.method() == Method::GET && path != "/logout" => {
            see_other(page_of_form(path))
        }
        unrouted => unrouted.told_as(no_page()),
    }
}

/// The answer to every request while the configuration is not sound: no page, and no way to a half-configured provider.
pub fn misconfigured(surroundings: &Surroundings, faults: &SettingFaults) -> Response {
    let mut response = edge::serve::misconfigured(&HtmlProblems::default(), surroundings, faults);
    secure(response.headers_mut(), &Nonce::draw(&*surroundings.random), "");
    response
}
