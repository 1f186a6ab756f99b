//! Endpoints as they are: they hang now and then, refuse for a minute, choke on one event, come back after an hour.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{envelope, message, row};
use crate::event::message::EventMessage;
use crate::ports::{Clock, Queue, QueuedMessage, Random, Statement};
use crate::testing::{Fixture, Reply, SeededRandom, Simulation, admins};
use crate::webhook::id::WebhookId;

const URL: &str = "https://hooks.example.com/in";
const OTHER: &str = "https://hooks.example.com/other";
const MINUTE: Duration = Duration::from_secs(60);

fn count(fixture: &Fixture, stage: &str) -> u64 {
    let sql = "SELECT COUNT(*) AS n FROM delivery_log WHERE stage = ?1";
    fixture.database.query(Statement::new(sql).bind(stage))[0]["n"].as_u64().unwrap()
}

fn webhook(fixture: &Fixture, id: &WebhookId) -> Value {
    fixture.database.query(Statement::new("SELECT * FROM webhooks WHERE id = ?1").bind(id)).remove(0)
}

async fn send(fixture: &Fixture, ids: impl Iterator<Item = String>) {
    let messages = ids.map(|id| {
        let body = EventMessage::Envelope(envelope(&id, "KeyAdded", "acme-corp").into()).encode();
        QueuedMessage { body, delay: Duration::ZERO }
    });
    fixture.events.send(messages.collect()).await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_answers_404_or_403_for_a_minute_costs_no_event_whatever_the_circuit() {
    for (down, refusal) in [(false, 404), (true, 404), (true, 403), (false, 302), (true, 401)] {
        let fixture = Fixture::default();
        let acme = fixture.tenant("acme-corp").await;
        fixture.webhook(&acme, URL, &[]).await;
        fixture.endpoints.always(URL, if down { Reply::Reset } else { Reply::Status(refusal) });
        send(&fixture, (0..48).map(|index| format!("e-{index}"))).await;
        let mut simulation = Simulation::new(&fixture);
        simulation.run(MINUTE * 5).await;
        fixture.endpoints.always(URL, Reply::Status(refusal));
        simulation.run(Duration::from_secs(75)).await;
        assert_eq!(count(&fixture, "failed") + count(&fixture, "dead"), 0);
        fixture.endpoints.always(URL, Reply::Status(200));
        assert!(simulation.run(MINUTE * 60).await);
        assert_eq!(count(&fixture, "delivered"), 48, "down first: {down}, then {refusal}");
    }
}

#[tokio::test]
async fn one_event_that_an_endpoint_cannot_digest_stands_in_nobodys_way() {
    for poison in ["e-0", "e-3", "e-5"] {
        let fixture = Fixture::default();
        let acme = fixture.tenant("acme-corp").await;
        let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
        fixture.endpoints.always(URL, Reply::Status(503));
        for index in 0..6 {
            fixture.deliver_events(&[message(&format!("e-{index}"), "KeyAdded", "acme-corp")]).await;
        }
        assert_ne!(webhook(&fixture, &id)["circuit_opened_at"], Value::Null);
        fixture.endpoints.forget(URL);
        fixture.endpoints.decide(move |request| match request.headers[2].1 == poison {
            true => Reply::Status(500),
            false => Reply::Status(200),
        });
        let mut simulation = Simulation::new(&fixture);
        simulation.run(MINUTE * 4).await;
        assert_eq!(count(&fixture, "delivered"), 5, "all but {poison}");
        send(&fixture, ["fresh".to_owned()].into_iter()).await;
        simulation.run(MINUTE).await;
        assert_eq!(row(&fixture, &id, "fresh")["stage"], "delivered");
    }
}

#[tokio::test]
async fn probes_take_turns_and_never_repeat_an_event_while_others_wait() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    send(&fixture, (0..8).map(|index| format!("e-{index}"))).await;
    let mut simulation = Simulation::new(&fixture);
    simulation.run(Duration::from_secs(20)).await;
    fixture.endpoints.take();
    simulation.run(MINUTE * 120).await;

    let probes: Vec<String> =
        fixture.endpoints.take().iter().map(|request| request.headers[2].1.clone()).collect();
    assert!(probes.len() >= 10, "{probes:?}");
    assert!(probes.windows(2).all(|pair| pair[0] != pair[1]), "{probes:?}");
    // Those that were held back without an attempt come first, the newest before the older.
    assert_eq!(&probes[..3], ["e-7", "e-6", "e-5"]);
}

