//! The limit on forms that have an endpoint asked, because the endpoint may be somebody else's; and on what strangers can ask.

use std::time::Duration;

use http::{Method, StatusCode, header};

use crate::support::{EMAIL, Page, World};

#[tokio::test]
async fn what_asks_an_endpoint_is_taken_only_so_often_from_one_tenant() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let mut other = world.connected("owner@other.example", "other-corp").await;
    let page = browser.get("/dashboard").await;
    world.webhook_actions.allow(2);
    for _ in 0..2 {
        assert!(browser.submit(&page, "/webhook/test", &[]).await.location().starts_with("/deliveries/"));
    }
    world.admin.take_calls();

    for (form, fields) in [
        ("/webhook/test", vec![]),
        ("/webhook/verify", vec![]),
        ("/webhook", vec![("url", "https://partner.example.com/other")]),
        ("/deliveries/e-1/redeliver", vec![]),
        ("/deliveries/redeliver", vec![("since", "2026-04-02T09:00")]),
    ] {
        let refused = browser.submit(&page, form, &fields).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{form}");
        assert_eq!(refused.headers[header::RETRY_AFTER], "60");
        refused.says("wait a minute");
        refused.says("href=\"/dashboard\"");
    }
    assert!(world.admin.take_calls().iter().all(|call| call.starts_with("GET")), "nothing was done");

    let page = other.get("/dashboard").await;
    assert!(other.submit(&page, "/webhook/test", &[]).await.location().starts_with("/deliveries/"));
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK, "looking is not asking");
}

/// The address of everybody behind one router.
const HERE: (&str, &str) = ("cf-connecting-ip", "203.0.113.7");

fn is_too_many(page: &Page) {
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.headers[header::RETRY_AFTER], "60");
    page.says("wait a minute");
}

#[tokio::test]
async fn sign_ins_that_nobody_finishes_meet_a_limit_and_end_nobody_s_session() {
    let world = World::default();
    let mut member = world.connected(EMAIL, "acme-corp").await;
    let mut about_to_finish = world.browser();
    let callback = about_to_finish.visit_provider("/login", "newcomer@acme-corp.example", true).await;
    world.strangers.allow(100);

    for number in 0..150 {
        let page = world.browser().send(Method::GET, "/login", &[HERE], "").await;
        if number < 100 { assert_eq!(page.status, StatusCode::SEE_OTHER) } else { is_too_many(&page) }
    }

    assert_eq!(member.send(Method::GET, "/dashboard", &[HERE], "").await.status, StatusCode::OK);
    // Who is signed in counts alone, and so does whoever is elsewhere.
    let again = member.send(Method::GET, "/login?confirm=1", &[HERE], "").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let elsewhere = [("cf-connecting-ip", "203.0.113.8")];
    let page = world.browser().send(Method::GET, "/login", &elsewhere, "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    // Who is at the provider already comes back and is signed in.
    let page = about_to_finish.send(Method::GET, &callback, &[HERE], "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
}

#[tokio::test]
async fn who_has_signed_in_in_a_browser_before_is_shut_out_there_by_no_stranger() {
    const KNOWN: &str = "__Host-known-browser";
    let world = World::default();
    let mut member = world.connected(EMAIL, "acme-corp").await;
    let page = member.arrive("/dashboard").await;
    member.submit(&page, "/logout", &[]).await;
    let mut second = world.browser();
    second.sign_in(&EMAIL.to_uppercase()).await;
    second.cookies.remove("__Host-session");
    world.strangers.allow(100);
    for _ in 0..101 {
        world.browser().send(Method::GET, "/login", &[HERE], "").await;
    }
    is_too_many(&world.browser().send(Method::GET, "/login", &[HERE], "").await);

    // A month later, too.
    world.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    let page = member.send(Method::GET, "/login", &[HERE], "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
    assert_eq!(
        world.browser().send(Method::GET, "/login", &[HERE], "").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );

    // Nobody makes such a cookie up, and no other value of the portal's passes for one.
    let good = member.cookies[KNOWN].clone();
    let transaction = member.cookies.iter().find(|(name, _)| name.starts_with("__Host-transaction-"));
    for bad in [format!("{good}x"), good[1..].to_owned(), transaction.unwrap().1.clone(), String::new()] {
        let mut stranger = world.browser();
        stranger.cookies.insert(KNOWN.to_owned(), bad);
        is_too_many(&stranger.send(Method::GET, "/login", &[HERE], "").await);
    }
    // All browsers of a person count together, and the cookie opens nothing.
    second.send(Method::GET, "/login", &[HERE], "").await;
    assert!(world.strangers.counts().values().any(|count| *count == 2), "{:?}", world.strangers.counts());
    let mut thief = world.browser();
    thief.cookies.insert(KNOWN.to_owned(), good.clone());
    thief.cookies.insert("__Host-session".to_owned(), good);
    assert_eq!(thief.get("/dashboard").await.location(), "/login?return_to=%2Fdashboard");
    // After ninety days the browser is a stranger's.
    world.clock.advance(Duration::from_secs(61 * 24 * 60 * 60));
    is_too_many(&member.send(Method::GET, "/login", &[HERE], "").await);
}

#[tokio::test]
async fn failed_callbacks_meet_a_limit_before_the_database_is_asked() {
    let world = World::default();
    world.strangers.allow(100);
    let mut browser = world.browser();
    for number in 0..150 {
        let path = format!("/callback?state=guess{number}&code=guess");
        let page = browser.send(Method::GET, &path, &[HERE], "").await;
        if number < 100 { assert_eq!(page.status, StatusCode::BAD_REQUEST) } else { is_too_many(&page) }
    }
    let counts = world.strangers.counts();
    assert_eq!(counts["/callback 203.0.113.7"], 150);
    assert_eq!(world.provider.token_requests(), 0);
}
