//! The dashboard while the webhook's circuit is open.

use std::time::Duration;

use shared::ports::Clock;
use shared::testing::{Reply, Simulation};

use crate::support::{Browser, EMAIL, ENDPOINT, World};

/// A browser of a person whose endpoint has answered 503 to six events, so that the circuit is open.
async fn on_hold(world: &World) -> Browser {
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    browser.get("/dashboard").await;
    world.tenants.endpoints.always(ENDPOINT, Reply::Status(503));
    for id in 1..=6 {
        world.receive(&format!("e{id}"), "KeyAdded").await;
    }
    browser
}

/// Lets this much time pass, with all that Queues and the cron run do in it.
async fn pass(world: &World, seconds: u64) {
    Simulation::new(&world.tenants).run(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn a_person_is_told_since_when_how_many_events_wait_and_when_the_endpoint_is_tried_next() {
    let world = World::default();
    let mut browser = on_hold(&world).await;
    let page = browser.get("/dashboard").await;
    page.says(">Active, on hold<");
    page.says("As soon as it accepts one, we send the others");
    let opened = world.query("SELECT circuit_opened_at, tend_at FROM webhooks").remove(0);
    let time = |column: &str| shared::time::Timestamp::from_milliseconds(opened[column].as_i64().unwrap());
    page.says(&format!("<dt>On hold since</dt><dd><time datetime=\"{}\">", time("circuit_opened_at")));
    let held = world.query("SELECT 1 AS one FROM delivery_log WHERE stage = 'held'").len();
    assert!(held >= 2, "{held}");
    page.says(&format!("<dt>Events that wait</dt><dd>{held}</dd>"));
    page.says(&format!("<dt>Next try</dt><dd><time datetime=\"{}\">", time("tend_at")));
    page.says("in 30 seconds</span>");
    page.says("<button type=\"submit\">Try now</button>");

    // The try is due, and its message is on its way.
    world.clock.advance(Duration::from_secs(60));
    browser.get("/dashboard").await.says("<dt>Next try</dt><dd>Now</dd>");
}

#[tokio::test]
async fn more_events_than_are_counted_are_said_to_be_more() {
    let world = World::default();
    let mut browser = on_hold(&world).await;
    let now = world.clock.now().milliseconds();
    world.query(format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, \
         next_attempt_at, attempts) \
         SELECT id, 'event-' || i, org_id, 'KeyAdded', 'held', {now}, {now}, 0, {now} + 99999999, '[]' FROM n, webhooks",
    ));
    browser.get("/dashboard").await.says("<dt>Events that wait</dt><dd>10,000 or more</dd>");
}

#[tokio::test]
async fn trying_now_sends_one_event_at_once_and_then_the_others() {
    let world = World::default();
    let mut browser = on_hold(&world).await;
    // After some tries that failed, the next is minutes away.
    pass(&world, 600).await;
    world.tenants.endpoints.always(ENDPOINT, Reply::Status(204));
    world.tenants.endpoints.take();
    let page = browser.get("/dashboard").await;
    let sent = browser.submit(&page, "/webhook/verify", &[]).await;
    let renewing = sent.location().to_owned();
    assert!(renewing.starts_with("/dashboard?tried="), "{renewing}");
    let page = browser.get(&renewing).await;
    page.says("role=\"status\">We are trying the endpoint with one of the events that wait");
    page.says("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>");
    page.is_silent_about("<input id=");
    page.says(">Active, on hold<");
    page.says("<dt>Next try</dt><dd>Now</dd>");

    pass(&world, 10).await;
    let over = browser.get(&renewing).await;
    assert_eq!(over.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("role=\"status\">Your endpoint accepted an event. We send the others now.");
    page.is_silent_about("http-equiv=\"refresh\"");
    page.says("<input id=\"url\"");
    page.says(">Active<");
    page.is_silent_about("Events that wait");
    page.is_silent_about("Try now");
    assert_eq!(world.query("SELECT 1 AS one FROM delivery_log WHERE stage = 'delivered'").len(), 6);
}

#[tokio::test]
async fn trying_now_in_vain_leaves_the_events_on_hold() {
    let world = World::default();
    let mut browser = on_hold(&world).await;
    let page = browser.get("/dashboard").await;
    world.tenants.endpoints.take();
    browser.submit(&page, "/webhook/verify", &[]).await;
    pass(&world, 5).await;
    assert_eq!(world.tenants.endpoints.take().len(), 1, "one event is sent");
    let page = browser.get("/dashboard").await;
    page.says(">Active, on hold<");
    page.says("<dt>Next try</dt><dd><time");
    page.says("Try now");
}

#[tokio::test]
async fn events_that_wait_for_a_verification_are_counted() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let page = browser.get("/dashboard").await;
    page.is_silent_about("Events that wait");
    browser.submit(&page, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    for id in 1..=3 {
        world.receive(&format!("e{id}"), "KeyAdded").await;
    }
    let page = browser.get("/dashboard").await;
    page.says(">Verifying<");
    page.says("<dt>Events that wait</dt><dd>3</dd>");
    page.is_silent_about("On hold since");
}
