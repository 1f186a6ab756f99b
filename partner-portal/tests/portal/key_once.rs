//! A new API key is shown once, to whom asks for it, within a quarter of an hour.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::support::{Browser, EMAIL, ENDPOINT, World};

const UNREAD: &str = "__Host-unread-key-acme-corp";
const REVEAL: &str = "action=\"/api-key/reveal\"";

#[tokio::test]
async fn of_any_number_of_readers_one_sees_the_key() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    let mut tabs: Vec<_> = (0..8).map(|_| browser.clone()).collect();
    let forms = tabs.iter_mut().map(|tab| tab.submit(&page, "/api-key/reveal", &[]));
    let pages = futures_util::future::join_all(forms).await;
    assert_eq!(pages.iter().filter(|page| page.key().is_some()).count(), 1);
    assert_eq!(pages.iter().filter(|page| page.location() == "/dashboard").count(), 7);
    // A replay of the cookie shows nothing.
    let again = browser.submit(&page, "/api-key/reveal", &[]).await;
    assert_eq!((again.location(), again.key()), ("/dashboard", None));
    let page = browser.get("/dashboard").await;
    page.says("There is no key to reveal");
    page.is_silent_about(REVEAL);
}

#[tokio::test]
async fn whatever_else_is_done_leaves_the_key_unread() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    page.says("Nobody has seen the new key yet.");
    page.says("in 15 minutes");
    assert_eq!(page.key(), None);
    browser.submit(&page, "/webhook", &[("url", ENDPOINT)]).await;
    browser.submit(&page, "/webhook/test", &[]).await;
    browser.submit(&page, "/webhook", &[("url", "nonsense")]).await;
    for path in ["/dashboard", "/account", "/nothing", "/onboarding", "/api-key/reveal"] {
        assert_eq!(browser.get(path).await.key(), None, "{path}");
    }
    // Signing out and in again.
    let page = browser.get("/dashboard").await;
    browser.submit(&page, "/logout", &[]).await;
    browser.sign_in(EMAIL).await;
    world.clock.advance(Duration::from_secs(13 * 60));
    browser.arrive("/dashboard").await.says("in 2 minutes");
    assert!(browser.reveal().await.key().is_some());
}

#[tokio::test]
async fn the_keys_of_two_organizations_wait_side_by_side() {
    let world = World::default();
    let mut browser = world.owner_of_two().await;
    for org_id in ["one-corp", "two-corp"] {
        choose(&mut browser, org_id).await;
        let page = browser.arrive("/dashboard").await;
        assert_eq!(browser.submit(&page, "/api-key/rotate", &[]).await.location(), "/dashboard");
    }
    let two = browser.reveal().await.key().unwrap().to_owned();
    choose(&mut browser, "one-corp").await;
    assert_ne!(browser.reveal().await.key().unwrap(), two);
}

async fn choose(browser: &mut Browser, org_id: &str) {
    let page = browser.get("/organizations").await;
    browser.submit(&page, "/organizations", &[("orgId", org_id)]).await;
}

#[tokio::test]
async fn an_unread_key_is_gone_after_fifteen_minutes() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    world.clock.advance(Duration::from_secs(900));
    assert_eq!(browser.submit(&page, "/api-key/reveal", &[]).await.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("it waited for more than 15 minutes");
    page.says("Rotate API key");
    page.is_silent_about(REVEAL);
    // The next sign-in deletes the row.
    browser.sign_in(EMAIL).await;
    assert!(world.query_sessions("SELECT id FROM unread_keys").is_empty());
}

#[tokio::test]
async fn a_cookie_changes_while_the_key_is_shown_so_that_no_browser_keeps_the_page() {
    let world = World::default();
    let mut browser = world.owner().await;
    browser.get("/dashboard").await.is_silent_about("/api-key/shown");
    let page = browser.reveal().await;
    page.says("<img src=\"/api-key/shown\" alt=\"\" hidden>");
    assert_eq!(browser.get("/api-key/shown").await.status, StatusCode::NO_CONTENT);
    let first = browser.cookies["__Host-shown"].clone();
    browser.get("/api-key/shown").await;
    assert_ne!(browser.cookies["__Host-shown"], first);
}

#[tokio::test]
async fn no_request_but_the_form_uses_the_reading_up() {
    let world = World::default();
    let mut browser = world.owner().await;
    for (method, status) in [
        (Method::GET, StatusCode::SEE_OTHER),
        (Method::HEAD, StatusCode::METHOD_NOT_ALLOWED),
        (Method::PUT, StatusCode::METHOD_NOT_ALLOWED),
    ] {
        assert_eq!(browser.send(method, "/api-key/reveal", &[], "").await.status, status);
    }
    browser.send(Method::HEAD, "/dashboard", &[], "").await;
    browser.send(Method::GET, "/dashboard", &[("sec-purpose", "prefetch")], "").await;
    assert!(browser.reveal().await.key().is_some());
    assert!(!browser.cookies.contains_key(UNREAD));
}

