//! A failure at the worst moment strands nothing: what is held is let go, what is overdue is found, people are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{envelope, message, row};
use crate::courier::Operators;
use crate::event::message::{EventMessage, RetryMessage, WebhookKey};
use crate::ports::{Clock, HttpClient, OutboundRequest, Queue, QueuedMessage, Statement};
use crate::shared_text::SharedText;
use crate::testing::{Crash, FakeClock, Fixture, Reply, Simulation, admins};
use crate::webhook::id::WebhookId;
use crate::webhook::signing::SigningSecret;
use crate::{delivery::outcome::AttemptResult, time::Timestamp};

const URL: &str = "https://hooks.example.com/in";
const OTHER: &str = "https://hooks.example.com/other";
const MINUTE: Duration = Duration::from_secs(60);
const FOUR_DAYS: Duration = Duration::from_secs(4 * 86_400);

fn query(fixture: &Fixture, sql: &str) -> Vec<Value> {
    fixture.database.query(Statement::new(sql.to_owned()))
}

fn count(fixture: &Fixture, stage: &str) -> usize {
    let sql = "SELECT event_id FROM delivery_log WHERE stage = ?1";
    fixture.database.query(Statement::new(sql).bind(stage)).len()
}

fn circuit(fixture: &Fixture) -> Value {
    query(fixture, "SELECT circuit_opened_at FROM webhooks").remove(0)["circuit_opened_at"].take()
}

/// The first statement that writes is refused, once.
fn refuse_once(fixture: &Fixture) {
    let seen = AtomicUsize::new(0);
    fixture.database.refuse_writes(move |_| seen.fetch_add(1, Ordering::Relaxed) == 0);
}

/// The database refuses to touch this event's row.
fn refuse_row(fixture: &Fixture, event_id: &str) {
    query(
        fixture,
        &format!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries WHEN OLD.event = '{event_id}' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ),
    );
}

fn messages(ids: std::ops::Range<u32>) -> Vec<String> {
    ids.map(|id| message(&format!("e-{id}"), "KeyAdded", "acme-corp")).collect()
}

/// A webhook with this many held deliveries that is due to be tended.
async fn backlog(fixture: &Fixture, held: u32) -> (WebhookId, String) {
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let now = fixture.clock.now().milliseconds();
    query(
        fixture,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {held}) \
             INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, \
             failures, next_attempt_at, attempts) SELECT '{id}', 'held-' || i, 'acme-corp', 'KeyAdded', 'held', \
             {now} - i * 36, {now} - i * 36, 0, {now} + 200000000, '[]' FROM n"
        ),
    );
    query(
        fixture,
        "INSERT INTO bodies (org_id, event, kept_until, length, body) \
         SELECT org_id, event_id, created_at, 2, '{}' FROM delivery_log",
    );
    query(fixture, &format!("UPDATE webhooks SET tend_at = {now}"));
    let tend = RetryMessage::Tend(WebhookKey { org_id: acme, webhook_id: id }).encode();
    (id, tend.to_string())
}

#[tokio::test]
async fn one_refused_write_strands_nothing_that_was_held() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    refuse_once(&fixture);
    fixture.deliver_events(&messages(0..20)).await;
    fixture.database.take_writes();
    fixture.endpoints.always(URL, Reply::Status(200));

    assert!(Simulation::new(&fixture).run(FOUR_DAYS).await);

    assert_eq!(count(&fixture, "delivered"), 20);
}

#[tokio::test]
async fn what_was_held_while_nothing_could_be_written_is_let_go_afterwards() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    let mut simulation = Simulation::new(&fixture);
    let send = async |ids: std::ops::Range<u32>| {
        let bodies = ids
            .map(|id| EventMessage::Envelope(envelope(&format!("e-{id}"), "A", "acme-corp").into()).encode());
        let queued = bodies.map(|body| QueuedMessage { body, delay: Duration::ZERO });
        fixture.events.send(queued.collect()).await.unwrap();
    };
    send(0..6).await;
    simulation.run(Duration::from_secs(5)).await;
    assert_ne!(circuit(&fixture), Value::Null);
    fixture.database.refuse_writes(|_| true);
    for id in 6..36 {
        send(id..id + 1).await;
        simulation.run(Duration::from_secs(20)).await;
    }
    fixture.endpoints.always(URL, Reply::Status(200));
    fixture.database.take_writes();

    assert!(simulation.run(MINUTE * 60).await);

    assert_eq!(count(&fixture, "delivered"), 36);
}

