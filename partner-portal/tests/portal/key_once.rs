//! A new API key is shown once.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::support::{EMAIL, World};

const UNREAD: &str = "__Host-unread-key";

#[tokio::test]
async fn of_any_number_of_readers_one_sees_the_key() {
    let world = World::default();
    let browser = world.owner().await;
    let mut tabs: Vec<_> = (0..8).map(|_| browser.clone()).collect();
    let pages = futures_util::future::join_all(tabs.iter_mut().map(|tab| tab.get("/dashboard"))).await;
    assert_eq!(pages.iter().filter(|page| page.key().is_some()).count(), 1);
    assert!(pages.iter().all(|page| page.status == StatusCode::OK));
    // A replay of the cookie shows nothing.
    assert!(browser.clone().get("/dashboard").await.key().is_none());
}

#[tokio::test]
async fn an_unread_key_is_gone_after_five_minutes() {
    let world = World::default();
    let mut browser = world.owner().await;
    world.clock.advance(Duration::from_secs(300));
    let page = browser.get("/dashboard").await;
    assert!(page.key().is_none());
    page.says("Rotate API key");
    // The next sign-in deletes the row.
    browser.sign_in(EMAIL).await;
    assert!(world.query_sessions("SELECT id FROM unread_keys").is_empty());
}

#[tokio::test]
async fn a_cookie_changes_while_the_key_is_shown_so_that_no_browser_keeps_the_page() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    page.says("<img src=\"/api-key/shown\" alt=\"\" hidden>");
    assert_eq!(browser.get("/api-key/shown").await.status, StatusCode::NO_CONTENT);
    let first = browser.cookies["__Host-shown"].clone();
    browser.get("/api-key/shown").await;
    assert_ne!(browser.cookies["__Host-shown"], first);
    browser.get("/dashboard").await.is_silent_about("/api-key/shown");
}

#[tokio::test]
async fn what_only_asks_does_not_use_the_reading_up() {
    let world = World::default();
    let mut browser = world.owner().await;
    assert!(browser.send(Method::HEAD, "/dashboard", &[], "").await.key().is_none());
    assert!(
        browser.send(Method::GET, "/dashboard", &[("sec-purpose", "prefetch")], "").await.key().is_none()
    );
    let page = browser.get("/dashboard").await;
    let refused = browser.clone();
    assert!(page.key().is_some());
    assert!(!refused.cookies.contains_key(UNREAD));
}

#[tokio::test]
async fn a_page_that_cannot_be_shown_leaves_the_key_for_the_next() {
    let world = World::default();
    let mut browser = world.owner().await;
    world.admin.set_down(true);
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::SERVICE_UNAVAILABLE);
    world.admin.set_down(false);
    assert!(browser.get("/dashboard").await.key().is_some());
}

#[tokio::test]
async fn the_cookie_opens_nothing_in_another_session_or_once_it_is_changed() {
    let world = World::default();
    let owner = world.owner().await;
    let unread = owner.cookies[UNREAD].clone();
    let mut other = world.registered("two@other.example", "other-corp").await;
    other.get("/dashboard").await;
    other.cookies.insert(UNREAD.to_owned(), unread.clone());
    assert!(other.get("/dashboard").await.key().is_none());
    for bad in ["", ".", "a.b", "x", &unread[1..], &"y".repeat(5_000)] {
        let mut broken = owner.clone();
        broken.cookies.insert(UNREAD.to_owned(), bad.to_owned());
        let page = broken.get("/dashboard").await;
        assert_eq!((page.status, page.key()), (StatusCode::OK, None), "{bad}");
    }
    assert!(owner.clone().get("/dashboard").await.key().is_some());
}

#[tokio::test]
async fn the_key_is_in_no_url_cookie_or_log_line() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    let key = page.key().unwrap().to_owned();
    assert!(!format!("{:?} {:?}", page.headers, browser.cookies).contains(&key));
    assert!(!world.log.dump().contains(&key));
    let rotated = browser.submit(&page, "/api-key/rotate", &[]).await;
    let fresh = browser.clone().get("/dashboard").await.key().unwrap().to_owned();
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
    assert!(browser.get("/dashboard").await.key().is_some());
}

#[tokio::test]
async fn the_cookie_opens_nothing_in_another_session_of_the_same_person() {
    let world = World::default();
    let owner = world.owner().await;
    let mut other = world.browser();
    other.sign_in(EMAIL).await;
    other.arrive("/dashboard").await;
    other.cookies.insert(UNREAD.to_owned(), owner.cookies[UNREAD].clone());
    assert!(other.get("/dashboard").await.key().is_none());
    assert!(owner.clone().get("/dashboard").await.key().is_some());
}

#[tokio::test]
async fn a_key_that_another_rotation_ended_is_not_shown_as_if_it_worked() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    browser.submit(&page, "/api-key/rotate", &[]).await;
    let late = browser.cookies[UNREAD].clone();
    browser.submit(&page, "/api-key/rotate", &[]).await;
    let mut other = browser.clone();
    other.cookies.insert(UNREAD.to_owned(), late);
    assert!(other.get("/dashboard").await.key().is_none());
    assert!(browser.get("/dashboard").await.key().is_some());
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
    world.query_sessions("DROP TABLE unread_keys");
    let answer = browser.submit(&page, "/api-key/rotate", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.says("open the dashboard and rotate it again");
    assert!(answer.key().is_none() && !browser.cookies.contains_key(UNREAD));
}
