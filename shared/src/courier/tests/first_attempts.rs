//! Fresh events.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::super::Settlement::{Acknowledge, Retry};
use super::super::{PublishFault, UNDECODABLE};
use super::AFTER_OUTAGE;
use super::{envelope, message, row};
use crate::event::message::EventMessage;
use crate::ports::Statement;
use crate::shared_text::SharedText;
use crate::testing::{Crash, Fixture, Reply};

const URL: &str = "https://hooks.example.com/in";

#[tokio::test]
async fn an_event_reaches_only_the_webhooks_of_its_tenant_that_want_it_byte_for_byte() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let other = fixture.tenant("other").await;
    fixture.webhook(&acme, URL, &["KeyAdded"]).await;
    fixture.webhook(&acme, "https://hooks.example.com/locks", &["LockCreated"]).await;
    fixture.webhook(&other, "https://hooks.example.com/other", &[]).await;

    let settled = fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    assert_eq!(settled, [Acknowledge]);
    let requests = fixture.endpoints.take();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, URL);
    assert_eq!(requests[0].body.as_ref(), envelope("e-1", "KeyAdded", "acme-corp"));
}

#[tokio::test]
async fn an_event_lies_where_it_was_taken_in_until_it_is_sent_whatever_the_number_of_webhooks() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    for number in 0..5 {
        fixture.webhook(&acme, &format!("{URL}/{number}"), &[]).await;
    }
    let array = ["e-1", "e-2"].map(|id| envelope(id, "KeyAdded", "acme-corp")).join(",");
    let taken_in = SharedText::from(format!("[{array}]"));
    let within = taken_in.as_bytes().as_ptr_range();

    assert_eq!(fixture.couriers().publish(taken_in.clone()).await, Ok(2));
    let messages: Vec<_> = fixture.events.take().into_iter().map(|message| message.body).collect();
    assert!(messages.iter().all(|message| within.contains(&message.as_ptr())), "not copied into a message");

    fixture.deliver_events(&messages).await;
    let requests = fixture.endpoints.take();
    assert_eq!(requests.len(), 10);
    assert!(requests.iter().all(|request| within.contains(&request.body.as_ptr())), "nor out of it");
    let numbers: BTreeSet<u32> = requests.iter().map(|request| request.body.number()).collect();
    assert_eq!(numbers.len(), 2, "by its number, each is copied across the edge once");
}

#[tokio::test]
async fn the_signature_is_one_that_another_library_verifies() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    let request = fixture.endpoints.take().remove(0);
    let header = |name: &str| {
        request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(header("webhook-id"), "e-1");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("user-agent"), "SmartphoneKey-Webhooks/1");
    use secrecy::ExposeSecret;
    let library = standardwebhooks::Webhook::new(created.secret.expose().expose_secret()).unwrap();
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let expected = library.sign("e-1", timestamp, request.body.as_bytes()).unwrap();
    assert_eq!(header("webhook-signature"), expected);
}

#[tokio::test]
async fn a_hundred_events_for_many_tenants_cost_one_read_and_one_write() {
    let fixture = Fixture::default();
    for index in 0..20 {
        let tenant = fixture.tenant(&format!("tenant-{index}")).await;
        fixture.webhook(&tenant, &format!("https://hooks.example.com/{index}"), &[]).await;
    }
    let messages: Vec<_> = (0..100)
        .map(|index| message(&format!("e-{index}"), "KeyAdded", &format!("tenant-{}", index % 20)))
        .collect();
    fixture.database.take_round_trips();

    let settled = fixture.deliver_events(&messages).await;

    assert!(settled.iter().all(|settlement| *settlement == Acknowledge));
    assert_eq!(fixture.database.take_round_trips(), 2);
    assert_eq!(fixture.endpoints.take().len(), 100);
    let counted = fixture
        .database
        .query(Statement::new("SELECT COUNT(*) AS n FROM delivery_log WHERE stage = 'delivered'"));
    assert_eq!(counted[0]["n"], json!(100));
}

#[tokio::test]
async fn the_same_event_twice_makes_one_delivery_and_one_request() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let twice = [message("e-1", "KeyAdded", "acme-corp"), message("e-1", "KeyAdded", "acme-corp")];

    fixture.deliver_events(&twice).await;
    fixture.deliver_events(&twice).await;

    assert_eq!(fixture.endpoints.take().len(), 1);
}

