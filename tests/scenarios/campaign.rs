//! A fault campaign on the real runtime, in seconds instead of days: endpoints misbehave at random from a fixed seed,
//! the runtime dies twice, messages come twice, and people meddle. Then a checker that knows only what was sent and
//! what the endpoints saw compares the two.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use local::clock::now;
use local::stack::StackOptions;
use serde_json::{Value, json};
use tests::client::Client;
use tests::endpoint::{Behavior, Endpoint, Received};
use tests::event::Event;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

const TENANTS: usize = 20;
const WEBHOOKS_EACH: usize = 3;
/// Requests of a hundred events each.
const ROUNDS: usize = 20;
const SEED: u64 = 20_261_124;
const TYPES: [&str; 4] = ["KeyAdded", "KeyRemoved", "LockCreated", "ResidentAdded"];
/// The number of answers that are planned for each URL; all later answers are 200.
const PLANNED: usize = 60;

/// 200, with a body that is not what its head says.
const ODD: &[u8] =
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n";

/// A die (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn behavior(&mut self, elsewhere: &str) -> Behavior {
        let at_once = |status| Behavior::Answer(status, Duration::ZERO, Vec::new());
        match self.roll(100) {
            0..=69 => at_once(200),
            70..=77 => at_once(500),
            78..=81 => Behavior::Answer(429, Duration::ZERO, vec![("retry-after", self.roll(3).to_string())]),
            82..=84 => at_once(404),
            85..=86 => at_once(403),
            87 => at_once(410),
            88..=90 => Behavior::Hang,
            91..=94 => Behavior::Reset,
            95 => Behavior::Drip,
            96 => Behavior::Endless(500),
            97 => Behavior::Raw(ODD.to_vec()),
            98 => Behavior::Stall(ODD.to_vec()),
            _ => Behavior::redirect(302, elsewhere),
        }
    }
}

struct Subscriber {
    tenant: Tenant,
    webhook: Webhook,
    types: Vec<&'static str>,
    secrets: Vec<String>,
    deleted: bool,
    /// The number of the webhook's URLs so far. Their paths are `/<number>/<url>`.
    number: usize,
    urls: usize,
}

struct Campaign<'a> {
    world: &'a World,
    admin: Client,
    endpoint: Endpoint,
    dice: Dice,
    subscribers: Vec<Subscriber>,
}

