//! The dashboard's numbers and chart are the delivery log's.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::browser::Browser;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::poll::{SOON, eventually};
use tests::world::run;

use super::Partner;

/// Deliveries by state and hour.
type Counts = BTreeMap<(&'static str, String), u64>;

fn counts(log: &[Value]) -> Counts {
    let mut counts = Counts::new();
    for delivery in log {
        let kind = match delivery["state"].as_str().unwrap() {
            "delivered" => "Delivered",
            "pending" if delivery["attempts"].as_array().unwrap().is_empty() => "Waiting",
            "pending" => "Retrying",
            _ => "Failed",
        };
        let hour = &delivery["createdAt"].as_str().unwrap()[..13];
        *counts.entry((kind, hour.to_owned())).or_default() += 1;
    }
    counts
}

/// The chart's table: a row for each hour.
async fn drawn(browser: &Browser) -> Counts {
    let read = "return [...document.querySelectorAll('#deliveries ~ details tbody tr')].map((row) => [
        row.querySelector('time').dateTime, ...[...row.querySelectorAll('td')].map((cell) => cell.textContent)])";
    let rows = browser.script(read, vec![]).await;
    let mut counts = Counts::new();
    for row in rows.as_array().unwrap() {
        for (kind, cell) in
            ["Delivered", "Waiting", "Retrying", "Failed"].into_iter().zip(&row.as_array().unwrap()[1..])
        {
            let count: u64 = cell.as_str().unwrap().parse().unwrap();
            if count > 0 {
                counts.insert((kind, row[0].as_str().unwrap()[..13].to_owned()), count);
            }
        }
    }
    counts
}

#[test]
fn the_dashboards_numbers_and_chart_are_the_delivery_logs() {
    run(|world| async move {
        let (partner, browser) = Partner::signed_in(world).await;
        let endpoint = Endpoint::start();
        browser.set_webhook_url(&endpoint.url("/traffic")).await;
        let admin = world.admin();
        let webhooks = format!("/tenants/{}/webhooks", partner.org_id);
        let webhook = admin.get(&webhooks).await.expect(200)["webhooks"][0]["id"].clone();
        let deliveries = format!("{webhooks}/{}/deliveries", webhook.as_str().unwrap());

        // Outcomes of all kinds, one after the other, so that each event gets its own outcome.
        let mut requests = 0;
        for (status, types) in [
            (200, ["KeyAdded", "KeyAdded", "LockCreated", "LockCreated", "KeyAdded"].as_slice()),
            (404, &["KeyAdded", "LockCreated"]),
            (503, &["LockCreated"]),
        ] {
            endpoint.behave("/traffic", Behavior::status(status));
            for event_type in types {
                let event = Event::new(event_type, &partner.org_id);
                world.publish(&event).await;
                requests += 1;
                let _ = endpoint.at_least(requests, "/traffic").await;
                let path = format!("{deliveries}/{}", event.id);
                let attempted = eventually(SOON, "an attempt on record", async || {
                    let delivery = Some(admin.get(&path).await).filter(|answer| answer.status == 200)?.json();
                    delivery["attempts"].as_array().is_some_and(|all| !all.is_empty()).then_some(())
                });
                attempted.await;
            }
        }

        browser.reloads_until("section[aria-labelledby=webhook] .state", "Active, but failing").await;
        let log = admin.get(&format!("{deliveries}?limit=200")).await.expect(200);
        let log = log["deliveries"].as_array().unwrap();
        assert_eq!(log.len(), 8);
        let counts = counts(log);
        assert_eq!(drawn(&browser).await, counts, "the table");
        let total =
            |kind: &str| -> u64 { counts.iter().filter(|((one, _), _)| *one == kind).map(|(_, n)| n).sum() };
        assert_eq!(browser.texts(".counts dd").await, ["5", "0", "3", "0"]);
        assert_eq!([total("Delivered"), total("Retrying"), total("Failed")], [5, 3, 0]);
        let sentence = browser.attribute(".chart svg", "aria-label").await.unwrap();
        assert!(sentence.contains("5 delivered, 0 waiting, 3 retrying, 0 failed."), "{sentence}");

        // The drawing is to scale: an hour's height is its part of the busiest hour.
        let read = "return [...document.querySelectorAll('.chart rect')].map((one) => [one.className.baseVal, one.height.baseVal.value])";
        let pieces = browser.script(read, vec![]).await;
        let most: f64 = browser.texts(".scale").await[0].parse().unwrap();
        for (kind, count) in [("delivered", 5.0), ("retrying", 3.0), ("failed", 0.0)] {
            let drawn = pieces.as_array().unwrap().iter().filter(|piece| piece[0] == kind);
            let height: f64 = drawn.map(|piece| piece[1].as_f64().unwrap()).sum();
            assert!((height * most / 100.0 - count).abs() < 0.01, "{kind} is {height} of {most}");
        }

        // The list, newest first.
        let read = "return [...document.querySelectorAll('.log tbody th a')].map((one) => one.firstChild.data + [...one.childNodes].slice(1, -1).map((node) => node.textContent).join(''))";
        let rows = browser.script(read, vec![]).await;
        let types: Vec<_> = log.iter().map(|one| one["eventType"].as_str().unwrap()).collect();
        assert_eq!(rows, json!(types));
        let links = "return [...document.querySelectorAll('.log tbody a')].map((one) => one.pathname)";
        let ids: Vec<_> =
            log.iter().map(|one| format!("/deliveries/{}", one["eventId"].as_str().unwrap())).collect();
        assert_eq!(browser.script(links, vec![]).await, json!(ids));
        browser.click("#deliveries ~ details summary").await;
        browser.look("dashboard-traffic").await;

        // The endpoint is gone: what was retried ends as well.
        endpoint.behave("/traffic", Behavior::status(410));
        let _ = world
            .event_bridge()
            .post_text("/events", &Event::new("KeyAdded", &partner.org_id).body)
            .await
            .expect(202);
        browser.reloads_until("section[aria-labelledby=webhook] .state", "Disabled").await;
        let ended = eventually(SOON, "the end of all deliveries", async || {
            let log = admin.get(&format!("{deliveries}?limit=200")).await.expect(200);
            let log = log["deliveries"].as_array().unwrap().clone();
            log.iter().all(|delivery| delivery["state"] != "pending").then_some(log)
        });
        let ended = ended.await;
        let counts = self::counts(&ended);
        browser.open("/dashboard").await;
        assert_eq!(drawn(&browser).await, counts, "the table");
        assert_eq!(browser.texts(".counts dd").await, ["5", "0", "0", "4"]);
    });
}
