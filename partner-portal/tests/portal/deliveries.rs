//! The page of a delivery, and sending deliveries again.

use std::time::Duration;

use http::StatusCode;
use shared::ports::Clock;
use shared::testing::Reply;

use crate::support::{Browser, EMAIL, ENDPOINT, Page, World};

/// The page of the event `odd/id?x`.
const DELIVERY: &str = "/deliveries/odd%2Fid%3Fx";

/// A browser of a person whose endpoint answered 410 to an event, and who has enabled the webhook again.
async fn refused(world: &World) -> Browser {
    let browser = world.connected(EMAIL, "acme-corp").await;
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(410)]);
    world.receive("odd/id?x", "KeyAdded").await;
    world.query("UPDATE webhooks SET status = 'active', disabled_reason = NULL");
    browser
}

#[tokio::test]
async fn a_failed_delivery_shows_its_attempts_and_what_was_sent_and_is_sent_again() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let dashboard = browser.get("/dashboard").await;
    dashboard.says(&format!("href=\"{DELIVERY}\""));
    let page = browser.get(DELIVERY).await;
    assert_eq!(page.status, StatusCode::OK);
    for text in [
        ">Failed<",
        "<strong>410</strong>",
        "answered 410",
        "20 ms",
        "odd/id?x",
        "&#60;script&#62;Door",
        "Send it again",
    ] {
        page.says(text);
    }
    page.is_silent_about("<script>Door");
    page.says("<pre class=\"excerpt\">said 410</pre>");
    page.says("POST https://partner.example.com/hook");
    page.says("<code>webhook-signature</code></dt><dd><code class=\"break\">v1,••••••••</code>");

    let again = browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    assert_eq!(again.location(), DELIVERY);
    let pending = browser.get(DELIVERY).await;
    pending.says("is being sent again");
    pending.says(">Retrying<");
    pending.is_silent_about("Send it again");
    let twice = browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    assert_eq!(twice.location(), DELIVERY);
    browser.get(DELIVERY).await.says("still being tried");
}

#[tokio::test]
async fn whoever_presses_twice_is_told_what_came_of_the_one_attempt() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get(DELIVERY).await;
    browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    world.courier_works();
    browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    browser.get(DELIVERY).await.says("We sent the event again, and your endpoint accepted it.");
}