#[tokio::test]
async fn a_record_that_holds_a_delivery_after_the_circuit_has_closed_strands_nothing() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.always(URL, Reply::Status(503));
    fixture.deliver_events(&messages(0..6)).await;
    fixture.retries.take();
    fixture.database.refuse_writes(|_| true);
    fixture.deliver_events(&messages(6..7)).await;
    let record: Vec<SharedText> = fixture.retries.take().into_iter().map(|message| message.body).collect();
    assert_eq!(record.len(), 1);
    fixture.database.take_writes();
    fixture.endpoints.always(URL, Reply::Status(200));
    let mut simulation = Simulation::new(&fixture);
    assert!(simulation.run(MINUTE * 9).await);
    assert_eq!(circuit(&fixture), Value::Null);

    fixture.deliver_retries(&record).await;

    assert!(simulation.run(FOUR_DAYS).await);
    assert_eq!(row(&fixture, &id, "e-6")["stage"], "delivered");
}

#[tokio::test]
async fn a_lost_sealing_key_and_a_refused_write_strand_nothing() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let sealed = query(&fixture, "SELECT secret FROM webhooks").remove(0);
    query(&fixture, "UPDATE webhooks SET secret = '1.00000000.AAAA'");
    refuse_once(&fixture);
    fixture.deliver_events(&messages(0..1)).await;
    fixture.database.take_writes();
    let statement =
        Statement::new("UPDATE webhooks SET secret = ?1").bind(sealed["secret"].as_str().unwrap());
    fixture.database.query(statement);

    Simulation::new(&fixture).run(FOUR_DAYS).await;

    assert_eq!(count(&fixture, "delivered"), 1);
}

#[tokio::test]
async fn a_delivery_held_for_a_webhook_that_is_deleted_meanwhile_ends() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    query(&fixture, "UPDATE webhooks SET status = 'pending', verifying_since = 1775124000000");
    let (database, seen) = (fixture.database.clone(), Arc::new(AtomicUsize::new(0)));
    let (tenant, now) = (acme.clone(), fixture.clock.now());
    fixture.database.crash(move || {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == 2 {
            for statement in crate::store::webhooks::delete(&admins(&tenant), &id, now) {
                database.query(statement);
            }
        }
        Crash::Never
    });
    fixture.deliver_events(&messages(0..1)).await;

    Simulation::new(&fixture).run(MINUTE * 60).await;

    assert_eq!(row(&fixture, &id, "e-0")["reason"], "webhook deleted");
}

#[tokio::test]
async fn one_row_that_cannot_be_written_stops_neither_the_upkeep_nor_the_release_of_others() {
    for pending in [true, false] {
        let fixture = Fixture::default();
        let (acme, other) = (fixture.tenant("acme-corp").await, fixture.tenant("other").await);
        fixture.webhook(&acme, URL, &[]).await;
        let good = fixture.webhook(&other, OTHER, &[]).await.webhook_id;
        query(&fixture, "UPDATE webhooks SET status = 'pending', verifying_since = 1");
        fixture.deliver_events(&messages(0..1)).await;
        refuse_row(&fixture, "e-0");
        fixture.deliver_events(&[message("good", "KeyAdded", "other")]).await;
        // The window of the refused row is over, and every wake-up lost; or both webhooks are due in one batch.
        if pending {
            fixture.clock.advance(Duration::from_secs(260_000));
            fixture.retries.take();
            query(
                &fixture,
                &format!("UPDATE webhooks SET status = 'active', tend_at = 1 WHERE id = '{good}'"),
            );
        } else {
            query(&fixture, "UPDATE webhooks SET status = 'active', tend_at = 1775124000000");
        }

        Simulation::new(&fixture).run(MINUTE * 60).await;

        let expected = if pending { "dead" } else { "delivered" };
        assert_eq!(row(&fixture, &good, "good")["stage"], expected, "while the other is pending: {pending}");
        assert_eq!(count(&fixture, "held"), 1);
    }
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_for_half_a_day_is_attempted_twice_at_most() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::Status(404), Reply::Status(404)]);
    fixture.deliver_events(&messages(0..2)).await;
    fixture.endpoints.take();
    fixture
        .database
        .refuse_writes(|statement| statement.sql.starts_with("UPDATE deliveries SET stage = j.stage"));

    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 60 * 12).await;

    let mut requests: BTreeMap<String, usize> = BTreeMap::new();
    for request in fixture.endpoints.take() {
        *requests.entry(request.headers[2].1.clone()).or_default() += 1;
    }
    assert!(requests.len() == 2 && requests.values().all(|count| *count <= 2), "{requests:?}");
    fixture.database.take_writes();
    assert!(simulation.run(MINUTE * 60).await);
    assert_eq!(count(&fixture, "delivered"), 2);
}

