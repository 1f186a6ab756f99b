//! Session cookies, whole and broken.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::support::{EMAIL, World};

const SESSION: &str = "__Host-session";

#[tokio::test]
async fn a_session_ends_after_thirty_idle_minutes_and_eight_hours_in_any_case() {
    let world = World::default();
    let mut browser = world.owner().await;
    assert_eq!(browser.arrive("/dashboard").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(browser.get("/dashboard").await.location(), "/login?return_to=%2Fdashboard");

    browser.sign_in(EMAIL).await;
    for _ in 0..(8 * 60 / 20 - 1) {
        world.clock.advance(Duration::from_secs(20 * 60));
        assert_eq!(browser.arrive("/dashboard").await.status, StatusCode::OK);
    }
    world.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_replayed_cookie_is_anonymous_after_sign_out() {
    let world = World::default();
    let mut browser = world.owner().await;
    let mut thief = browser.clone();
    assert_eq!(thief.arrive("/dashboard").await.status, StatusCode::OK);
    let dashboard = browser.arrive("/dashboard").await;
    browser.submit(&dashboard, "/logout", &[]).await;
    assert_eq!(thief.get("/dashboard").await.location(), "/login?return_to=%2Fdashboard");
    assert_eq!(thief.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_always_makes_a_new_session_and_ends_the_one_before() {
    let world = World::default();
    let mut browser = world.owner().await;
    let before = browser.clone();
    browser.sign_in(EMAIL).await;
    assert_ne!(browser.cookies[SESSION], before.cookies[SESSION]);
    assert_eq!(before.clone().get("/dashboard").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.arrive("/dashboard").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_broken_cookie_is_anonymous_and_never_an_error() {
    let world = World::default();
    let mut browser = world.owner().await;
    let good = browser.cookies[SESSION].clone();
    let callback = browser.visit_provider("/login", EMAIL, true).await;
    let of_callback = format!("__Host-transaction-{}", callback.split("state=").nth(1).unwrap());
    let transaction = browser.cookies[&of_callback].clone();
    let mut flipped = good.clone().into_bytes();
    *flipped.last_mut().unwrap() ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    for bad in [
        "",
        ".",
        "..",
        "null",
        &flipped,
        &unsigned,
        &transaction,
        &"x".repeat(5_000),
        &format!("{good}; {SESSION}={good}"),
        "eyJhbGciOiJub25lIn0.eyJzaWQiOiJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIn0.",
        "%00%ff",
        "\"quoted\"",
    ] {
        let mut other = browser.clone();
        other.cookies.insert(SESSION.to_owned(), bad.to_owned());
        for path in ["/", "/dashboard", "/login", callback.as_str()] {
            let page = other.clone().get(path).await;
            assert!(!page.status.is_server_error(), "{bad} {path}");
            if path == "/dashboard" {
                assert!(page.location().starts_with("/login"), "{bad}");
            }
        }
    }
    // A session cookie is not accepted as a transaction either.
    browser.cookies.insert(of_callback, good);
    assert_eq!(browser.get(&callback).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn keys_are_rotated_without_signing_people_out_and_retired_ones_do() {
    let world = World::default();
    let browser = world.owner().await;
    let old = Some("session-key-0123456789abcdef0123456789ab");
    let new = Some("another-key-0123456789abcdef0123456789ab");
    let mut rotated = world.browser_with(&[("SESSION_KEY", new), ("SESSION_KEY_PREVIOUS", old)]);
    rotated.cookies = browser.cookies.clone();
    let page = rotated.arrive("/dashboard").await;
    assert_eq!(page.status, StatusCode::OK);
    // The portal accepts a form from before the rotation, and can still read the ID token.
    let goodbye = rotated.submit(&page, "/logout", &[]).await;
    assert!(goodbye.location().contains("id_token_hint="), "{}", goodbye.location());

    let browser = world.registered("two@acme-corp.example", "acme-two").await;
    let mut retired = world.browser_with(&[("SESSION_KEY", new)]);
    retired.cookies = browser.cookies.clone();
    assert_eq!(retired.get("/dashboard").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn neither_database_nor_log_holds_a_session_a_token_or_a_key() {
    let world = World::default();
    let mut browser = world.owner().await;
    let (cookie, unread) =
        (browser.cookies[SESSION].clone(), browser.cookies["__Host-unread-key-acme-corp"].clone());
    let before = world.sessions.dump();
    let key = browser.reveal().await.key().unwrap().to_owned();
    let claims = cookie.split('.').nth(1).unwrap();
    let opener = unread.split_once('.').unwrap().1;
    for text in [before, world.sessions.dump(), world.tenants.database.dump(), world.log.dump()] {
        for secret in [key.as_str(), cookie.as_str(), claims, opener, "eyJhbGciOiJSUzI1NiI"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn looking_writes_at_most_once_a_minute() {
    let world = World::default();
    let mut browser = world.owner().await;
    browser.reveal().await;
    browser.arrive("/dashboard").await;
    world.clock.advance(Duration::from_secs(61));
    world.sessions.take_round_trips();
    browser.send(Method::GET, "/dashboard", &[], "").await;
    assert_eq!(world.sessions.take_round_trips(), 1);
    let written = |line: &serde_json::Value| line["d1RowsWritten"].as_u64().unwrap();
    assert_eq!(written(world.log.lines().last().unwrap()), 1);
    browser.get("/dashboard").await;
    assert_eq!(written(world.log.lines().last().unwrap()), 0);
}
