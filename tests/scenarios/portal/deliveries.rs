//! The log and the pages of deliveries, in every state.

use std::time::Duration;

use serde_json::json;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::world::run;

use super::Partner;

/// What a web server answers that has no JSON.
const HTML: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/html\r\ncontent-length: 82\r\n\r\n\
    <html><body><h1>It works not</h1><p>Traceback: a line that is long</p></body></html>";

#[test]
fn a_log_of_a_thousand_deliveries_is_filtered_and_read_page_by_page() {
    run(|world| async move {
        let (partner, browser) = Partner::signed_in(world).await;
        let endpoint = Endpoint::start();
        browser.set_webhook_url(&endpoint.url("/log")).await;
        browser.open("/deliveries").await;
        browser.sees(".empty", "No events yet.").await;
        browser.look("deliveries-empty").await;

        let types = ["KeyAdded", "LockCreated", "CameraRoleCameraAssigned", "DeviceMigrationStatusUpdated"];
        for _ in 0..10 {
            let events: Vec<_> =
                (0..100).map(|number| Event::new(types[number % types.len()], &partner.org_id)).collect();
            world.publish_all(&events).await;
        }
        let _ = endpoint.at_least(1_000, "/log").await;
        endpoint.behave("/log", Behavior::Raw(HTML.into()));
        let failing = Event::new("ResidentRemoved", &partner.org_id);
        world.publish(&failing).await;
        browser.open("/dashboard").await;
        browser.reloads_until(".log tbody tr:first-child", "answered 500").await;
        browser.look("dashboard-thousand").await;
        browser.open("/deliveries").await;
        assert_eq!(browser.texts(".log tbody tr").await.len(), 50);
        browser.look("deliveries-many").await;
        browser.click(".finder summary").await;
        browser.look("deliveries-filter").await;
        browser.fill("#eventType", "CameraRoleCameraAssigned").await;
        browser.click(".filter button").await;
        browser.sees(".chosen", "CameraRoleCameraAssigned").await;
        browser.sees(".log tbody tr", "CameraRoleCameraAssigned").await;
        browser.look("deliveries-filtered").await;
        browser.click("nav[aria-label=Pages] a").await;
        browser.sees("#listed", "continued").await;
        browser.look("deliveries-older").await;
        browser.open("/deliveries?state=failed,dead").await;
        browser.sees(".empty", "No delivery matches.").await;
        browser.look("deliveries-none").await;
        browser.open("/deliveries?since=2026-04-02T11:00&until=2026-04-02T10:00").await;
        browser.sees("#to-fault", "Choose a time after the first.").await;
        browser.look("deliveries-filter-fault").await;
        browser.open("/deliveries").await;
        browser.click(".finder summary").await;
        browser.fill("#eventId", &failing.id).await;
        browser.click(".finder .inline button").await;
        browser.sees("h1", "ResidentRemoved").await;
        browser.open(&format!("/deliveries/{}?still=1", failing.id)).await;
        browser.sees(".excerpt", "<h1>It works not</h1>").await;
        browser.look("delivery-html-answer").await;
    });
}

#[test]
fn a_delivery_shows_each_way_to_end() {
    run(|world| async move {
        let (partner, browser) = Partner::signed_in(world).await;
        let endpoint = Endpoint::start();
        let url = endpoint.url(&format!("/{}", "a-long-path-without-end/".repeat(12)));
        let path = url.split_once("/a-long").map(|(_, rest)| format!("/a-long{rest}")).unwrap();
        browser.set_webhook_url(&url).await;
        browser.look("dashboard-long-url").await;
        let huge = Event::of_size("KeyAdded", &partner.org_id, 60_000);
        world.publish(&huge).await;
        let _ = endpoint.at_least(1, &path).await;
        browser.reloads_until("#deliveries ~ table", "Delivered").await;
        browser.open(&format!("/deliveries/{}", huge.id)).await;
        browser.look("delivery-huge").await;

        // A slow endpoint, whose event has its page renewed; then an endpoint that is gone gives the event up.
        endpoint.behave(&path, Behavior::slow(Duration::from_secs(8)));
        let slow = Event::new("LockCreated", &partner.org_id);
        browser.open("/dashboard").await;
        browser.click("form[action='/webhook/test'] button").await;
        browser.sees("h1", "Waiting").await;
        browser.look("delivery-waiting").await;
        browser.sees("h1", "Delivered").await;
        endpoint.behave(&path, Behavior::status(503));
        world.publish(&slow).await;
        browser.open("/dashboard").await;
        browser.reloads_until(".log tbody tr:first-child", "Retrying").await;
        endpoint.behave(&path, Behavior::status(410));
        browser.click("form[action='/webhook/test'] button").await;
        browser.sees("h1", "Failed").await;
        browser.open(&format!("/deliveries/{}?still=1", slow.id)).await;
        browser.reloads_until("h1", "Gave up").await;
        browser.look("delivery-gave-up").await;

        // Another URL whose endpoint does not answer: events wait for its verification, and the dashboard renews itself.
        endpoint.behave("/new", Behavior::Hang);
        browser.open("/dashboard").await;
        browser.fill("#url", &endpoint.url("/new")).await;
        browser.click("form[action='/webhook'] button").await;
        browser.sees(".renewal", "This page renews itself").await;
        browser.look("dashboard-verifying").await;
        let held = Event::new("KeyAdded", &partner.org_id);
        world.publish(&held).await;
        browser.open(&format!("/deliveries/{}?still=1", held.id)).await;
        browser.reloads_until("h1", "Waiting").await;
        browser.look("delivery-held").await;

        // Another webhook, which an admin manages.
        let webhooks = format!("/tenants/{}/webhooks", partner.org_id);
        let other = json!({"url": endpoint.url("/managed"), "events": ["LockCreated"]});
        let _ = world.admin().post(&webhooks, &other).await.expect(201);
        browser.open("/dashboard").await;
        browser.sees(".others", "/managed").await;
        browser.look("dashboard-several-webhooks").await;
        browser.click(".others a").await;
        browser.sees("h1", "Deliveries").await;
        browser.click(".finder summary").await;
        browser.look("deliveries-several-webhooks").await;
    });
}
