//! What the platform allows, and what one webhook may cost the others.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Settlement::{Acknowledge, Retry};
use super::super::{AFTER_OUTAGE, Operators};
use super::{THREE_DAYS, envelope, message, row};
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::DeliveryState;
use crate::event::message::{EventMessage, Notice, RetryMessage, WebhookKey};
use crate::ports::{Clock, Statement};
use crate::testing::{Fixture, Reply, Simulation};
use crate::time::Timestamp;
use crate::webhook::signing::SigningSecret;

const URL: &str = "https://hooks.example.com/in";
const OTHER: &str = "https://hooks.example.com/other";

fn count(fixture: &Fixture, condition: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) AS n FROM deliveries WHERE {condition}");
    fixture.database.query(Statement::new(sql))[0]["n"].as_u64().unwrap()
}

#[tokio::test]
async fn a_batch_of_the_largest_dead_letters_is_kept() {
    let fixture = Fixture::default();
    let letters: Vec<_> = (0..10).map(|index| format!("{index}{}", "\"".repeat(126_000))).collect();

    assert_eq!(fixture.courier.keep_dead_letters(&letters).await, [Acknowledge; 10]);

    assert_eq!(fixture.app.list_dead_letters(None, 50).await.unwrap().0.len(), 10);
}

#[tokio::test]
async fn dead_letters_outlast_a_day_without_a_database() {
    let fixture = Fixture::default();
    fixture.database.fail(Some("gone"));

    let settled = fixture.courier.keep_dead_letters(&["x".to_owned()]).await;

    // The most retries that a Queue allows.
    assert!(
        matches!(settled[..], [Retry(delay)] if delay * 100 >= Duration::from_secs(86_400)),
        "{settled:?}"
    );
}

#[tokio::test]
async fn a_letter_that_comes_back_after_it_was_requeued_is_kept_again() {
    let fixture = Fixture::default();
    let letter = [message("e-1", "KeyAdded", "acme-corp")];
    fixture.courier.keep_dead_letters(&letter).await;
    fixture.app.requeue_dead_letter(1).await.unwrap();

    fixture.courier.keep_dead_letters(&letter).await;

    assert_eq!(fixture.app.list_dead_letters(None, 50).await.unwrap().0.len(), 2);
}

/// As after a change of `WEBHOOK_SECRETS_KEY` whose predecessor was forgotten.
#[tokio::test]
async fn a_webhook_whose_secret_cannot_be_opened_harms_no_batch_mate_and_loses_nothing() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let sealed = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let other = fixture.tenant("other").await;
    let open = fixture.webhook(&other, OTHER, &[]).await.webhook_id;
    let good = fixture.database.query(Statement::new("SELECT secret FROM webhooks WHERE url = ?1").bind(URL));
    let break_it = Statement::new("UPDATE webhooks SET secret = '1.00000000.AAAA' WHERE url = ?1").bind(URL);
    fixture.database.query(break_it);
    fixture.endpoints.reply(OTHER, &[Reply::Status(503)]);

    let fresh = [message("e-1", "KeyAdded", "acme-corp"), message("e-2", "KeyAdded", "other")];
    assert_eq!(fixture.courier.deliver_events(&fresh).await, [Acknowledge; 2]);
    assert_eq!(row(&fixture, &sealed, "e-1")["state"], "pending");
    fixture.clock.advance(Duration::from_secs(3_600));
    let retries: Vec<_> = fixture.retries.take().into_iter().map(|message| message.body).collect();
    assert_eq!(fixture.courier.deliver_retries(&retries).await, [Acknowledge; 2]);
    assert_eq!(row(&fixture, &open, "e-2")["state"], "delivered");
    assert!(fixture.log.lines().iter().any(|line| line["webhookId"] == sealed && line["level"] == "error"));

    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(3_600)).await;
    let heal = Statement::new("UPDATE webhooks SET secret = ?2 WHERE url = ?1").bind(URL);
    fixture.database.query(heal.bind(good[0]["secret"].as_str().unwrap()));
    assert!(simulation.run(Duration::from_secs(3_600)).await);
    assert_eq!(row(&fixture, &sealed, "e-1")["state"], "delivered");
}

