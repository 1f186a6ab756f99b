//! A fault campaign at full length, in simulated time: everything that can go wrong does, at random from a fixed seed,
//! and a checker that knows only what was sent and what the endpoints saw compares the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::envelope;
use crate::actor::Actor;
use crate::app::change_webhook::RequestedChange;
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::DeliveryState;
use crate::event::message::EventMessage;
use crate::ports::{OutboundRequest, Queue, QueuedMessage, Random, Statement};
use crate::tenant::OrgId;
use crate::testing::{Crash, Fixture, Reply, SeededRandom, Simulation};
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;
use crate::webhook::url::WebhookUrl;

const EVENTS: usize = 2_000;
const TENANTS: usize = 20;
const WEBHOOKS_EACH: usize = 3;
const SEED: u64 = 20_261_124;
const TYPES: [&str; 4] = ["KeyAdded", "KeyRemoved", "LockCreated", "ResidentAdded"];

/// A die.
#[derive(Clone)]
struct Dice(Arc<SeededRandom>);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let mut bytes = [0_u8; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    }

    fn one_in(&self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

struct Subscriber {
    org_id: OrgId,
    id: WebhookId,
    types: Vec<&'static str>,
    secrets: Vec<String>,
    deleted: bool,
    urls: u32,
}

impl Subscriber {
    /// Every URL that a webhook ever has begins so, and no other's does.
    fn home(&self) -> String {
        format!("https://hooks.example.com/{}/", self.id)
    }
}

/// What an endpoint does next; the world calms down when the campaign ends.
fn reply(dice: &Dice) -> Reply {
    match dice.roll(100) {
        0..=64 => Reply::Status(200),
        65..=74 => Reply::Status(500),
        75..=80 => Reply::RetryAfter(429, dice.roll(600).to_string()),
        81..=85 => Reply::Status(404),
        86 => Reply::Status(410),
        87..=91 => Reply::Hang,
        92..=96 => Reply::Reset,
        _ => Reply::Status(302),
    }
}

async fn subscribe(fixture: &Fixture, dice: &Dice) -> Vec<Subscriber> {
    let mut subscribers = Vec::new();
    for tenant in 0..TENANTS {
        let org_id = fixture.tenant(&format!("tenant-{tenant}")).await;
        for _ in 0..WEBHOOKS_EACH {
            let types: Vec<_> = if dice.one_in(3) {
                Vec::new()
            } else {
                TYPES.into_iter().filter(|_| dice.roll(2) == 0).collect()
            };
            let created = fixture.webhook(&org_id, "https://hooks.example.com/", &types).await;
            let secrets = vec![created.secret.expose().expose_secret().to_owned()];
            let mut subscriber = Subscriber {
                org_id: org_id.clone(),
                id: created.webhook_id,
                types,
                secrets,
                deleted: false,
                urls: 0,
            };
            move_house(fixture, &mut subscriber).await;
            subscribers.push(subscriber);
        }
    }
    subscribers
}

fn admin() -> Actor {
    Actor::person("admin@smartphonekey.com")
}

async fn move_house(fixture: &Fixture, subscriber: &mut Subscriber) {
    subscriber.urls += 1;
    let url = format!("{}{}", subscriber.home(), subscriber.urls);
    let url = WebhookUrl::parse(&url, &fixture.app.url_rules).unwrap();
    fixture
        .app
        .change_webhook(&admin(), &subscriber.org_id, &subscriber.id, RequestedChange::url(url))
        .await
        .unwrap();
}

/// Something that people do in the middle of it.
async fn meddle(fixture: &Fixture, dice: &Dice, subscriber: &mut Subscriber) {
    if subscriber.deleted {
        return;
    }
    let (org_id, id) = (&subscriber.org_id, &subscriber.id);
    match dice.roll(40) {
        0..=1 => {
            fixture.app.delete_webhook(&admin(), org_id, id).await.unwrap();
            subscriber.deleted = true;
        }
        2..=9 => move_house(fixture, subscriber).await,
        10..=19 => {
            let overlap = Duration::from_secs(dice.roll(7_200));
            let (_, secret) =
                fixture.app.rotate_webhook_secret(&admin(), org_id, id, None, overlap).await.unwrap();
            subscriber.secrets.push(secret.expose().expose_secret().to_owned());
        }
        20..=29 => {
            let _ = fixture.app.enable_webhook(&admin(), org_id, id).await;
        }
        _ => redeliver_all(fixture, org_id, id).await,
    }
}

async fn redeliver_all(fixture: &Fixture, org_id: &OrgId, id: &WebhookId) {
    let range = RequestedRange {
        since: Timestamp::from_milliseconds(0),
        until: None,
        states: vec![DeliveryState::Failed, DeliveryState::Dead],
    };
    // A disabled webhook takes none.
    let _ = fixture.app.redeliver_range(org_id, id, range).await;
}

/// Whose webhook a request went to, by its URL.
fn addressee<'a>(subscribers: &'a [Subscriber], request: &OutboundRequest) -> &'a Subscriber {
    subscribers.iter().find(|subscriber| request.url.starts_with(&subscriber.home())).expect("a URL of ours")
}

