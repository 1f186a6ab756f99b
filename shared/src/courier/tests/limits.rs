//! What the platform allows, and what one webhook may cost the others.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Operators;
use super::super::Settlement::{Acknowledge, Retry};
use super::{THREE_DAYS, envelope, message, row};
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::DeliveryState;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, EventMessage, RetryMessage};
use crate::packing::Packed;
use crate::ports::{Clock, Statement};
use crate::tenant::OrgId;
use crate::testing::{Fixture, Reply, Simulation, admins};
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;
use crate::webhook::signing::SigningSecret;

const URL: &str = "https://hooks.example.com/in";
const OTHER: &str = "https://hooks.example.com/other";

fn count(fixture: &Fixture, condition: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) AS n FROM delivery_log WHERE {condition}");
    fixture.database.query(Statement::new(sql))[0]["n"].as_u64().unwrap()
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
    assert_eq!(fixture.deliver_events(&fresh).await, [Acknowledge; 2]);
    assert_eq!(row(&fixture, &sealed, "e-1")["stage"], "held");
    fixture.clock.advance(Duration::from_secs(3_600));
    let retries: Vec<_> = fixture.retries.take().into_iter().map(|message| message.body).collect();
    let settled = fixture.deliver_retries(&retries).await;
    assert!(settled.iter().all(|settlement| *settlement == Acknowledge), "{settled:?}");
    assert_eq!(row(&fixture, &open, "e-2")["stage"], "delivered");
    assert!(
        fixture
            .log
            .lines()
            .iter()
            .any(|line| line["webhookId"] == sealed.to_string() && line["level"] == "error")
    );

    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(3_600)).await;
    let heal = Statement::new("UPDATE webhooks SET secret = ?2 WHERE url = ?1").bind(URL);
    fixture.database.query(heal.bind(good[0]["secret"].as_str().unwrap()));
    assert!(simulation.run(Duration::from_secs(3_600)).await);
    assert_eq!(row(&fixture, &sealed, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn a_secret_that_is_never_opened_leaves_its_events_dead_and_redeliverable() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.database.query(Statement::new("UPDATE webhooks SET secret = '1.00000000.AAAA'"));

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert!(Simulation::new(&fixture).run(THREE_DAYS * 2).await);

    let dead = row(&fixture, &id, "e-1");
    assert_eq!(
        (&dead["stage"], &dead["reason"]),
        (&json!("dead"), &json!("the endpoint did not recover in time"))
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
        fixture.deliver_events(&[message(&format!("e-{index}"), "KeyAdded", "acme-corp")]).await;
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
    fixture.app.verify_webhook(&admins(&acme), &id).await.unwrap();
    fixture.endpoints.reply(URL, &[Reply::RetryAfter(503, "600".into())]);

    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(590)).await;

    assert_eq!(fixture.endpoints.take().len(), 1);
}

#[tokio::test]
async fn a_batch_ends_in_time_however_many_endpoints_hang() {
    let fixture = Fixture::default();
    for index in 0..40 {
        let tenant = fixture.tenant(&format!("tenant-{index}")).await;
        let url = format!("https://hooks.example.com/{index}");
        fixture.webhook(&tenant, &url, &[]).await;
        fixture.endpoints.always(&url, Reply::Hang);
    }
    let fresh: Vec<_> =
        (0..40).map(|index| message(&format!("e-{index}"), "KeyAdded", &format!("tenant-{index}"))).collect();
    let began = fixture.clock.now();

    let settled = fixture.deliver_events(&fresh).await;

    assert!(settled.iter().all(|settlement| *settlement == Acknowledge));
    let policy = fixture.courier.policy;
    assert!(fixture.clock.now().since(began) <= policy.time_per_batch() + policy.attempt_timeout);
    assert!(fixture.endpoints.take().len() < 40);
    assert_eq!(
        count(&fixture, "next_attempt_at IS NOT NULL"),
        40,
        "what did not begin is written down as well"
    );
}

#[tokio::test]
async fn a_batch_stops_asking_an_endpoint_once_its_circuit_would_be_open() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    let fresh: Vec<_> =
        (0..50).map(|index| message(&format!("e-{index}"), "KeyAdded", "acme-corp")).collect();

    fixture.deliver_events(&fresh).await;

    assert_eq!(fixture.endpoints.take().len(), 5);
    assert_eq!(count(&fixture, "next_attempt_at IS NOT NULL"), 50);
}

/// Notes for people, as consumers write them with a change.
fn note(fixture: &Fixture, count: u32) {
    let id = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";
    for index in 0..count {
        let insert = "INSERT INTO notices (id, webhook_id, org_id, change, details, at) VALUES (?1, ?2, 'acme-corp', 'failing', '{}', ?3)";
        let insert =
            Statement::new(insert).bind(format!("notice-{index}")).bind(id).bind(fixture.clock.now());
        fixture.database.query(insert);
    }
}