#[tokio::test]
async fn try_now_makes_the_next_probe_due_at_once() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.always(URL, Reply::Hang);
    send(&fixture, (0..20).map(|index| format!("e-{index}"))).await;
    let mut simulation = Simulation::new(&fixture);
    simulation.run(MINUTE * 60).await;
    let shown = fixture.app.get_webhook(&admins(&acme), &id).await.unwrap();
    let wait = shown.next_probe_at.unwrap().since(fixture.clock.now());
    assert!(wait > MINUTE && shown.held_count == 20 && !shown.held_more, "{wait:?} {}", shown.held_count);

    fixture.endpoints.always(URL, Reply::Status(200));
    fixture.app.verify_webhook(&admins(&acme), &id).await.unwrap();
    simulation.run(MINUTE).await;

    assert_eq!(count(&fixture, "delivered"), 20);
    let shown = fixture.app.get_webhook(&admins(&acme), &id).await.unwrap();
    assert_eq!((shown.status.as_str(), shown.next_probe_at, shown.held_count), ("active", None, 0));
}

#[tokio::test]
async fn a_deleted_webhooks_deliveries_end_at_once() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fill(&fixture, &id, 5_000);
    fixture.app.delete_webhook(&admins(&acme), &id).await.unwrap();
    assert_eq!((count(&fixture, "failed"), count(&fixture, "held")), (2_000, 3_000));
    fixture.drive(fixture.courier.sweep()).unwrap();
    assert_eq!(count(&fixture, "failed"), 5_000);
    let remembered = || fixture.database.query(Statement::new("SELECT id FROM deleted_webhooks")).len();
    assert_eq!(remembered(), 1, "consumers that read the webhook before may still write");
    fixture.clock.advance(MINUTE * 60 * 25);
    fixture.drive(fixture.courier.sweep()).unwrap();
    assert_eq!(remembered(), 0);
}

/// Gives a webhook an open circuit and so many held deliveries.
fn fill(fixture: &Fixture, id: &WebhookId, held: u32) {
    let now = fixture.clock.now().milliseconds();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {held} - 1) \
         INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, next_attempt_at, attempts) \
         SELECT '{id}', 'held-' || i, 'acme-corp', 'KeyAdded', 'held', {now} - i * 36, {now} - i * 36, 0, {now} + 200000000, '[]' FROM n"
    );
    fixture.database.query(Statement::new(sql));
    let bodies = "INSERT INTO bodies (org_id, event, kept_until, length, body) SELECT org_id, event_id, created_at, 2, '{}' FROM delivery_log";
    fixture.database.query(Statement::new(bodies));
    let open = format!(
        "UPDATE webhooks SET circuit_opened_at = {now} - 3600000, probes_failed = 6, consecutive_failures = 11, failing_since = {now} - 3600000, \
         tend_at = {now} WHERE id = '{id}'"
    );
    fixture.database.query(Statement::new(open));
}

#[tokio::test]
async fn a_hundred_thousand_that_waited_an_hour_go_out_faster_than_they_came_and_delay_nobody() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let other = fixture.tenant("other").await;
    let healthy = fixture.webhook(&other, OTHER, &[]).await.webhook_id;
    fill(&fixture, &id, 100_000);
    let began = fixture.clock.now();
    let mut simulation = Simulation::new(&fixture);
    let mut fresh = BTreeMap::new();
    let mut rest = 1;
    while rest > 0 {
        let event = format!("fresh-{}", fresh.len());
        let body = EventMessage::Envelope(envelope(&event, "KeyAdded", "other").into()).encode();
        fixture.events.send(vec![QueuedMessage { body, delay: Duration::ZERO }]).await.unwrap();
        fresh.insert(event, fixture.clock.now());
        simulation.run(Duration::from_secs(30)).await;
        rest = count(&fixture, "held") + count(&fixture, "released");
        assert!(fixture.clock.now().since(began) < MINUTE * 60, "{rest} left");
    }
    let took = fixture.clock.now().since(began);

    let mut most_in_a_second: BTreeMap<i64, u32> = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for (at, request) in fixture.endpoints.take_timed() {
        if request.url == URL {
            *most_in_a_second.entry(at.seconds()).or_default() += 1;
        } else if let Some(sent) = fresh.get(&request.headers[2].1) {
            slowest = slowest.max(at.since(*sent));
        }
    }
    let most = most_in_a_second.into_values().max().unwrap();
    println!(
        "100,000 held deliveries released in {took:?}, {most} requests in a second at most; healthy events waited {slowest:?} at most"
    );
    assert_eq!(count(&fixture, "delivered"), 100_000 + fresh.len() as u64);
    assert!(took < MINUTE * 30, "{took:?}");
    assert!(most <= 1_000, "{most}");
    // One consumer does everything here: a batch of a hundred takes half a second.
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    assert_eq!(row(&fixture, &healthy, "fresh-0")["stage"], "delivered");
}

