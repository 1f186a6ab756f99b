//! Signing in with a provider, and with one that misbehaves.

use std::time::Duration;

use edge::testing::{Misbehaviour, bad_sign_ins};
use http::StatusCode;
use serde_json::json;

use crate::support::{Browser, CLIENT_ID, EMAIL, World};

/// A browser that comes back from the provider, and the path of the callback that it asks for next.
async fn returning(world: &World) -> (Browser, String) {
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login", EMAIL, true).await;
    (browser, callback)
}

/// Signs in at a provider that misbehaves: the callback must answer `status`, and nobody is signed in.
async fn refused(world: &World, name: &str, misbehaviour: Misbehaviour, status: StatusCode) {
    let (mut browser, callback) = returning(world).await;
    world.provider.misbehave(misbehaviour);
    let page = browser.get(&callback).await;
    assert_eq!(page.status, status, "{name}: {}", page.body);
    assert!(!browser.cookies.contains_key("__Host-session"));
    assert!(world.query_sessions("SELECT 1 AS one FROM sessions").is_empty());
    assert!(browser.get("/dashboard").await.location().starts_with("/login"));
}

#[tokio::test]
async fn a_bad_id_token_signs_nobody_in() {
    let world = World::default();
    for bad in bad_sign_ins(CLIENT_ID, EMAIL) {
        refused(&world, &bad.name, bad.misbehaviour, bad.status).await;
    }
    let mut fetched = world.provider.documents();
    fetched.sort();
    fetched.dedup();
    assert_eq!(fetched, [".well-known/jwks.json", ".well-known/openid-configuration"], "and nothing else");
}

#[tokio::test]
async fn a_token_without_key_id_is_good_only_where_there_is_no_choice() {
    let world = World::default();
    let (mut browser, callback) = returning(&world).await;
    world.provider.misbehave(Misbehaviour::without_key_id());
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);

    let world = World::default();
    world.provider.publish_two_keys();
    refused(&world, "no kid, two keys", Misbehaviour::without_key_id(), StatusCode::BAD_REQUEST).await;
}

#[tokio::test]
async fn a_callback_that_this_browser_did_not_ask_for_asks_for_no_token() {
    let world = World::default();
    let (browser, callback) = returning(&world).await;
    let state = callback.split("state=").nth(1).unwrap().to_owned();
    let mut changed = callback.clone();
    changed.push('x');
    let refusals = [
        ("/callback", &mut browser.clone()),
        ("/callback?code=code-0", &mut browser.clone()),
        ("/callback?code=code-0&state=", &mut browser.clone()),
        (changed.as_str(), &mut browser.clone()),
        // In another browser.
        (callback.as_str(), &mut world.browser()),
        ("/callback?code=a&code=b&state=x", &mut browser.clone()),
    ];
    for (path, browser) in refusals {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(!page.headers.contains_key("set-cookie"), "{path}");
    }
    let other_issuer = format!("/callback?code=code-0&state={state}&iss=https%3A%2F%2Fevil.example%2F");
    assert_eq!(browser.clone().get(&other_issuer).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.provider.token_requests(), 0);
}

#[tokio::test]
async fn a_state_is_good_once_and_for_ten_minutes() {
    let world = World::default();
    let (mut browser, callback) = returning(&world).await;
    let mut thief = browser.clone();
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);
    assert!(!browser.cookies.contains_key("__Host-transaction"));
    assert_eq!(browser.get(&callback).await.status, StatusCode::BAD_REQUEST);
    // The state is refused even with the cookie as it was.
    assert_eq!(thief.get(&callback).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.provider.token_requests(), 1);

    let callback = browser.visit_provider("/login", EMAIL, true).await;
    world.clock.advance(Duration::from_secs(600));
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.says("href=\"/login\"");
    assert_eq!(world.provider.token_requests(), 1);
}

#[tokio::test]
async fn what_the_provider_says_of_an_error_is_escaped() {
    let world = World::default();
    let (mut browser, callback) = returning(&world).await;
    let state = callback.split("state=").nth(1).unwrap();
    let path = format!(
        "/callback?state={state}&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E"
    );
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.says("&#60;script&#62;alert(1)");
    page.is_silent_about("<script>alert");
    let page = world.browser().get("/callback?error=%3Cscript%3E").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.is_silent_about("<script>");
    assert_eq!(world.provider.token_requests(), 0);
}