#[tokio::test]
async fn a_crash_between_request_and_write_sends_again_with_the_same_id() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    let event = [message("e-1", "KeyAdded", "acme-corp")];
    let mut batches = 0;
    fixture.database.crash(move || {
        batches += 1;
        if batches == 2 { Crash::Before } else { Crash::Never }
    });

    let messages = fixture.messages(&event);
    assert_eq!(fixture.clock.drive(fixture.couriers().deliver_events(&messages)), None, "it died");
    assert_eq!(fixture.deliver_events(&event).await, [Acknowledge]);

    let ids: Vec<_> = fixture.endpoints.take().iter().map(|request| request.headers[2].1.clone()).collect();
    assert_eq!(ids, ["e-1", "e-1"]);
    assert_eq!(row(&fixture, &created.webhook_id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn an_undecodable_message_does_not_stop_its_batch() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let messages = [String::new(), message("e-1", "KeyAdded", "acme-corp"), "{\"version\":9}".to_owned()];

    let settled = fixture.deliver_events(&messages).await;

    assert_eq!(settled, [UNDECODABLE, Acknowledge, UNDECODABLE]);
    assert_eq!(fixture.endpoints.take().len(), 1);
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_database_is_down() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.database.fail(Some("overloaded"));

    let settled = fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    assert_eq!(settled, [AFTER_OUTAGE]);
    assert!(fixture.endpoints.take().is_empty());
}

#[tokio::test]
async fn a_retry_that_the_queue_refuses_is_found_by_the_sweep() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::Status(503)]);
    fixture.retries.refuse(true);

    assert_eq!(fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await, [Acknowledge]);
    fixture.retries.refuse(false);
    assert_eq!(fixture.drive(fixture.courier.sweep()), Ok(0));
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.drive(fixture.courier.sweep()), Ok(1));
    super::run_retries(&fixture).await;

    assert_eq!(row(&fixture, &created.webhook_id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn a_large_event_travels_by_pointer_and_arrives_whole() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let body =
        envelope("e-1", "KeyAdded", "acme-corp").replace("1.50", &format!("\"{}\"", "x".repeat(900_000)));

    assert_eq!(fixture.couriers().publish(&body).await, Ok(1));
    let messages: Vec<_> = fixture.events.take().into_iter().map(|message| message.body).collect();
    assert!(messages[0].len() < 200, "{}", messages[0].len());
    assert!(matches!(EventMessage::decode(&messages[0]), Ok(EventMessage::StoredAt(_))));
    assert_eq!(fixture.deliver_events(&messages).await, [Acknowledge]);
    assert_eq!(fixture.endpoints.take()[0].body.as_ref(), body);

    // KV may show it late: the message waits.
    fixture.bodies.clear();
    assert_eq!(fixture.deliver_events(&messages).await, [Retry(Duration::from_secs(30))]);
}

#[tokio::test]
async fn a_malformed_event_is_named_by_its_place_and_none_of_its_array_is_taken() {
    let fixture = Fixture::default();
    let good = envelope("e-1", "KeyAdded", "acme-corp");
    let array = format!("[{good},{}]", good.replace("spk.api", "elsewhere"));

    let fault = fixture.couriers().publish(&array).await.unwrap_err();

    assert_eq!(fault.to_string(), "event 1: source must be spk.api or spk.iot.shadow");
    assert!(fixture.events.take().is_empty());
    assert_eq!(fixture.couriers().publish("[]").await, Err(PublishFault::Shape));
    assert_eq!(
        fixture.couriers().publish(&format!("[{}]", vec![good.as_str(); 101].join(","))).await,
        Err(PublishFault::Shape)
    );
    assert_eq!(
        fixture.couriers().publish(&format!("[{}]", vec![good.as_str(); 100].join(","))).await,
        Ok(100)
    );
}

#[tokio::test]
async fn a_queue_that_refuses_acknowledges_nothing() {
    let fixture = Fixture::default();
    fixture.events.refuse(true);
    let fault = fixture.couriers().publish(&envelope("e-1", "KeyAdded", "acme-corp")).await;
    assert!(matches!(fault, Err(PublishFault::NotQueued(_))));
}

#[tokio::test]
async fn types_that_are_not_republished_are_taken_and_not_delivered_and_unknown_ones_reach_wildcards() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let types = ["ReportedShadowUpdated", "DesiredShadowUpdated", "SomethingNew"];
    let messages: Vec<_> = types.iter().map(|name| message(name, name, "acme-corp")).collect();

    fixture.deliver_events(&messages).await;

    let sent: Vec<_> = fixture.endpoints.take().iter().map(|request| request.body.to_string()).collect();
    assert_eq!(sent, [envelope("SomethingNew", "SomethingNew", "acme-corp")]);
}

#[tokio::test]
async fn one_hanging_endpoint_does_not_hold_up_the_others() {
    let fixture = Fixture::default();
    let slow = fixture.tenant("slow").await;
    let slow_webhook = fixture.webhook(&slow, "https://hooks.example.com/slow", &[]).await;
    fixture.endpoints.always("https://hooks.example.com/slow", Reply::Hang);
    let fast = fixture.tenant("fast").await;
    fixture.webhook(&fast, URL, &[]).await;
    let messages: Vec<_> = (0..20)
        .map(|index| message(&format!("e-{index}"), "KeyAdded", if index % 2 == 0 { "slow" } else { "fast" }))
        .collect();

    fixture.deliver_events(&messages).await;

    let requests = fixture.endpoints.take();
    let to = |url: &str| requests.iter().filter(|request| request.url == url).count();
    assert_eq!(to(URL), 10);
    assert_eq!(to("https://hooks.example.com/slow"), 1, "the rest of its batch waits");
    let rest = row(&fixture, &slow_webhook.webhook_id, "e-2");
    assert_eq!((&rest["stage"], &rest["failures"]), (&json!("scheduled"), &json!(0)));
    assert_eq!(fixture.retries.take().len(), 10);
}