#[tokio::test]
async fn an_event_that_an_endpoint_refuses_is_not_its_next_probe() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    fixture.deliver_events(&messages(10..22)).await;
    fixture.endpoints.take();
    fixture.endpoints.forget(URL);
    fixture.endpoints.decide(|request| match request.headers[2].1.as_str() {
        "e-21" => Reply::Status(404),
        _ => Reply::Status(200),
    });

    Simulation::new(&fixture).run(MINUTE * 2).await;

    assert_eq!(count(&fixture, "delivered"), 11);
}

#[tokio::test]
async fn a_release_that_is_not_taken_up_goes_no_further_and_wakes_each_delivery_once() {
    let fixture = Fixture::default();
    let (_, tend) = backlog(&fixture, 5_000).await;
    let mut woken = 0;
    for second in 0..60 {
        fixture.deliver_retries(std::slice::from_ref(&tend)).await;
        if second == 0 {
            assert_eq!(count(&fixture, "released"), 10, "a release begins slowly");
        }
        woken += fixture.retries.take().iter().filter(|message| message.body.contains("deliver")).count();
        fixture.clock.advance(Duration::from_secs(1));
    }
    let released = count(&fixture, "released");
    assert!(released <= 500 && woken <= released, "{released} released, {woken} woken");
}

/// Answers after eight seconds.
struct Slow(Arc<FakeClock>);

#[async_trait::async_trait]
impl HttpClient for Slow {
    async fn post(&self, _request: OutboundRequest) -> AttemptResult {
        self.0.sleep(Duration::from_secs(8)).await;
        AttemptResult::Response { status: 200, retry_after: None, excerpt: String::new() }
    }
}

#[tokio::test]
async fn a_slow_endpoint_is_let_go_no_more_than_it_can_take() {
    let mut fixture = Fixture::default();
    backlog(&fixture, 20_000).await;
    fixture.courier.http = Arc::new(Slow(fixture.clock.clone()));
    let mut simulation = Simulation::new(&fixture);
    for _ in 0..10 {
        simulation.run(MINUTE).await;
        let waiting = count(&fixture, "released") + count(&fixture, "scheduled");
        assert!(waiting <= 500, "{waiting}");
    }
    assert!(count(&fixture, "delivered") > 100);
}

/// A clock whose timers end a millisecond before the time of day says so.
struct Early(Arc<FakeClock>);

#[async_trait::async_trait]
impl Clock for Early {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration.saturating_sub(Duration::from_millis(1))).await;
    }
}

#[tokio::test]
async fn a_timer_that_ends_early_ends_no_batch() {
    let mut fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Hang);
    fixture.courier.clock = Arc::new(Early(fixture.clock.clone()));

    fixture.deliver_events(&messages(0..1)).await;

    assert_eq!(count(&fixture, "scheduled"), 1);
}

#[tokio::test]
async fn one_notice_that_operators_refuse_silences_no_other() {
    let mut fixture = Fixture::default();
    let secret = SigningSecret::generate([3; 32]);
    fixture.courier.operators = Some(Operators { url: OTHER.into(), secret });
    fixture.endpoints.decide(|request| match request.headers[2].1.as_str() {
        "n-0" => Reply::Status(400),
        _ => Reply::Status(200),
    });
    query(
        &fixture,
        "INSERT INTO notices (id, webhook_id, org_id, change, details, at) SELECT 'n-' || value, \
         '0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e', 'acme-corp', 'disabled', '{}', 1 FROM json_each('[0,1,2,3,4]')",
    );
    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 60).await;
    let told = fixture.log.lines().iter().filter(|line| line["message"] == "webhook changed").count();
    assert_eq!((query(&fixture, "SELECT id FROM notices").len(), told), (1, 4));

    fixture.clock.advance(FOUR_DAYS);
    fixture.drive(fixture.courier.clean()).unwrap();
    assert_eq!(query(&fixture, "SELECT id FROM notices").len(), 0, "a notice nobody takes ends");
}
