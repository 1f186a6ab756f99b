//! A fault campaign at full length, in simulated time: everything that can go wrong does, at random from a fixed seed,
//! and a checker that knows only what was sent and what the endpoints saw compares the two.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::envelope;
use crate::app::change_webhook::RequestedChange;
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::DeliveryState;
use crate::delivery::standing::Stage;
use crate::event::message::{EventMessage, WebhookKey};
use crate::ports::{OutboundRequest, Queue, QueuedMessage, Statement};
use crate::testing::campaign::{
    Checker, Deed, Dice, LoggedDelivery, Pair, SeenRequest, SentEvent, TENANTS, TYPES, WEBHOOKS_EACH,
};
use crate::testing::{Crash, Fixture, Reply, Simulation, admins};
use crate::time::Timestamp;
use crate::webhook::url::WebhookUrl;

const EVENTS: usize = 2_000;

type Subscriber = crate::testing::campaign::Subscriber<WebhookKey>;

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
            let types = dice.types();
            let created = fixture.webhook(&org_id, "https://hooks.example.com/", &types).await;
            let secret = created.secret.expose().expose_secret().to_owned();
            let webhook = WebhookKey { org_id: org_id.clone(), webhook_id: created.webhook_id };
            let mut subscriber = Subscriber::new(subscribers.len(), webhook, types, secret);
            move_house(fixture, &mut subscriber).await;
            subscribers.push(subscriber);
        }
    }
    subscribers
}

/// A URL says whose it is, and how many the webhook had before.
async fn move_house(fixture: &Fixture, subscriber: &mut Subscriber) {
    subscriber.urls += 1;
    let url = format!("https://hooks.example.com/{}/{}", subscriber.number, subscriber.urls);
    let change = RequestedChange::url(WebhookUrl::parse(&url, &fixture.app.url_rules).unwrap());
    let WebhookKey { org_id, webhook_id } = &subscriber.webhook;
    fixture.app.change_webhook(&admins(org_id), webhook_id, change).await.unwrap();
}

/// Something that people do in the middle of it.
async fn meddle(fixture: &Fixture, dice: &Dice, subscriber: &mut Subscriber) {
    if subscriber.deleted {
        return;
    }
    let WebhookKey { org_id, webhook_id: id } = &subscriber.webhook;
    match dice.deed() {
        Deed::Delete => {
            fixture.app.delete_webhook(&admins(org_id), id).await.unwrap();
            subscriber.deleted = true;
        }
        Deed::Move => move_house(fixture, subscriber).await,
        Deed::Rotate => {
            let overlap = Duration::from_secs(dice.roll(7_200) as u64);
            let (_, secret) =
                fixture.app.rotate_webhook_secret(&admins(org_id), id, None, overlap).await.unwrap();
            subscriber.secrets.push(secret.expose().expose_secret().to_owned());
        }
        Deed::Enable => {
            let _ = fixture.app.enable_webhook(&admins(org_id), id).await;
        }
        Deed::Redeliver => redeliver_all(fixture, &subscriber.webhook).await,
    }
}

async fn redeliver_all(fixture: &Fixture, webhook: &WebhookKey) {
    let range = RequestedRange {
        since: Timestamp::from_milliseconds(0),
        until: None,
        states: vec![DeliveryState::Failed, DeliveryState::Dead],
    };
    // A disabled webhook takes none.
    let _ = fixture.app.redeliver_range(&admins(&webhook.org_id), &webhook.webhook_id, range).await;
}

/// A request as the checker knows it; its URL says whose it is.
fn seen(request: OutboundRequest) -> SeenRequest {
    let header = |name| request.headers.iter().find(|(key, _)| key == name).unwrap().1.clone();
    let number = request.url.split('/').nth(3).unwrap().parse().unwrap();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    SeenRequest {
        number,
        id,
        timestamp,
        signatures: header("webhook-signature"),
        body: request.body.to_string(),
    }
}

/// The delivery log. What is not delivered can be redelivered: its body is there.
fn log(fixture: &Fixture, subscribers: &[Subscriber], checker: &Checker) -> BTreeMap<Pair, LoggedDelivery> {
    let rows = fixture.database.query(Statement::new(
        "SELECT d.webhook_id, d.event_id, d.stage, d.reason, d.attempts, unpacked(b.body) AS body FROM delivery_log d \
         LEFT JOIN bodies b ON b.org_id = d.org_id AND b.event = d.event_id",
    ));
    let text = |row: &Value, column: &str| row[column].as_str().map(ToOwned::to_owned);
    let logged = rows.iter().map(|row| {
        let (id, event_id) = (text(row, "webhook_id").unwrap(), text(row, "event_id").unwrap());
        let owner = subscribers.iter().find(|subscriber| subscriber.webhook.webhook_id.to_string() == id);
        let attempts: Vec<Value> = serde_json::from_str(row["attempts"].as_str().unwrap()).unwrap();
        let stage: Stage = serde_json::from_value(row["stage"].clone()).unwrap();
        let state = stage.state().as_str().to_owned();
        assert!(state == "delivered" || row["body"].as_str() == Some(&checker.sent()[&event_id].body));
        let delivery = LoggedDelivery { state, reason: text(row, "reason"), attempts: attempts.len() };
        ((owner.unwrap().number, event_id), delivery)
    });
    logged.collect()
}