impl Campaign<'_> {
    /// Plans how a URL behaves, and returns the URL.
    fn plan(&mut self, number: usize, url: usize) -> String {
        let path = format!("/{number}/{url}");
        let elsewhere = self.endpoint.url("/elsewhere");
        let planned: Vec<_> = (0..PLANNED).map(|_| self.dice.behavior(&elsewhere)).collect();
        self.endpoint.behave_in_turn(&path, planned, Behavior::status(200));
        self.endpoint.url(&path)
    }

    async fn subscribe(&mut self) {
        for _ in 0..TENANTS {
            let tenant = Tenant::register(self.world).await;
            for _ in 0..WEBHOOKS_EACH {
                let number = self.subscribers.len();
                let all = self.dice.roll(3) == 0;
                let types: Vec<_> = TYPES.into_iter().filter(|_| !all && self.dice.roll(2) == 0).collect();
                let events: Vec<&str> = if types.is_empty() { vec!["*"] } else { types.clone() };
                let url = self.plan(number, 0);
                let webhook = tenant.webhook_with(&json!({"url": url, "events": events})).await;
                let (tenant, secrets) = (tenant.clone(), vec![webhook.secret.clone()]);
                self.subscribers.push(Subscriber {
                    tenant,
                    webhook,
                    types,
                    secrets,
                    deleted: false,
                    number,
                    urls: 1,
                });
            }
        }
    }

    /// Does something that people do in the middle of the campaign.
    async fn meddle(&mut self) {
        let index = self.dice.roll(self.subscribers.len());
        let (number, urls) = (self.subscribers[index].number, self.subscribers[index].urls);
        let path = self.subscribers[index].webhook.path.clone();
        if self.subscribers[index].deleted {
            return;
        }
        match self.dice.roll(20) {
            0 => {
                let _ = self.admin.delete(&path).await.expect(200);
                self.subscribers[index].deleted = true;
            }
            1..=6 => {
                let url = self.plan(number, urls);
                let _ = self.admin.put(&path, &json!({"url": url})).await.expect(200);
                self.subscribers[index].urls += 1;
            }
            7..=12 => {
                let overlap = json!({"overlapSeconds": self.dice.roll(3)});
                let rotated = self.admin.post(&format!("{path}/rotate-secret"), &overlap).await.expect(200);
                self.subscribers[index].secrets.push(rotated["secret"].as_str().unwrap().to_owned());
            }
            13..=15 => {
                let answer = self.admin.post_nothing(&format!("{path}/enable")).await;
                assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            }
            _ => self.redeliver_all(&path).await,
        }
    }

    async fn redeliver_all(&self, path: &str) {
        let answer = self.admin.post(&format!("{path}/redeliver"), &json!({})).await;
        // A disabled webhook is enabled first.
        assert!(matches!(answer.status, 202 | 409), "{}", answer.text);
    }

    /// Every delivery of a webhook, by event.
    async fn log(&self, path: &str) -> BTreeMap<String, Value> {
        let mut deliveries = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let page = self.admin.get(&format!("{path}/deliveries?limit=200{cursor}")).await.expect(200);
            for delivery in page["deliveries"].as_array().unwrap() {
                deliveries.insert(delivery["eventId"].as_str().unwrap().to_owned(), delivery.clone());
            }
            let Some(next) = page["nextCursor"].as_str() else { return deliveries };
            cursor = format!("&cursor={next}");
        }
    }

    /// Runs cron as the platform would, only faster, until no delivery is pending and every event has its rows.
    async fn come_to_rest(&self, sent: &[(Event, usize, &'static str)]) -> Vec<BTreeMap<String, Value>> {
        let deadline = now() + Duration::from_secs(240);
        loop {
            self.world.stack().trigger_cron().unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut logs = Vec::new();
            let (mut pending, mut absent) = (0, 0);
            for subscriber in &self.subscribers {
                let log = if subscriber.deleted {
                    BTreeMap::new()
                } else {
                    self.log(&subscriber.webhook.path).await
                };
                pending += log.values().filter(|delivery| delivery["state"] == "pending").count();
                let wanted =
                    sent.iter().filter(|(_, tenant, event_type)| wants(subscriber, *tenant, event_type));
                absent +=
                    wanted.filter(|(event, ..)| !subscriber.deleted && !log.contains_key(&event.id)).count();
                logs.push(log);
            }
            if pending + absent == 0 {
                return logs;
            }
            assert!(now() < deadline, "{pending} deliveries are still pending, {absent} events have no row");
        }
    }

    /// The requests that every webhook has received, by the webhook's number.
    fn received(&self) -> HashMap<usize, Vec<Received>> {
        let requests = |subscriber: &Subscriber| {
            (0..subscriber.urls)
                .flat_map(|url| self.endpoint.received(&format!("/{}/{url}", subscriber.number)))
                .collect()
        };
        self.subscribers.iter().map(|subscriber| (subscriber.number, requests(subscriber))).collect()
    }
}

fn wants(subscriber: &Subscriber, tenant: usize, event_type: &str) -> bool {
    subscriber.number / WEBHOOKS_EACH == tenant
        && (subscriber.types.is_empty() || subscriber.types.contains(&event_type))
}

/// Whether one of the signatures is by a secret of the webhook, as a library that is not ours computes it.
fn is_signed(subscriber: &Subscriber, request: &Received) -> bool {
    let timestamp = request.header("webhook-timestamp").parse().unwrap();
    let signatures: BTreeSet<&str> = request.header("webhook-signature").split(' ').collect();
    subscriber.secrets.iter().any(|secret| {
        let library = standardwebhooks::Webhook::new(secret).unwrap();
        signatures
            .contains(library.sign(request.header("webhook-id"), timestamp, &request.body).unwrap().as_str())
    })
}

fn options() -> StackOptions {
    let settings = [
        ("RETRY_BASE_SECONDS", "1"),
        ("RETRY_CAP_SECONDS", "2"),
        ("RETRY_WINDOW_SECONDS", "20"),
        ("ATTEMPT_TIMEOUT_SECONDS", "2"),
        ("FIRST_PROBE_SECONDS", "1"),
        ("LONGEST_PROBE_SECONDS", "2"),
        ("DISABLE_AFTER_SECONDS", "15"),
    ];
    let options = StackOptions::on_free_ports("test-campaign").unwrap().fresh();
    settings.iter().fold(options, |options, (name, value)| options.set("webhook-delivery", name, value))
}

#[test]
fn whatever_goes_wrong_every_event_arrives_or_its_row_says_why_not() {
    let world = World::start(options());
    run_alone(async {
        let mut campaign = Campaign {
            world: &world,
            admin: world.admin(),
            endpoint: Endpoint::start(),
            dice: Dice(SEED),
            subscribers: Vec::new(),
        };
        campaign.subscribe().await;
        let queue = world.gateway();
        let mut sent: Vec<(Event, usize, &'static str)> = Vec::new();
        let mut restarts = 0;
        for round in 0..ROUNDS {
            let first = sent.len();
            for _ in 0..100 {
                let tenant = campaign.dice.roll(TENANTS);
                let event_type = TYPES[campaign.dice.roll(TYPES.len())];
                let event = campaign.subscribers[tenant * WEBHOOKS_EACH].tenant.event(event_type);
                sent.push((event, tenant, event_type));
            }
            let batch: Vec<Event> = sent[first..].iter().map(|(event, ..)| event.clone()).collect();
            world.publish_all(&batch).await;
            if campaign.dice.roll(4) == 0 {
                // EventBridge sends everything again, a Queue hands a message over twice, and a message is not ours.
                world.publish_all(&batch).await;
                let twice = json!({"version": 1, "envelope": batch[0].body}).to_string();
                let _ = queue
                    .post("/queues/webhook-events", &json!([twice, twice, "nobody's"]))
                    .await
                    .expect(202);
            }
            for _ in 0..3 {
                campaign.meddle().await;
            }
            if round % 8 == 5 {
                // The runtime dies, and with it the messages of the local Queue, which are in memory. A real Queue would hand
                // over again what was not acknowledged. So the campaign sends all events again; those that were delivered
                // are not delivered again.
                world.stack().kill_hard();
                world.stack().restart().unwrap();
                restarts += 1;
                for again in sent.chunks(100) {
                    let again: Vec<Event> = again.iter().map(|(event, ..)| event.clone()).collect();
                    world.publish_all(&again).await;
                }
            }
            world.stack().trigger_cron().unwrap();
        }
        let logs = campaign.come_to_rest(&sent).await;

        // Every pair of webhook and event has a row that says how the delivery ended.
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        for (subscriber, log) in
            campaign.subscribers.iter().zip(&logs).filter(|(subscriber, _)| !subscriber.deleted)
        {
            let wanted: BTreeSet<&str> = sent
                .iter()
                .filter(|(_, tenant, event_type)| wants(subscriber, *tenant, event_type))
                .map(|(event, ..)| event.id.as_str())
                .collect();
            let logged: BTreeSet<&str> = log.keys().map(String::as_str).collect();
            assert_eq!(wanted, logged);
            for delivery in log.values() {
                let state = delivery["state"].as_str().unwrap();
                *outcomes.entry(state.to_owned()).or_default() += 1;
                assert!(state == "delivered" || delivery["reason"].is_string(), "{delivery}");
            }
        }

        // The endpoints' side: their own tenant's events only, byte for byte, every one signed, one at a time.
        let by_id: HashMap<&str, (&Event, usize)> =
            sent.iter().map(|(event, tenant, _)| (event.id.as_str(), (event, *tenant))).collect();
        let check = |received: &HashMap<usize, Vec<Received>>| {
            let mut pairs: BTreeSet<(usize, String)> = BTreeSet::new();
            for subscriber in &campaign.subscribers {
                for request in &received[&subscriber.number] {
                    assert!(is_signed(subscriber, request), "{:?}", request.headers);
                    assert_eq!(
                        request.open_at_once,
                        1,
                        "two requests at once for {}",
                        request.header("webhook-id")
                    );
                    let id = request.header("webhook-id");
                    if id.starts_with("verification-") {
                        continue;
                    }
                    let (event, tenant) = by_id[id];
                    assert_eq!(subscriber.number / WEBHOOKS_EACH, tenant, "another tenant's event");
                    assert_eq!(request.text(), event.body);
                    pairs.insert((subscriber.number, id.to_owned()));
                }
            }
            pairs
        };
        let received = campaign.received();
        let requests: usize = received.values().map(Vec::len).sum();
        let pairs = check(&received);
        for (subscriber, log) in campaign.subscribers.iter().zip(&logs) {
            for (id, delivery) in log {
                let seen = pairs.contains(&(subscriber.number, id.clone()));
                assert!(delivery["state"] != "delivered" || seen, "delivered, and never seen: {delivery}");
            }
        }
        assert!(campaign.endpoint.received("/elsewhere").is_empty(), "a redirect was followed");

        // All endpoints are well again, people ask for everything, and everything arrives. On a busy machine the window of
        // twenty seconds can pass before a delivery's turn has come; then people ask again.
        for subscriber in campaign.subscribers.iter().filter(|subscriber| !subscriber.deleted) {
            for url in 0..subscriber.urls {
                campaign.endpoint.behave(&format!("/{}/{url}", subscriber.number), Behavior::status(200));
            }
            let _ =
                campaign.admin.post_nothing(&format!("{}/verify", subscriber.webhook.path)).await.expect(202);
        }
        let mut left = usize::MAX;
        for _ in 0..6 {
            for subscriber in campaign.subscribers.iter().filter(|subscriber| !subscriber.deleted) {
                campaign.redeliver_all(&subscriber.webhook.path).await;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            let logs = campaign.come_to_rest(&sent).await;
            left = logs.iter().flat_map(BTreeMap::values).filter(|one| one["state"] != "delivered").count();
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "deliveries that cannot be sent again");
        check(&campaign.received());
        let deleted = campaign.subscribers.iter().filter(|subscriber| subscriber.deleted).count();
        let letters = campaign.admin.get("/dead-letters").await.expect(200);
        let letters = letters["deadLetters"].as_array().unwrap().len();
        let per_delivery = |log: &BTreeMap<String, Value>| {
            log.values().map(|one| one["attempts"].as_array().unwrap().len()).max().unwrap_or_default()
        };
        let most = logs.iter().map(per_delivery).max().unwrap_or_default();
        println!(
            "{} events, deliveries {outcomes:?}, {requests} requests, {most} for one delivery at most, {restarts} crashes, {deleted} webhooks deleted, \
             {letters} dead letters",
            sent.len(),
        );
        assert!(outcomes.len() == 3 && restarts > 0 && deleted > 0, "the campaign is one");
    });
}