#[tokio::test]
async fn a_page_that_cannot_be_shown_leaves_the_key_for_the_next() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    world.admin.set_down(true);
    let refused = browser.submit(&page, "/api-key/reveal", &[]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    world.admin.set_down(false);
    assert!(browser.reveal().await.key().is_some());
}

#[tokio::test]
async fn the_cookie_opens_nothing_for_another_person_or_once_it_is_changed() {
    let world = World::default();
    let mut owner = world.owner().await;
    let unread = owner.cookies[UNREAD].clone();
    let page = owner.arrive("/dashboard").await;
    let mut other = world.registered("two@other.example", "other-corp").await;
    other.reveal().await;
    for name in [UNREAD, "__Host-unread-key-other-corp"] {
        other.cookies.insert(name.to_owned(), unread.clone());
    }
    assert!(other.reveal().await.key().is_none());
    for bad in ["", ".", "a.b", "x", &unread[1..], &"y".repeat(5_000)] {
        let mut broken = owner.clone();
        broken.cookies.insert(UNREAD.to_owned(), bad.to_owned());
        broken.get("/dashboard").await.is_silent_about(REVEAL);
        let answer = broken.submit(&page, "/api-key/reveal", &[]).await;
        assert_eq!((answer.location(), answer.key()), ("/dashboard", None), "{bad}");
    }
    assert!(owner.reveal().await.key().is_some());
}

#[tokio::test]
async fn the_key_is_in_no_url_cookie_or_log_line() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.reveal().await;
    let key = page.key().unwrap().to_owned();
    assert!(!format!("{:?} {:?}", page.headers, browser.cookies).contains(&key));
    assert!(!world.log.dump().contains(&key));
    let page = browser.get("/dashboard").await;
    let rotated = browser.submit(&page, "/api-key/rotate", &[]).await;
    let fresh = browser.clone().reveal().await.key().unwrap().to_owned();
    assert!(!format!("{rotated:?}").contains(&fresh));
    assert_ne!(fresh, key);
}

#[tokio::test]
async fn rotating_without_an_active_key_issues_one() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let page = browser.get("/onboarding").await;
    world.admin.fail_next("/api-keys");
    let sent = browser.submit(&page, "/onboarding", &[("orgId", "acme-corp"), ("orgName", "Acme")]).await;
    assert_eq!(sent.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("No active key");
    page.says("role=\"alert\"");
    browser.submit(&page, "/api-key/rotate", &[]).await;
    assert!(browser.reveal().await.key().is_some());
}

#[tokio::test]
async fn who_loses_of_two_rotations_at_once_is_told_so() {
    let world = World::default();
    let mut first = world.owner().await;
    let mut second = world.browser();
    second.sign_in(EMAIL).await;
    let pages = (first.arrive("/dashboard").await, second.arrive("/dashboard").await);
    first.submit(&pages.0, "/api-key/rotate", &[]).await;
    let before = first.arrive("/dashboard").await;
    before.says(REVEAL);
    second.submit(&pages.1, "/api-key/rotate", &[]).await;

    let page = first.get("/dashboard").await;
    page.says("Another rotation replaced the key that you had issued.");
    page.is_silent_about(REVEAL);
    // The page was open before the other rotation.
    let refused = first.submit(&before, "/api-key/reveal", &[]).await;
    assert_eq!((refused.location(), refused.key()), ("/dashboard", None));
    first.get("/dashboard").await.says("Another rotation has replaced this key, so we do not show it.");
    assert!(second.reveal().await.key().is_some());
}

#[tokio::test]
async fn a_rotation_that_could_not_be_finished_says_that_the_old_key_may_have_ended() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    // Without an answer, nobody knows whether there is a new key.
    world.admin.fail_next("/rotate");
    let answer = browser.submit(&page, "/api-key/rotate", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.says("The old key may have ended already");
    // The key was rotated, but the portal cannot store the new key: no page shows it.
    browser.cookies.remove(UNREAD);
    world.query_sessions("DROP TABLE unread_keys");
    let answer = browser.submit(&page, "/api-key/rotate", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.says("open the dashboard and rotate it again");
    assert!(answer.key().is_none() && !browser.cookies.contains_key(UNREAD));
}

#[tokio::test]
async fn an_expiry_is_announced_two_weeks_before_and_told_after() {
    let world = World::default();
    let mut browser = world.owner().await;
    let day = 86_400_000;
    let set = |days: i64, more: i64| {
        use shared::ports::Clock;
        let end = world.clock.now().milliseconds() + days * day + more;
        world.query(format!("UPDATE api_keys SET expires_at = {end}"));
    };
    set(14, 60_000);
    browser.arrive("/dashboard").await.is_silent_about("The key expires soon.");
    set(14, -60_000);
    let page = browser.arrive("/dashboard").await;
    page.says("The key expires soon.");
    page.says("in 14 days");
    set(-1, 0);
    let page = browser.arrive("/dashboard").await;
    page.says("<strong>No active key.</strong> The last key expired on <time");
    page.says("1 day ago");
    page.says("Issue an API key");
}