/// A database in trouble alone repeats a request once at most, and so does a crash alone.
#[tokio::test]
async fn with_crashes_and_outages_apart_no_event_is_sent_more_than_twice_for_them() {
    let most_unknown = campaign(false).await;
    assert!(most_unknown <= 1, "{most_unknown}");
}

/// A batch that dies while it looks for the row that cannot be written sends its other events again: with one
/// statement of thirty deadly, five times at most.
#[tokio::test]
async fn whatever_goes_wrong_at_once_every_event_arrives_or_its_row_says_why_not() {
    let most_unknown = campaign(true).await;
    assert!(most_unknown <= 5, "{most_unknown}");
}

/// Runs the campaign. Returns the requests of one delivery, at most, that the log does not know of.
async fn campaign(crashes_in_outages: bool) -> usize {
    let fixture = Fixture::default();
    let dice = Dice::default();
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

    let mut checker = Checker::default();
    let mut simulation = Simulation::new(&fixture);
    let (twice, lost) = (dice.clone(), dice.clone());
    simulation.duplicate = Box::new(move || twice.one_in(20));
    simulation.lose = Box::new(move || lost.one_in(50));
    let mut outages = 0;
    for round in 0..EVENTS / 20 {
        for index in 0..20 {
            let id = format!("event-{}", round * 20 + index);
            let (tenant, event_type) = (dice.roll(TENANTS), TYPES[dice.roll(TYPES.len())]);
            let body = envelope(&id, event_type, &format!("tenant-{tenant}"));
            let message = EventMessage::Envelope(body.clone().into()).encode();
            let copies = 1 + usize::from(dice.one_in(30));
            let messages = vec![QueuedMessage { body: message, delay: Duration::ZERO }; copies];
            fixture.events.send(messages).await.unwrap();
            checker.sends(SentEvent { id, tenant, event_type, body }, &subscribers);
        }
        let trouble = dice.roll(12);
        if crashes_in_outages || trouble > 2 {
            fixture.database.crash(crash.clone());
        }
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
        simulation.run(Duration::from_secs(dice.roll(1_800) as u64)).await;
        fixture.database.crash(|| Crash::Never);
        fixture.database.fail(None);
        fixture.database.take_writes();
        for _ in 0..3 {
            let index = dice.roll(subscribers.len());
            meddle(&fixture, &dice, &mut subscribers[index]).await;
        }
    }
    // Dead letters are what an admin puts back.
    let requeue = |letters: Vec<String>| {
        letters.into_iter().map(|body| QueuedMessage { body: body.into(), delay: Duration::ZERO }).collect()
    };
    let letters = std::mem::take(&mut simulation.dead_letters);
    let dead_letters = letters.len();
    let (events, retries): (Vec<_>, Vec<_>) =
        letters.into_iter().partition(|body| EventMessage::decode(&body.into()).is_ok());
    fixture.events.send(requeue(events)).await.unwrap();
    fixture.retries.send(requeue(retries)).await.unwrap();
    simulation.lose = Box::new(|| false);
    assert!(simulation.run(Duration::from_secs(10 * 86_400)).await, "it comes to rest");

    let requests: Vec<SeenRequest> = fixture.endpoints.take().into_iter().map(seen).collect();
    checker.check_requests(&subscribers, &requests);
    let deliveries = log(&fixture, &subscribers, &checker);
    let outcomes = checker.check_log(&subscribers, &deliveries);
    let unknown = checker.unknown(&deliveries);
    let (repeated, most_repeated) = (unknown.len(), unknown.iter().max().copied().unwrap_or_default());

    // The world calms down, people put things right, and everything that can still be sent arrives.
    *calm.lock().unwrap() = true;
    for subscriber in subscribers.iter().filter(|subscriber| !subscriber.deleted) {
        let WebhookKey { org_id, webhook_id } = &subscriber.webhook;
        let _ = fixture.app.enable_webhook(&admins(org_id), webhook_id).await;
        fixture.app.verify_webhook(&admins(org_id), webhook_id).await.unwrap();
        redeliver_all(&fixture, &subscriber.webhook).await;
    }
    assert!(simulation.run(Duration::from_secs(86_400)).await);
    let later: Vec<SeenRequest> = fixture.endpoints.take().into_iter().map(seen).collect();
    checker.check_requests(&subscribers, &later);
    for (pair, delivery) in log(&fixture, &subscribers, &checker) {
        assert!(
            subscribers[pair.0].deleted || delivery.state == "delivered",
            "{pair:?} is {}",
            delivery.state
        );
    }
    let deleted = subscribers.iter().filter(|subscriber| subscriber.deleted).count();
    let (batches, crashes) = (simulation.batches, simulation.crashes);
    println!(
        "{EVENTS} events, {} deliveries {outcomes:?}, {} requests, {batches} batches of which {crashes} crashed, \
         {outages} outages of the database, {dead_letters} dead letters, {deleted} webhooks deleted; {repeated} deliveries \
         with requests that no row knows of, {most_repeated} of one at most",
        deliveries.len(),
        requests.len()
    );
    assert!(
        crashes > 10
            && outages > 10
            && deleted > 0
            && outcomes.values().all(|count| *count > 0)
            && outcomes.len() == 3,
        "the campaign is one"
    );
    most_repeated
}