#[tokio::test]
async fn a_secret_that_is_never_opened_leaves_its_events_dead_and_redeliverable() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.database.query(Statement::new("UPDATE webhooks SET secret = '1.00000000.AAAA'"));

    fixture.courier.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert!(Simulation::new(&fixture).run(THREE_DAYS * 2).await);

    let dead = row(&fixture, &id, "e-1");
    assert_eq!(
        (&dead["state"], &dead["reason"]),
        (&json!("dead"), &json!("the webhook's secrets could not be opened"))
    );
    assert_ne!(dead["body"], Value::Null);
}

#[tokio::test]
async fn no_probe_comes_before_the_endpoint_asked_for() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::RetryAfter(429, "3000".into()));
    for index in 0..5 {
        fixture.courier.deliver_events(&[message(&format!("e-{index}"), "KeyAdded", "acme-corp")]).await;
    }
    fixture.endpoints.take();
    let began = fixture.clock.now();

    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(2_990)).await;
    assert_eq!(fixture.endpoints.take().len(), 0, "it asked for 3000 seconds");
    simulation.run(Duration::from_secs(310)).await;
    assert_eq!(fixture.endpoints.take().len(), 1, "a probe");
    simulation.run(Duration::from_secs(2_600)).await;
    assert_eq!(fixture.endpoints.take().len(), 0, "and it asked again");
    fixture.endpoints.always(URL, Reply::Status(200));
    assert!(simulation.run(Duration::from_secs(7_200)).await);
    assert!(fixture.clock.now().since(began) < Duration::from_secs(9_000));
}

#[tokio::test]
async fn a_challenge_is_repeated_when_the_endpoint_asked_for_it() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture
        .app
        .verify_webhook(&crate::actor::Actor::person("a@smartphonekey.com"), &acme, &id)
        .await
        .unwrap();
    fixture.endpoints.reply(URL, &[Reply::RetryAfter(503, "600".into())]);

    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(590)).await;

    assert_eq!(fixture.endpoints.take().len(), 1);
}

#[tokio::test]
async fn a_batch_ends_in_time_however_many_endpoints_hang() {
    let fixture = Fixture::default();
    for index in 0..20 {
        let tenant = fixture.tenant(&format!("tenant-{index}")).await;
        let url = format!("https://hooks.example.com/{index}");
        fixture.webhook(&tenant, &url, &[]).await;
        fixture.endpoints.always(&url, Reply::Hang);
    }
    let fresh: Vec<_> =
        (0..20).map(|index| message(&format!("e-{index}"), "KeyAdded", &format!("tenant-{index}"))).collect();
    let began = fixture.clock.now();

    let settled = fixture.courier.deliver_events(&fresh).await;

    assert!(settled.iter().all(|settlement| *settlement == Acknowledge));
    // Of those that have begun, six at most, the fake ones hang one after the other.
    let policy = fixture.courier.policy;
    assert!(fixture.clock.now().since(began) <= policy.time_per_batch() + policy.attempt_timeout * 6);
    assert!(fixture.endpoints.take().len() < 20);
    assert_eq!(count(&fixture, "state = 'pending'"), 20, "what did not begin is written down as well");
}

#[tokio::test]
async fn a_batch_stops_asking_an_endpoint_once_its_circuit_would_be_open() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    let fresh: Vec<_> =
        (0..50).map(|index| message(&format!("e-{index}"), "KeyAdded", "acme-corp")).collect();

    fixture.courier.deliver_events(&fresh).await;

    assert_eq!(fixture.endpoints.take().len(), 5);
    assert_eq!(count(&fixture, "state = 'pending'"), 50);
}

#[tokio::test]
async fn operators_who_hang_hold_up_no_batch() {
    let mut fixture = Fixture::default();
    let secret = SigningSecret::generate([3; 32]);
    fixture.courier.operators = Some(Operators { url: "https://ops.example.com/".into(), secret });
    fixture.endpoints.always("https://ops.example.com/", Reply::Hang);
    let webhook = WebhookKey { org_id: "acme-corp".into(), webhook_id: "w".into() };
    let notices: Vec<_> = (0..100)
        .map(|index| {
            let notice = Notice {
                id: format!("notice-{index}"),
                webhook: webhook.clone(),
                change: "failing".into(),
                reason: None,
                event_type: None,
                last_error: None,
                at: fixture.clock.now(),
            };
            RetryMessage::Notify(notice).encode()
        })
        .collect();
    let began = fixture.clock.now();

    assert_eq!(fixture.courier.deliver_retries(&notices).await, [AFTER_OUTAGE; 100]);
    assert!(fixture.clock.now().since(began) <= Duration::from_secs(30));
    fixture.endpoints.always("https://ops.example.com/", Reply::Status(204));
    assert_eq!(fixture.courier.deliver_retries(&notices).await, [Acknowledge; 100]);
    assert_eq!(fixture.endpoints.take().len(), 101);
}