fn header<'a>(request: &'a OutboundRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Whether one of the signatures is by a secret the webhook has had, by a library that is not ours.
fn is_signed(subscriber: &Subscriber, request: &OutboundRequest) -> bool {
    let timestamp = header(request, "webhook-timestamp").parse().unwrap();
    let signatures: BTreeSet<&str> = header(request, "webhook-signature").split(' ').collect();
    subscriber.secrets.iter().any(|secret| {
        let library = standardwebhooks::Webhook::new(secret).unwrap();
        let expected =
            library.sign(header(request, "webhook-id"), timestamp, request.body.as_bytes()).unwrap();
        signatures.contains(expected.as_str())
    })
}

#[tokio::test]
async fn whatever_goes_wrong_every_event_arrives_or_its_row_says_why_not() {
    let fixture = Fixture::default();
    let dice = Dice(Arc::new(SeededRandom::new(SEED)));
    let mut subscribers = subscribe(&fixture, &dice).await;
    let calm = Arc::new(Mutex::new(false));
    let (world, calmed) = (dice.clone(), calm.clone());
    fixture
        .endpoints
        .decide(move |_| if *calmed.lock().unwrap() { Reply::Status(200) } else { reply(&world) });
    let (fate, calmed) = (dice.clone(), calm.clone());
    let crash = move || match fate.roll(60) {
        _ if *calmed.lock().unwrap() => Crash::Never,
        0 => Crash::Before,
        1 => Crash::After,
        _ => Crash::Never,
    };

    let mut sent: BTreeMap<String, (String, &str, String)> = BTreeMap::new();
    let mut deleted_before: BTreeSet<(String, String)> = BTreeSet::new();
    let mut simulation = Simulation::new(&fixture);
    let (twice, lost) = (dice.clone(), dice.clone());
    simulation.duplicate = Box::new(move || twice.one_in(20));
    simulation.lose = Box::new(move || lost.one_in(50));
    let mut outages = 0;
    for round in 0..EVENTS / 20 {
        for index in 0..20 {
            let id = format!("event-{}", round * 20 + index);
            let tenant = format!("tenant-{}", dice.roll(TENANTS as u64));
            let event_type = TYPES[usize::try_from(dice.roll(4)).unwrap()];
            let body = envelope(&id, event_type, &tenant);
            let message = EventMessage::Envelope(body.clone()).encode();
            let copies = 1 + usize::from(dice.one_in(30));
            let messages = vec![QueuedMessage { body: message, delay: Duration::ZERO }; copies];
            fixture.events.send(messages).await.unwrap();
            for subscriber in subscribers.iter().filter(|subscriber| subscriber.deleted) {
                deleted_before.insert((subscriber.id.to_string(), id.clone()));
            }
            sent.insert(id, (tenant, event_type, body));
        }
        fixture.database.crash(crash.clone());
        let trouble = dice.roll(12);
        match trouble {
            0 => fixture.database.fail(Some("unreachable")),
            1 => fixture.database.refuse_writes(|_| true),
            2 => {
                // One row: the last event's.
                let refused = format!("event-{}\"", round * 20 + 19);
                fixture.database.refuse_writes(move |statement| {
                    statement
                        .parameters
                        .iter()
                        .any(|value| value.as_str().is_some_and(|text| text.contains(&refused)))
                });
            }
            _ => {}
        }
        outages += usize::from(trouble <= 2);
        simulation.run(Duration::from_secs(dice.roll(1_800))).await;
        fixture.database.crash(|| Crash::Never);
        fixture.database.fail(None);
        fixture.database.take_writes();
        for _ in 0..3 {
            let index = usize::try_from(dice.roll(subscribers.len() as u64)).unwrap();
            meddle(&fixture, &dice, &mut subscribers[index]).await;
        }
    }
    // Dead letters are what an admin puts back.
    let requeue = |letters: Vec<String>| {
        letters.into_iter().map(|body| QueuedMessage { body, delay: Duration::ZERO }).collect()
    };
    let letters = std::mem::take(&mut simulation.dead_letters);
    let dead_letters = letters.len();
    let (events, retries): (Vec<_>, Vec<_>) =
        letters.into_iter().partition(|body| EventMessage::decode(body).is_ok());
    fixture.events.send(requeue(events)).await.unwrap();
    fixture.retries.send(requeue(retries)).await.unwrap();
    simulation.lose = Box::new(|| false);
    assert!(simulation.run(Duration::from_secs(10 * 86_400)).await, "it comes to rest");

    // Every pair that matched has a row that says how it ended; what is not delivered can be redelivered.
    let rows = fixture.database.query(Statement::new(
        "SELECT d.webhook_id, d.event_id, d.org_id, d.stage, d.reason, d.attempts, b.body FROM deliveries d \
         LEFT JOIN bodies b ON b.org_id = d.org_id AND b.event_id = d.event_id",
    ));
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    let by_pair: BTreeMap<(String, String), &Value> = rows
        .iter()
        .map(|row| {
            (
                (
                    row["webhook_id"].as_str().unwrap().to_owned(),
                    row["event_id"].as_str().unwrap().to_owned(),
                ),
                row,
            )
        })
        .collect();
    let mut pairs = 0;
    for subscriber in &subscribers {
        for (event_id, (tenant, event_type, body)) in &sent {
            let pair = (subscriber.id.to_string(), event_id.clone());
            let wanted = subscriber.types.is_empty() || subscriber.types.contains(event_type);
            if subscriber.org_id.as_str() != tenant || !wanted {
                assert!(!by_pair.contains_key(&pair), "{event_id} is not for {}", subscriber.id);
                continue;
            }
            let Some(row) = by_pair.get(&pair) else {
                assert!(subscriber.deleted, "{event_id} has no row for {}", subscriber.id);
                continue;
            };
            assert!(!deleted_before.contains(&pair));
            pairs += 1;
            let state = row["stage"].as_str().unwrap();
            *outcomes.entry(state.to_owned()).or_default() += 1;
            if state != "delivered" {
                assert!(matches!(state, "failed" | "dead"), "{row}");
                assert!(row["reason"].is_string(), "{row}");
                assert_eq!(row["body"].as_str(), Some(body.as_str()));
            }
        }
    }

    // The receivers' side: only their own tenant's events, byte for byte, every one signed.
    let mut requests = fixture.endpoints.take();
    let total = requests.len();
    let check = |requests: &[OutboundRequest], received: &mut BTreeSet<(String, String)>| {
        for request in requests {
            let subscriber = addressee(&subscribers, request);
            assert!(is_signed(subscriber, request), "{:?}", request.headers);
            let id = header(request, "webhook-id").to_owned();
            if id.starts_with("verification-") {
                continue;
            }
            let (tenant, _, body) = &sent[&id];
            assert_eq!((subscriber.org_id.as_str(), &request.body), (tenant.as_str(), body));
            received.insert((subscriber.id.to_string(), id));
        }
    };
    let mut received = BTreeSet::new();
    check(&requests, &mut received);
    for (pair, row) in &by_pair {
        assert!(row["stage"] != "delivered" || received.contains(pair), "delivered, and never seen: {row}");
    }

    // Requests that no row knows of: a consumer died, or the database refused, between a request and its write.
    let mut requests_of: BTreeMap<(String, String), usize> = BTreeMap::new();
    for request in &requests {
        let pair =
            (addressee(&subscribers, request).id.to_string(), header(request, "webhook-id").to_owned());
        *requests_of.entry(pair).or_default() += 1;
    }
    let unknown = by_pair.iter().map(|(pair, row)| {
        let attempts: Vec<Value> = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
        requests_of.get(pair).map_or(0, |requests| requests.saturating_sub(attempts.len()))
    });
    let unknown: Vec<usize> = unknown.filter(|unknown| *unknown > 0).collect();
    let (repeated, most_repeated) = (unknown.len(), unknown.iter().max().copied().unwrap_or_default());

    // The world calms down, people put things right, and everything that can still be sent arrives.
    *calm.lock().unwrap() = true;
    for subscriber in subscribers.iter().filter(|subscriber| !subscriber.deleted) {
        let _ = fixture.app.enable_webhook(&admin(), &subscriber.org_id, &subscriber.id).await;
        fixture.app.verify_webhook(&admin(), &subscriber.org_id, &subscriber.id).await.unwrap();
        redeliver_all(&fixture, &subscriber.org_id, &subscriber.id).await;
    }
    assert!(simulation.run(Duration::from_secs(86_400)).await);
    requests = fixture.endpoints.take();
    check(&requests, &mut received);
    for subscriber in subscribers.iter().filter(|subscriber| !subscriber.deleted) {
        let open = Statement::new(
            "SELECT COUNT(*) AS n FROM deliveries WHERE webhook_id = ?1 AND stage <> 'delivered'",
        );
        assert_eq!(fixture.database.query(open.bind(&subscriber.id))[0]["n"], 0);
    }
    let deleted = subscribers.iter().filter(|subscriber| subscriber.deleted).count();
    let (batches, crashes) = (simulation.batches, simulation.crashes);
    println!(
        "{EVENTS} events, {pairs} deliveries {outcomes:?}, {total} requests, {batches} batches of which {crashes} crashed, \
         {outages} outages of the database, {dead_letters} dead letters, {deleted} webhooks deleted; {repeated} deliveries \
         with requests that no row knows of, {most_repeated} of one at most"
    );
    assert!(most_repeated <= 3, "{most_repeated}");
    assert!(
        crashes > 10
            && outages > 10
            && deleted > 0
            && outcomes.values().all(|count| *count > 0)
            && outcomes.len() == 3,
        "the campaign is one"
    );
}