#[tokio::test]
async fn another_s_delivery_is_none() {
    let world = World::default();
    refused(&world).await;
    let mut other = world.connected("two@other.example", "other-corp").await;
    world.admin.take_calls();
    let theirs = other.get(DELIVERY).await;
    let asked = world.admin.take_calls();
    assert!(asked.contains(&"GET /tenants/other-corp/deliveries".to_owned()), "it was asked: {asked:?}");
    let nothing = other.get("/deliveries/nothing").await;
    assert_eq!((theirs.status, nothing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    for odd in ["/deliveries/..%2f..%2f..", "/deliveries/%2e%2e", "/deliveries/%ff", "/dashboard/x"] {
        let page = other.get(odd).await;
        assert!(page.status.is_client_error(), "{odd} {}", page.status);
    }
    let page = other.get("/dashboard").await;
    let sent = other.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    assert_eq!(sent.status, StatusCode::NOT_FOUND);
}

/// Changes the only delivery, and opens its page.
async fn page_after(browser: &mut Browser, world: &World, change: &str) -> Page {
    world.query(format!("UPDATE delivery_log SET {change}"));
    browser.get(DELIVERY).await
}

#[tokio::test]
async fn how_a_delivery_stands_is_told_as_it_is() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let next = world.clock.now().plus(Duration::from_secs(2 * 86_400)).milliseconds();
    let waiting = format!("reason = NULL, ended_at = NULL, next_attempt_at = {next}");
    let page = page_after(&mut browser, &world, &format!("{waiting}, stage = 'held'")).await;
    page.says("The event waits. We send it as soon as your endpoint is verified or answers again.");
    page.says("<dt>Waits at most until</dt>");
    page.is_silent_about("We will try the event again");
    let page = page_after(&mut browser, &world, &format!("{waiting}, stage = 'scheduled'")).await;
    page.says("We will try the event again.");
    page.says("<dt>Next attempt</dt>");
    page.says("in 2 days");
    let dead = "stage = 'dead', next_attempt_at = NULL, reason = 'webhook disabled', attempts = '[]'";
    let page = page_after(&mut browser, &world, dead).await;
    page.says("We gave up on the event: the webhook was disabled. We do not try it again by ourselves.");
    page.says("The event was not sent.");
    for (reason, said) in [
        ("answered 410", "your endpoint answered 410."),
        (
            "retries spent; the last attempt: answered 503",
            "no attempt succeeded in 72 hours; the last attempt: your endpoint answered 503.",
        ),
        ("the endpoint did not recover in time", "the endpoint did not recover in time."),
    ] {
        page_after(&mut browser, &world, &format!("reason = '{reason}'")).await.says(said);
    }
    let page = browser.get(DELIVERY).await;
    page.says("The request, which was not sent");
    let page =
        page_after(&mut browser, &world, &format!("{waiting}, stage = 'scheduled', attempts = '[]'")).await;
    // An endpoint may have the request, and take its time.
    page.says("We are sending the event. Your endpoint has 15 seconds to answer.");
    page.says("No attempt has ended yet.");
    page.is_silent_about("not sent");
    page.is_silent_about("72 hours");
}

#[tokio::test]
async fn whoever_comes_straight_to_a_delivery_sees_it_after_signing_in() {
    let world = World::default();
    refused(&world).await;
    let mut browser = world.browser();
    let login = browser.get(DELIVERY).await.location().to_owned();
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    browser.arrive(&callback).await.says("answered 410");
}

#[tokio::test]
async fn a_time_that_is_none_is_said_beside_its_field_and_stays_there() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    for bad in ["yesterday", "", "2026-13-01T10:00", "\"><script>"] {
        let answer = browser.submit(&page, "/deliveries/redeliver", &[("since", bad)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        answer.says(
            "id=\"since-fault\" role=\"alert\">Choose a date and a time in UTC, such as 2026-04-02 10:00. Nothing was sent.",
        );
        answer.is_silent_about("<script>");
    }
    let answer = browser.submit(&page, "/deliveries/redeliver", &[("since", "yesterday")]).await;
    answer.says("value=\"yesterday\"");
    // A time that was copied out of an event is good, and white space around a time is nothing.
    for good in ["2026-04-01 10:00", " 2026-04-01T10:00:00Z "] {
        let answer = browser.submit(&page, "/deliveries/redeliver", &[("since", good), ("until", " ")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{good}: {}", answer.body);
    }
}

#[tokio::test]
async fn all_that_failed_since_a_time_is_sent_again() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    for (since, said) in [
        ("2099-01-01T10:00", "No delivery failed in that time, so nothing was sent again."),
        ("2026-04-01T10:00", "One delivery is being sent again."),
    ] {
        let sent = browser.submit(&page, "/deliveries/redeliver", &[("since", since)]).await;
        assert!(sent.location().starts_with("/deliveries?since="), "{}", sent.body);
        let log = sent.location().to_owned();
        browser.get(&log).await.says(said);
    }
    world.admin.stub("/redeliver", 202, "{\"count\":12,\"more\":false}");
    browser.submit(&page, "/deliveries/redeliver", &[("since", "2026-04-01T10:00")]).await;
    assert_eq!(world.admin.last_body(), "{\"since\":\"2026-04-01T10:00:00.000Z\"}");
    browser.get("/dashboard").await.says("12 deliveries are being sent again.");
}

#[tokio::test]
async fn more_deliveries_than_are_counted_are_said_to_be_more() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    world.admin.stub("/redeliver", 202, "{\"count\":10000,\"more\":true}");
    browser.submit(&page, "/deliveries/redeliver", &[("since", "2026-04-01T10:00")]).await;
    browser.get("/dashboard").await.says("10,000 or more deliveries are being sent again.");
}

#[tokio::test]
async fn a_disabled_webhook_has_to_be_enabled_before_anything_is_sent_again() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let (dashboard, delivery) = (browser.get("/dashboard").await, browser.get(DELIVERY).await);
    world.query("UPDATE webhooks SET status = 'disabled'");
    for (page, form, back) in [
        (&delivery, format!("{DELIVERY}/redeliver"), DELIVERY),
        (&dashboard, "/deliveries/redeliver".to_owned(), "/deliveries?since=2026-04-01T10%3A00"),
    ] {
        let sent = browser.submit(page, &form, &[("since", "2026-04-01T10:00")]).await;
        assert_eq!(sent.location(), back, "{}", sent.body);
        let page = browser.get(back).await;
        page.says("role=\"alert\">The webhook is disabled, so nothing was sent again. Verify and enable it");
    }
    assert_eq!(world.query("SELECT stage FROM delivery_log")[0]["stage"], "failed");
}

#[tokio::test]
async fn what_is_sent_again_while_events_are_on_hold_waits_with_them() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let (dashboard, delivery) = (browser.get("/dashboard").await, browser.get(DELIVERY).await);
    for (change, page, form, back, said) in [
        ("status = 'pending'", &delivery, format!("{DELIVERY}/redeliver"), DELIVERY, "The event waits."),
        (
            "status = 'active', circuit_opened_at = 1",
            &dashboard,
            "/deliveries/redeliver".to_owned(),
            "/deliveries?since=2026-04-01T10%3A00",
            "The events wait. We send them again as soon as",
        ),
    ] {
        world.query(format!("UPDATE webhooks SET {change}"));
        world.query("UPDATE delivery_log SET stage = 'failed', next_attempt_at = NULL, ended_at = 1");
        let sent = browser.submit(page, &form, &[("since", "2026-04-01T10:00")]).await;
        assert_eq!(sent.location(), back, "{}", sent.body);
        browser.get(back).await.says(said);
    }
}