#[tokio::test]
async fn few_failures_among_many_deliveries_are_redelivered_at_once() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    for batch in 0..10 {
        let fresh: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.courier.deliver_events(&fresh).await;
    }
    fixture.endpoints.reply(URL, &[Reply::Status(404)]);
    fixture.courier.deliver_events(&[message("last", "KeyAdded", "acme-corp")]).await;
    fixture.endpoints.take();
    let states = vec![DeliveryState::Failed, DeliveryState::Dead];
    let range = RequestedRange { since: Timestamp::from_milliseconds(0), until: None, states };
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.app.redeliver_range(&acme, &id, range).await, Ok(1));

    let slice: Vec<_> = fixture.retries.take().into_iter().map(|message| message.body).collect();
    assert_eq!(fixture.courier.deliver_retries(&slice).await, [Acknowledge]);

    let woken = fixture.retries.take();
    assert_eq!(woken.len(), 1, "no further slice");
    assert!(
        matches!(RetryMessage::decode(&woken[0].body), Ok(RetryMessage::Deliver(key)) if key.event_id == "last")
    );
}

#[tokio::test]
async fn large_bodies_are_taken_a_few_at_a_time() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.always(URL, Reply::Status(503));
    let mut fresh = Vec::new();
    for index in 0..20 {
        let large = format!("\"{}\"", "x".repeat(1_000_000));
        let body = envelope(&format!("e-{index}"), "KeyAdded", "acme-corp").replace("1.50", &large);
        fixture.courier.publish(&body).await.unwrap();
        fresh.extend(fixture.events.take().into_iter().map(|message| message.body));
    }
    assert!(fresh.iter().all(|text| matches!(EventMessage::decode(text), Ok(EventMessage::StoredAt(_)))));
    fixture.database.take_round_trips();

    let settled = fixture.courier.deliver_events(&fresh).await;

    assert!(settled.iter().all(|settlement| *settlement == Acknowledge));
    assert_eq!(fixture.database.take_round_trips(), 6, "three groups of eight at most");
    fixture.database.query(Statement::new("UPDATE webhooks SET circuit_opened_at = NULL"));
    fixture.database.query(Statement::new("UPDATE deliveries SET next_attempt_at = 1, held = 0"));
    let now = fixture.clock.now();
    let keys: Vec<_> = (0..20)
        .map(|index| crate::event::message::DeliveryKey::new(&acme, &id, &format!("e-{index}")))
        .collect();
    let keys: Vec<_> = keys.iter().collect();
    let leased = fixture.database.query(crate::store::deliveries::lease(
        &keys,
        now,
        now,
        now.plus(Duration::from_secs(60)),
    ));
    assert!((1..=8).contains(&leased.len()), "{}", leased.len());
}

#[tokio::test]
async fn cleaning_stays_with_a_webhook_until_its_old_deliveries_are_gone() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    for url in [URL, OTHER] {
        fixture.webhook(&acme, url, &[]).await;
    }
    for batch in 0..12 {
        let fresh: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.courier.deliver_events(&fresh).await;
    }
    fixture.clock.advance(Duration::from_secs(31 * 86_400));

    assert_eq!(fixture.courier.clean().await, Ok(2_400));
}

#[tokio::test]
async fn a_body_that_is_not_there_yet_holds_up_no_batch_mate() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let missing = EventMessage::StoredAt("events/e-1/0".into()).encode();

    let settled = fixture.courier.deliver_events(&[missing, message("e-2", "KeyAdded", "acme-corp")]).await;

    assert_eq!(settled, [Retry(Duration::from_secs(30)), Acknowledge]);
    assert_eq!(fixture.endpoints.take().len(), 1);
}