#[tokio::test]
async fn people_come_back_to_where_they_were_and_nowhere_else() {
    let world = World::default();
    let mut browser = world.browser();
    let to_login = browser.get("/deliveries/a%2Fb?x=1").await;
    assert_eq!(to_login.location(), "/login?return_to=%2Fdeliveries%2Fa%252Fb%3Fx%3D1");
    let login = to_login.location().to_owned();
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    assert_eq!(browser.get(&callback).await.location(), "/deliveries/a%2Fb?x=1");
    for elsewhere in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "javascript%3A1", ""]
    {
        let mut browser = world.browser();
        let callback = browser.visit_provider(&format!("/login?return_to={elsewhere}"), EMAIL, true).await;
        assert_eq!(browser.get(&callback).await.location(), "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn an_unverified_address_is_told_what_to_do() {
    let world = World::default();
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login", EMAIL, false).await;
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.says("Your e-mail address is not verified yet.");
    page.says("/login?switch=1");
    assert!(browser.get("/login?switch=1").await.location().contains("prompt=login"));
    assert!(!browser.cookies.contains_key("__Host-session"));
}

#[tokio::test]
async fn whose_session_had_ended_is_told_that_nothing_was_changed() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    world.clock.advance(Duration::from_secs(31 * 60));
    let login = browser.submit(&page, "/api-key/rotate", &[]).await.location().to_owned();
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    let page = browser.arrive(&callback).await;
    page.says("role=\"alert\">Your session had ended, so nothing was changed. Please do it again.");
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_told_why() {
    let world = World::default();
    let (mut browser, callback) = returning(&world).await;
    world.provider.misbehave(Misbehaviour::claim("email", json!("ownér@acme-corp.example")));
    let page = browser.get(&callback).await;
    page.says("Your account has no e-mail address that we can use");
    page.says("href=\"/login?switch=1\"");
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_page_with_a_way_to_try_again() {
    let world = World::default();
    world.provider.set_down(true);
    let page = world.browser().get("/login?return_to=/dashboard").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("href=\"/login?return_to=/dashboard\"");
    page.says("Request ID");
    world.provider.set_down(false);
    world.clock.advance(Duration::from_secs(31));
    assert_eq!(world.browser().get("/login").await.status, StatusCode::SEE_OTHER);

    // The provider goes down between sign-in and callback.
    let mut browser = world.browser();
    let login = "/login?return_to=/deliveries/some-event";
    let callback = browser.visit_provider(login, EMAIL, true).await;
    world.provider.set_down(true);
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("href=\"/login?return_to=%2Fdeliveries%2Fsome-event\"");
}

#[tokio::test]
async fn signing_out_works_while_the_provider_is_down() {
    let world = World::default();
    let owner = world.owner().await;
    world.provider.set_down(true);
    world.forget_documents();
    // This isolate has no documents either.
    let mut browser = world.browser();
    browser.cookies = owner.cookies;
    let dashboard = browser.arrive("/dashboard").await;
    assert_eq!(browser.submit(&dashboard, "/logout", &[]).await.location(), "/");
    browser.get("/").await.says("You are signed out.");
}

#[tokio::test]
async fn a_rotated_key_is_found_by_one_fetch_and_unknown_ones_cause_no_more() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let jwks =
        |world: &World| world.provider.documents().iter().filter(|url| url.ends_with("jwks.json")).count();
    assert_eq!(jwks(&world), 1);
    for _ in 0..5 {
        let callback = browser.visit_provider("/login", EMAIL, true).await;
        world.provider.misbehave(Misbehaviour::header("kid", json!("unknown")));
        assert_eq!(browser.get(&callback).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(jwks(&world), 1, "the first fetch was less than 30 seconds ago");
    world.clock.advance(Duration::from_secs(31));
    world.provider.publish_two_keys();
    world.provider.sign_with_second_key();
    browser.sign_in(EMAIL).await;
    browser.sign_in(EMAIL).await;
    assert_eq!(jwks(&world), 2);
}

#[tokio::test]
async fn a_provider_whose_documents_are_known_may_be_away_for_a_day() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    world.clock.advance(Duration::from_secs(3_600));
    world.provider.set_down(true);
    assert_eq!(browser.get("/login").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_or_without_tls_is_not_taken() {
    for (name, value) in [
        ("issuer", "https://evil.example/"),
        ("issuer", "https://tenant.auth0.example"),
        ("authorization_endpoint", "http://tenant.auth0.example/authorize"),
        ("token_endpoint", "http://tenant.auth0.example/oauth/token"),
        ("end_session_endpoint", "javascript:alert(1)"),
    ] {
        let world = World::default();
        world.provider.change_metadata(name, value);
        let page = world.browser().get("/login").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert!(!page.headers.contains_key("location"));
    }
}
