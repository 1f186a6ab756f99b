//! A database in trouble: what cannot be read, what cannot be written, one row that cannot, a crash in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::Settlement::{Acknowledge, Retry};
use super::{envelope, message, row};
use crate::event::message::EventMessage;
use crate::ports::{Queue, QueuedMessage, Statement};
use crate::testing::{Crash, Fixture, Reply, Simulation};

const URL: &str = "https://hooks.example.com/in";
const MINUTE: Duration = Duration::from_secs(60);

/// Puts events of these numbers on the queue.
async fn send(fixture: &Fixture, numbers: std::ops::Range<usize>) {
    let messages = numbers.map(|number| {
        let body =
            EventMessage::Envelope(envelope(&format!("e-{number}"), "KeyAdded", "acme-corp").into()).encode();
        QueuedMessage { body, delay: Duration::ZERO }
    });
    fixture.events.send(messages.collect()).await.unwrap();
}

/// How many requests carried each event, at most.
fn most_requests(fixture: &Fixture) -> usize {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for request in fixture.endpoints.take() {
        *counts.entry((request.url.clone(), request.headers[2].1.clone())).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

fn count(fixture: &Fixture, stage: &str) -> u64 {
    let sql = "SELECT COUNT(*) AS n FROM delivery_log WHERE stage = ?1";
    fixture.database.query(Statement::new(sql).bind(stage))[0]["n"].as_u64().unwrap()
}

#[tokio::test]
async fn while_nothing_can_be_read_nothing_is_sent_and_hours_need_no_hand() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.database.fail(Some("unreachable"));
    let mut simulation = Simulation::new(&fixture);
    send(&fixture, 0..200).await;
    simulation.run(MINUTE * 60 * 12).await;
    assert!(fixture.endpoints.take().is_empty());
    let batches = simulation.batches;
    assert!(batches < 2 * 100, "{batches} batches in twelve hours");

    fixture.database.fail(None);
    assert!(simulation.run(MINUTE * 30).await);

    assert_eq!((most_requests(&fixture), count(&fixture, "delivered")), (1, 200));
    assert!(simulation.dead_letters.is_empty());
}

#[tokio::test]
async fn while_nothing_can_be_written_no_partner_gets_an_event_more_than_twice() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.webhook(&acme, "https://hooks.example.com/other", &[]).await;
    let full = Arc::new(AtomicBool::new(false));
    let refusing = full.clone();
    fixture.database.refuse_writes(move |_| refusing.load(Ordering::Relaxed));
    let mut simulation = Simulation::new(&fixture);
    for minute in 0..13 * 60 {
        full.store((10..12 * 60).contains(&minute), Ordering::Relaxed);
        send(&fixture, minute * 5..(minute + 1) * 5).await;
        simulation.run(MINUTE).await;
    }
    assert!(simulation.run(MINUTE * 60).await);

    let most = most_requests(&fixture);
    assert!(most <= 2, "{most}");
    assert_eq!(count(&fixture, "delivered"), 2 * 13 * 60 * 5);
    assert!(simulation.dead_letters.is_empty(), "{} in twelve hours", simulation.dead_letters.len());
}

#[tokio::test]
async fn what_failed_while_nothing_could_be_written_is_retried_on_its_schedule() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(404)]);
    fixture.database.refuse_writes(|_| true);
    let large = format!("\"{}\"", "x".repeat(900_000));
    fixture
        .couriers()
        .publish(&envelope("e-1", "KeyAdded", "acme-corp").replace("1.50", &large))
        .await
        .unwrap();
    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 5).await;
    assert_eq!(most_requests(&fixture), 1);

    fixture.database.take_writes();
    assert!(simulation.run(MINUTE * 30).await);

    let delivered = row(&fixture, &id, "e-1");
    assert_eq!((&delivered["stage"], &delivered["failures"]), (&"delivered".into(), &1.into()));
    let sent = fixture.endpoints.take();
    assert_eq!((sent.len(), sent[0].body.len() > 900_000), (1, true), "its body came along");
}