#[tokio::test]
async fn a_delivered_event_is_sent_again_while_its_body_is_kept() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = page_after(&mut browser, &world, "stage = 'delivered', reason = NULL").await;
    page.says(">Delivered<");
    page.says("Send it again");
    let sent = browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    assert_eq!(sent.location(), DELIVERY);
    browser.get(DELIVERY).await.says("The event is being sent again.");

    world.query("DELETE FROM bodies");
    let page = page_after(&mut browser, &world, "stage = 'delivered', next_attempt_at = NULL").await;
    page.says("Once an event is delivered, we keep its body for a day at most.");
    page.is_silent_about("Send it again");
    browser.submit(&page, &format!("{DELIVERY}/redeliver"), &[]).await;
    browser.get(DELIVERY).await.says("We no longer have the body of this event");
}

#[tokio::test]
async fn an_endpoint_is_tried_as_its_webhook_stands() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    let status = |status: &str| {
        world.query(format!("UPDATE webhooks SET status = '{status}'"));
    };
    for (webhook, form, asked, said) in [
        ("active", "/webhook/verify", false, "The webhook is active already."),
        ("active", "/webhook/test", true, "The test event is on its way."),
        ("pending", "/webhook/verify", true, "We are trying the endpoint."),
        ("pending", "/webhook/test", true, "The test event waits."),
        ("disabled", "/webhook/test", false, "The webhook is disabled, so no test event was sent."),
        ("disabled", "/webhook/verify", true, "We are trying the endpoint."),
    ] {
        status(webhook);
        world.admin.take_calls();
        let sent = browser.submit(&page, form, &[]).await;
        let place = sent.location().to_owned();
        let tested = asked && form == "/webhook/test";
        let expected = if tested { "/deliveries/" } else { "/dashboard" };
        assert!(place.starts_with(expected), "{webhook} {form}: {}", sent.body);
        let posted = world.admin.take_calls().iter().any(|call| call.starts_with("POST"));
        assert_eq!(posted, asked, "{webhook} {form}");
        browser.get(&place).await.says(said);
    }
    // The button is pressed twice, and the second press finds the webhook enabled.
    status("disabled");
    let mut again = browser.clone();
    let (first, second) = futures_util::join!(
        browser.submit(&page, "/webhook/verify", &[]),
        again.submit(&page, "/webhook/verify", &[])
    );
    for answer in [first, second] {
        assert!(answer.location().starts_with("/dashboard?tried="), "{}", answer.body);
    }
}

#[tokio::test]
async fn without_a_webhook_there_is_nothing_to_try() {
    let world = World::default();
    let mut fresh = world.registered("two@other.example", "other-corp").await;
    let page = fresh.get("/dashboard").await;
    for form in ["/webhook/test", "/webhook/verify", "/deliveries/redeliver"] {
        fresh.submit(&page, form, &[("since", "2026-04-01T10:00")]).await;
        fresh.get("/dashboard").await.says("Set a webhook URL first.");
    }
}