#[tokio::test]
async fn operators_who_hang_hold_up_no_batch_and_miss_nothing() {
    let mut fixture = Fixture::default();
    let secret = SigningSecret::generate([3; 32]);
    fixture.courier.operators = Some(Operators { url: "https://ops.example.com/".into(), secret });
    fixture.endpoints.always("https://ops.example.com/", Reply::Hang);
    note(&fixture, 50);
    let began = fixture.clock.now();

    let wake = vec![RetryMessage::Notify(OrgId::parse("acme-corp").unwrap()).encode(); 100];
    assert_eq!(fixture.deliver_retries(&wake).await, [Acknowledge; 100]);
    assert!(fixture.clock.now().since(began) <= Duration::from_secs(15));
    fixture.endpoints.take();
    fixture.endpoints.always("https://ops.example.com/", Reply::Status(204));
    Simulation::new(&fixture).run(Duration::from_secs(300)).await;

    let ids: BTreeSet<_> = fixture
        .endpoints
        .take()
        .iter()
        .map(|request| serde_json::from_str::<Value>(&request.body).unwrap()["data"]["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 50);
}

/// Of a webhook whose first event is not taken; a batch of events that are follows.
async fn few_failures(fixture: &Fixture) -> (OrgId, WebhookId) {
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    for batch in 0..10 {
        let fresh: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.deliver_events(&fresh).await;
    }
    let dead = "INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, ended_at, reason, attempts) \
                VALUES (?1, 'last', 'acme-corp', 'KeyAdded', 'dead', ?2, ?2, 3, ?2, 'retries spent', '[]')";
    fixture.database.query(Statement::new(dead).bind(&id).bind(fixture.clock.now()));
    let body = envelope("last", "KeyAdded", "acme-corp");
    let last = EventId::parse("last").unwrap();
    fixture.database.query(crate::store::bodies::keep(
        &acme,
        &last,
        &Packed::Text(body.as_str().into()),
        fixture.clock.now(),
    ));
    fixture.endpoints.take();
    (acme, id)
}

#[tokio::test]
async fn few_failures_among_many_deliveries_are_redelivered_at_once() {
    let fixture = Fixture::default();
    let (acme, id) = few_failures(&fixture).await;
    let states = vec![DeliveryState::Failed, DeliveryState::Dead];
    let range = RequestedRange { since: Timestamp::from_milliseconds(0), until: None, states };
    fixture.clock.advance(Duration::from_secs(1));
    let redelivered = fixture.app.redeliver_range(&admins(&acme), &id, range).await.unwrap();
    assert_eq!((redelivered.count, redelivered.more), (1, false));

    assert!(Simulation::new(&fixture).run(Duration::from_secs(30)).await);

    assert_eq!(fixture.endpoints.take().len(), 1);
    assert_eq!(row(&fixture, &id, "last")["stage"], "delivered");
}

#[tokio::test]
async fn a_range_longer_than_a_request_can_hold_is_held_by_the_cron_run() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let many = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24999) \
                INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, ended_at, reason, attempts) \
                SELECT ?1, 'e-' || i, 'acme-corp', 'KeyAdded', CASE WHEN i % 2 THEN 'dead' ELSE 'failed' END, 1000 + i, 0, 1, 2000, '', '[]' FROM n";
    fixture.database.query(Statement::new(many).bind(&id));
    let bodies = "INSERT INTO bodies (org_id, event, kept_until, length, body) SELECT org_id, event_id, 0, 2, '{}' FROM delivery_log";
    fixture.database.query(Statement::new(bodies));
    let states = vec![DeliveryState::Failed, DeliveryState::Dead];
    let range = RequestedRange { since: Timestamp::from_milliseconds(0), until: None, states };
    // Held while the circuit is open: the pace is the release's.
    fixture
        .database
        .query(Statement::new("UPDATE webhooks SET circuit_opened_at = 1, tend_at = 253402300799999"));

    let redelivered = fixture.app.redeliver_range(&admins(&acme), &id, range).await.unwrap();

    assert_eq!((redelivered.count, redelivered.more), (10_000, true));
    assert_eq!(count(&fixture, "stage = 'held'"), 10_000);
    for held in [20_000, 25_000, 25_000] {
        fixture.drive(fixture.courier.sweep()).unwrap();
        assert_eq!(count(&fixture, "stage = 'held'"), held);
    }
    assert!(fixture.database.query(Statement::new("SELECT 1 AS one FROM redeliveries")).is_empty());
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
        fixture.couriers().publish(&body).await.unwrap();
        fresh.extend(fixture.events.take().into_iter().map(|message| message.body));
    }
    assert!(fresh.iter().all(|text| matches!(EventMessage::decode(text), Ok(EventMessage::StoredAt(_)))));
    fixture.database.take_round_trips();

    let settled = fixture.deliver_events(&fresh).await;

    assert!(settled.iter().all(|settlement| *settlement == Acknowledge));
    assert_eq!(fixture.database.take_round_trips(), 6, "three groups of eight at most");
    fixture.database.query(Statement::new("UPDATE webhooks SET circuit_opened_at = NULL"));
    fixture
        .database
        .query(Statement::new("UPDATE delivery_log SET next_attempt_at = 1, stage = 'scheduled'"));
    let now = fixture.clock.now();
    let keys: Vec<_> = (0..20)
        .map(|index| DeliveryKey {
            org_id: acme.clone(),
            webhook_id: id,
            event_id: EventId::parse(&format!("e-{index}")).unwrap(),
        })
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
        fixture.deliver_events(&fresh).await;
    }
    fixture.clock.advance(Duration::from_secs(31 * 86_400));

    assert_eq!(fixture.courier.clean().await, Ok(2_400));
}

#[tokio::test]
async fn a_body_that_is_not_there_yet_holds_up_no_batch_mate() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let missing = EventMessage::StoredAt("events/e-1/0".into()).encode().to_string();

    let settled = fixture.deliver_events(&[missing, message("e-2", "KeyAdded", "acme-corp")]).await;

    assert_eq!(settled, [Retry(Duration::from_secs(30)), Acknowledge]);
    assert_eq!(fixture.endpoints.take().len(), 1);
}