#[tokio::test]
async fn a_lease_that_outlives_its_database_repeats_a_request_once_at_most() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(404)]);
    let full = Arc::new(AtomicBool::new(false));
    let refusing = full.clone();
    fixture.database.refuse_writes(move |_| refusing.load(Ordering::Relaxed));
    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    fixture.endpoints.take();
    // From the request of the first retry on, for an hour, nothing is written.
    let filling = full.clone();
    fixture.endpoints.on_request(move || filling.store(true, Ordering::Relaxed));
    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 60).await;
    fixture.endpoints.on_request(|| ());
    full.store(false, Ordering::Relaxed);
    assert!(simulation.run(MINUTE * 60).await);

    let requests = fixture.endpoints.take().len();
    assert!((1..=2).contains(&requests), "{requests}");
    assert_eq!(row(&fixture, &id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn one_row_that_cannot_be_written_holds_up_none_of_its_batch_mates() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let refused = |statement: &Statement| {
        statement.parameters.iter().any(|value| value.to_string().contains("e-57\\\""))
    };
    fixture.database.refuse_writes(refused);
    send(&fixture, 0..100).await;
    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 120).await;
    assert_eq!(count(&fixture, "delivered"), 99);
    assert_eq!(most_requests(&fixture), 1);
    fixture.database.take_writes();
    assert!(simulation.run(MINUTE * 30).await);
    assert_eq!((count(&fixture, "delivered"), most_requests(&fixture)), (100, 0));

    // A row that is there and cannot be leased.
    fixture.endpoints.always(URL, Reply::Status(403));
    send(&fixture, 100..130).await;
    simulation.run(Duration::from_secs(2)).await;
    fixture.endpoints.always(URL, Reply::Status(200));
    fixture.database.refuse_writes(|statement| {
        statement.sql.starts_with("UPDATE deliveries")
            && statement.parameters.iter().any(|value| value.to_string().contains("e-117\\\""))
    });
    simulation.run(MINUTE * 20).await;
    assert_eq!(count(&fixture, "delivered"), 129);
    fixture.database.take_writes();
    assert!(simulation.run(MINUTE * 60).await);
    assert_eq!(row(&fixture, &id, "e-117")["stage"], "delivered");
}

#[tokio::test]
async fn a_crash_in_a_long_batch_repeats_only_what_was_not_written_yet() {
    let fixture = Fixture::default();
    for tenant in 0..50 {
        let org = fixture.tenant(&format!("tenant-{tenant}")).await;
        fixture.webhook(&org, &format!("https://hooks.example.com/{tenant}"), &[]).await;
    }
    // One of fifty hangs for the whole time-out; the consumer dies while it does.
    fixture.endpoints.always("https://hooks.example.com/49", Reply::Hang);
    let events: Vec<_> = (0..50)
        .map(|tenant| message(&format!("e-{tenant}"), "KeyAdded", &format!("tenant-{tenant}")))
        .collect();
    let mut batches = 0;
    fixture.database.crash(move || {
        batches += 1;
        // The read, the write after a second and a half, the write at the end.
        if batches == 3 { Crash::Before } else { Crash::Never }
    });
    let messages = fixture.messages(&events);
    assert_eq!(fixture.clock.drive(fixture.couriers().deliver_events(&messages)), None);
    assert_eq!(count(&fixture, "delivered"), 49);
    fixture.endpoints.take();

    assert_eq!(fixture.deliver_events(&events).await, [Acknowledge; 50]);

    let repeated = fixture.endpoints.take();
    assert_eq!(repeated.len(), 1);
    assert_eq!(repeated[0].url, "https://hooks.example.com/49");
}

#[tokio::test]
async fn an_outage_makes_messages_wait_as_long_as_it_has_lasted() {
    let fixture = Fixture::default();
    fixture.tenant("acme-corp").await;
    fixture.deliver_events(&[message("e-0", "KeyAdded", "acme-corp")]).await;
    fixture.database.fail(Some("unreachable"));
    let old = fixture.messages(&[message("e-1", "KeyAdded", "acme-corp")]);
    let mut waits = Vec::new();
    for seconds in [0, 15, 45, 300, 3_600] {
        fixture.clock.advance(Duration::from_secs(seconds));
        let settled = fixture.drive(fixture.couriers().deliver_events(&old));
        waits.extend(settled.into_iter().map(|settlement| match settlement {
            Retry(delay) => delay.as_secs(),
            Acknowledge => 0,
        }));
    }
    assert_eq!(waits, [10, 15, 60, 360, 600]);
}
