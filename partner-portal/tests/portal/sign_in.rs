//! Signing in with a provider, and with one that misbehaves.

use std::time::Duration;

use edge::testing::{Misbehaviour, bad_sign_ins};
use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Browser, CLIENT_ID, EMAIL, World};

/// A browser that comes back from the provider, and the path of the callback that it asks for next.
async fn returning(world: &World) -> (Browser, String) {
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login", EMAIL, true).await;
    (browser, callback)
}

/// The states of the sign-ins that the browser has under way.
fn transactions(browser: &Browser) -> Vec<&str> {
    browser.cookies.keys().filter_map(|name| name.strip_prefix("__Host-transaction-")).collect()
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
    assert!(transactions(&browser).is_empty());
    // Whoever loads the callback again is told that they are signed in, and led on.
    let again = browser.get(&callback).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    again.says("You are signed in");
    again.says("This sign-in was finished before");
    again.says("href=\"/dashboard\"");
    again.is_silent_about("Sign in again");
    // The state is refused even with the cookie as it was.
    assert_eq!(thief.get(&callback).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.provider.token_requests(), 1);

    let (mut browser, callback) = returning(&world).await;
    world.clock.advance(Duration::from_secs(600));
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.says("href=\"/login\"");
    assert_eq!(world.provider.token_requests(), 1);
}

#[tokio::test]
async fn several_tabs_sign_in_at_once_and_of_six_the_oldest_begins_anew() {
    let world = World::default();
    let mut browser = world.browser();
    let mut callbacks = Vec::new();
    for tab in 0..6 {
        let login = format!("/login?return_to=/deliveries/{tab}");
        callbacks.push(browser.visit_provider(&login, EMAIL, true).await);
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(transactions(&browser).len(), 5);
    assert_eq!(browser.get(&callbacks[0]).await.status, StatusCode::BAD_REQUEST);
    for tab in [3, 5, 1, 2, 4] {
        let page = browser.get(&callbacks[tab]).await;
        assert_eq!(page.location(), format!("/deliveries/{tab}"), "{}", page.body);
    }
    assert!(transactions(&browser).is_empty());
    // What has expired makes room, and so does what is none of ours.
    browser.visit_provider("/login", EMAIL, true).await;
    world.clock.advance(Duration::from_secs(600));
    browser.cookies.insert("__Host-transaction-x".to_owned(), "y".to_owned());
    browser.visit_provider("/login", EMAIL, true).await;
    assert_eq!(transactions(&browser).len(), 1);
}

#[tokio::test]
async fn what_fetches_ahead_or_only_asks_starts_nothing_and_uses_nothing_up() {
    let world = World::default();
    let (mut browser, callback) = returning(&world).await;
    let before = browser.cookies.clone();
    for path in ["/login", callback.as_str()] {
        let head = browser.send(Method::HEAD, path, &[], "").await;
        assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(head.headers["allow"], "GET");
        for purpose in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ] {
            let page = browser.send(Method::GET, path, &[purpose], "").await;
            assert_eq!((page.status, page.location()), (StatusCode::FORBIDDEN, ""), "{path} {purpose:?}");
        }
        assert_eq!(browser.cookies, before, "{path}");
    }
    assert_eq!(world.provider.token_requests(), 0);
    assert!(world.query_sessions("SELECT 1 AS one FROM spent_transactions").is_empty());
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_provider_that_says_it_names_itself_has_to_name_itself_in_every_answer() {
    let world = World::default();
    world.provider.name_issuer();
    let (mut browser, callback) = returning(&world).await;
    assert!(callback.ends_with("&iss=https%3A%2F%2Ftenant.auth0.example%2F"), "{callback}");
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);
    for (from, to) in [
        ("&iss=https%3A%2F%2Ftenant.auth0.example%2F", ""),
        ("&iss=https%3A%2F%2Ftenant.auth0.example%2F", "&iss="),
        ("tenant.auth0.example", "evil.example"),
        ("auth0.example%2F", "auth0.example"),
    ] {
        let asked = world.provider.token_requests();
        let (mut browser, callback) = returning(&world).await;
        let page = browser.get(&callback.replace(from, to)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{to}");
        // Nor is an error taken from somebody else.
        let (mut browser, callback) = returning(&world).await;
        let error = callback.replace(from, to).replace("code=", "error=access_denied&code=");
        browser.get(&error).await.says("You are not signed in");
        assert_eq!(world.provider.token_requests(), asked, "{to}");
    }
}

#[tokio::test]
async fn a_code_that_can_be_none_is_a_bad_code() {
    let world = World::default();
    for bad in ["", "%00", "a%0Ab", "%C3%A9", &"x".repeat(2_049)] {
        let (mut browser, callback) = returning(&world).await;
        let state = callback.split("state=").nth(1).unwrap();
        let page = browser.get(&format!("/callback?code={bad}&state={state}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{bad}");
        page.says("Sign in again");
    }
    let (mut browser, callback) = returning(&world).await;
    let state = callback.split("state=").nth(1).unwrap();
    let page = browser.get(&format!("/callback?state={state}")).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.provider.token_requests(), 0);
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