/// When events of well webhooks began to be sent, after their batch began: the 95th percentile.
async fn start_of_the_well(hanging_percent: u64, always: bool) -> Duration {
    let fixture = Fixture::default();
    let dice = SeededRandom::new(7);
    let roll = move || {
        let mut bytes = [0_u8; 8];
        dice.fill(&mut bytes);
        u64::from_le_bytes(bytes) % 100
    };
    let tenants = 100;
    for tenant in 0..tenants {
        let org = fixture.tenant(&format!("tenant-{tenant}")).await;
        fixture.webhook(&org, &format!("https://hooks.example.com/{tenant}/"), &[]).await;
    }
    let hangs = move |url: &str| {
        let tenant: u64 = url.trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
        tenant < hanging_percent
    };
    fixture.endpoints.decide(move |request| {
        let hang = if always { hangs(&request.url) } else { hangs(&request.url) && roll() < 50 };
        if hang { Reply::Hang } else { Reply::Status(200) }
    });
    let mut starts = Vec::new();
    for batch in 0..20 {
        let events: Vec<_> = (0..tenants)
            .map(|tenant| message(&format!("e-{batch}-{tenant}"), "KeyAdded", &format!("tenant-{tenant}")))
            .collect();
        let began = fixture.clock.now();
        fixture.endpoints.take();
        fixture.deliver_events(&events).await;
        // The first batches teach who is in trouble.
        if batch >= 3 {
            let sent = fixture.endpoints.take_timed();
            starts.extend(
                sent.iter().filter(|(_, request)| !hangs(&request.url)).map(|(at, _)| at.since(began)),
            );
        }
        let retries: Vec<_> = fixture.retries.take().into_iter().map(|message| message.body).collect();
        fixture.deliver_retries(&retries[..retries.len().min(100)]).await;
    }
    starts.sort_unstable();
    starts[starts.len() * 95 / 100]
}

#[tokio::test]
async fn events_of_the_well_start_at_once_however_many_endpoints_hang() {
    for (percent, always) in [(10, true), (30, true), (10, false), (30, false)] {
        let p95 = start_of_the_well(percent, always).await;
        println!(
            "{percent} % of endpoints hang {}: healthy start p95 {p95:?}",
            if always { "always" } else { "half the time" }
        );
        assert!(p95 < Duration::from_secs(3), "{percent} %, always {always}: {p95:?}");
    }
}

#[tokio::test]
async fn when_every_connection_hangs_what_waits_goes_to_another_consumer() {
    let fixture = Fixture::default();
    for tenant in 0..50 {
        let org = fixture.tenant(&format!("tenant-{tenant:02}")).await;
        let url = format!("https://hooks.example.com/{tenant}");
        fixture.webhook(&org, &url, &[]).await;
        if tenant < 6 {
            // Nobody knows yet.
            fixture.endpoints.always(&url, Reply::Hang);
        }
    }
    let events: Vec<_> = (0..50)
        .map(|tenant| message(&format!("e-{tenant}"), "KeyAdded", &format!("tenant-{tenant:02}")))
        .collect();
    let began = fixture.clock.now();
    let (database, clock) = (fixture.database.clone(), fixture.clock.clone());
    let waiting_after = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = waiting_after.clone();
    fixture.database.crash(move || {
        let scheduled = "SELECT COUNT(*) AS n FROM delivery_log WHERE stage = 'scheduled'";
        let scheduled = database.query(Statement::new(scheduled))[0]["n"].as_u64();
        seen.lock().unwrap().push((clock.now().since(began), scheduled.unwrap()));
        crate::testing::Crash::Never
    });

    fixture.deliver_events(&events).await;

    assert_eq!(fixture.endpoints.take().len(), 6);
    let seen = waiting_after.lock().unwrap().clone();
    // The write after the read, long before the batch ends, is of the other 44.
    let (read, written, end) = (seen[0], seen[1], seen[2]);
    assert!(written.0 < Duration::from_secs(4) && (read.1, end.1) == (0, 44), "{seen:?}");
    let woken = fixture.retries.take();
    assert!(woken.iter().filter(|message| message.delay <= Duration::from_secs(1)).count() >= 44);
}

#[tokio::test]
async fn a_hundred_events_for_twenty_held_webhooks_stay_within_the_platforms_limits() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    for index in 0..20 {
        fixture.webhook(&acme, &format!("{URL}/{index}"), &[]).await;
    }
    fixture
        .database
        .query(Statement::new("UPDATE webhooks SET status = 'pending', verifying_since = 1775124000000"));
    let large = format!("\"{}\"", "x".repeat(60_000));
    let events: Vec<_> = (0..100)
        .map(|index| {
            let body = envelope(&format!("e-{index}"), "KeyAdded", "acme-corp").replace("1.50", &large);
            EventMessage::Envelope(body.into()).encode()
        })
        .collect();
    fixture.database.take_statements();

    fixture.deliver_events(&events).await;

    let (queries, bytes) = fixture.database.take_statements();
    println!("100 events of 60 KB for 20 held webhooks: {queries} queries, {bytes} bytes of parameters");
    assert!(queries < 1_000 && bytes < 64 * 1024 * 1024, "{queries} queries, {bytes} bytes");
    assert_eq!(count(&fixture, "held"), 2_000);
    let kept = fixture.database.query(Statement::new("SELECT COUNT(*) AS n FROM bodies"));
    assert_eq!(kept[0]["n"], 100, "each body once");
}
