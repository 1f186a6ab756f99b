//! One delivery, and sending it again.

use http::StatusCode;
use shared::testing::Reply;

use crate::support::{Browser, World};

const URL: &str = "https://partner.example.com/hook";
const ENVELOPE: &str = r#"{"id":"odd/id?x","source":"spk.api","detail-type":"KeyAdded","time":"2026-04-02T10:00:00Z","detail":{"partnerId":"acme-corp","data":{"name":"<script>Door</script>"}}}"#;

/// A partner whose endpoint refused one event.
async fn refused(world: &World) -> Browser {
    let mut browser = world.registered("owner@acme-corp.example", "acme-corp").await;
    browser.get("/dashboard").await;
    let page = browser.get("/dashboard").await;
    browser.submit(&page, "/webhook", &[("url", URL)]).await;
    world.tenants.endpoints.reply(URL, &[Reply::Status(404)]);
    world.tenants.courier.publish(ENVELOPE).await.unwrap();
    let messages: Vec<String> = world.tenants.events.take().into_iter().map(|message| message.body).collect();
    world.tenants.courier.deliver_events(&messages).await;
    browser
}

#[tokio::test]
async fn a_failed_delivery_shows_its_attempts_and_what_was_sent_and_is_sent_again() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let dashboard = browser.get("/dashboard").await;
    dashboard.says("href=\"/deliveries/odd%2Fid%3Fx\"");
    let page = browser.get("/deliveries/odd%2Fid%3Fx").await;
    assert_eq!(page.status, StatusCode::OK);
    for text in [
        ">Failed<",
        "<td>404</td>",
        "answered 404",
        "20 ms",
        "odd/id?x",
        "&#60;script&#62;Door",
        "Send it again",
    ] {
        page.says(text);
    }
    page.is_silent_about("<script>Door");
    // What the endpoint wrote is for admins.
    page.is_silent_about("said 404");

    let again = browser.submit(&page, "/deliveries/odd%2Fid%3Fx/redeliver", &[]).await;
    assert_eq!(again.location(), "/deliveries/odd%2Fid%3Fx");
    let page = browser.get("/deliveries/odd%2Fid%3Fx").await;
    page.says("is being sent again");
    page.says(">Retrying<");
    page.is_silent_about("Send it again");
    let twice = browser.submit(&page, "/deliveries/odd%2Fid%3Fx/redeliver", &[]).await;
    assert_eq!(twice.location(), "/deliveries/odd%2Fid%3Fx");
    browser.get("/deliveries/odd%2Fid%3Fx").await.says("still being tried");
}

#[tokio::test]
async fn another_s_delivery_is_none() {
    let world = World::default();
    refused(&world).await;
    let mut other = world.registered("two@other.example", "other-corp").await;
    let theirs = other.get("/deliveries/odd%2Fid%3Fx").await;
    let nothing = other.get("/deliveries/nothing").await;
    assert_eq!((theirs.status, nothing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    for odd in ["/deliveries/..%2f..%2f..", "/deliveries/%2e%2e", "/deliveries/%ff", "/delivery-summary"] {
        let page = other.get(odd).await;
        assert!(page.status.is_client_error(), "{odd} {}", page.status);
    }
    let page = other.get("/dashboard").await;
    let sent = other.submit(&page, "/deliveries/odd%2Fid%3Fx/redeliver", &[]).await;
    assert_eq!(sent.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_comes_straight_to_a_delivery_sees_it_after_signing_in() {
    let world = World::default();
    refused(&world).await;
    let mut browser = world.browser();
    let login = browser.get("/deliveries/odd%2Fid%3Fx").await.location().to_owned();
    let callback = browser.visit_provider(&login, "owner@acme-corp.example", true).await;
    browser.arrive(&callback).await.says("answered 404");
}

#[tokio::test]
async fn a_time_that_is_none_and_a_route_that_is_not_there_yet_are_said_plainly() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    browser.submit(&page, "/deliveries/redeliver", &[("since", "yesterday")]).await;
    browser.get("/dashboard").await.says("Choose a date and a time, both in UTC.");
    for (form, fields) in [
        ("/deliveries/redeliver", vec![("since", "2026-04-01T10:00")]),
        ("/webhook/test", vec![]),
        ("/webhook/verify", vec![]),
    ] {
        let sent = browser.submit(&page, form, &fields).await;
        assert_eq!(sent.location(), "/dashboard");
        let page = browser.get("/dashboard").await;
        assert!(page.body.contains("role=\"alert\"") || page.body.contains("role=\"status\""));
    }
    // Without a webhook there is nothing to try.
    let mut fresh = world.registered("two@other.example", "other-corp").await;
    let page = fresh.get("/dashboard").await;
    for form in ["/webhook/test", "/webhook/verify"] {
        fresh.submit(&page, form, &[]).await;
        fresh.get("/dashboard").await.says("Set a webhook URL first.");
    }
}

#[tokio::test]
async fn trying_the_endpoint_and_sending_a_range_again_ask_the_admin_api_s_routes() {
    let world = World::default();
    let mut browser = refused(&world).await;
    let page = browser.get("/dashboard").await;
    world.admin.stub("/verify", 202, "");
    world.admin.stub("/enable", 202, "{\"success\":true}");
    world.admin.stub("/test", 202, "{\"eventId\":\"e\"}");
    world.admin.stub("/redeliver", 202, "{\"count\":12}");
    let last = |world: &World| world.admin.take_calls().pop().unwrap();

    browser.submit(&page, "/webhook/verify", &[]).await;
    assert!(last(&world).ends_with("/verify"));
    browser.get("/dashboard").await.says("We are trying the endpoint again.");
    browser.submit(&page, "/webhook/test", &[]).await;
    assert!(last(&world).ends_with("/test"));
    browser.get("/dashboard").await.says("A test event is on its way.");
    browser.submit(&page, "/deliveries/redeliver", &[("since", "2026-04-01T10:00")]).await;
    assert_eq!(world.admin.last_body(), "{\"since\":\"2026-04-01T10:00:00.000Z\"}");
    browser.get("/dashboard").await.says("12 deliveries are being sent again.");

    let disable = shared::ports::Statement::new("UPDATE webhooks SET status = 'disabled'");
    world.tenants.database.query(disable);
    browser.submit(&page, "/webhook/verify", &[]).await;
    assert!(last(&world).ends_with("/enable"));
}
