//! A fault campaign on the real runtime, in seconds instead of days: endpoints misbehave at random from a fixed seed,
//! the runtime dies twice, messages come twice, and people meddle. Then a checker that knows only what was sent and
//! what the endpoints saw compares the two.

use std::collections::BTreeMap;
use std::time::Duration;

use local::clock::now;
use local::stack::StackOptions;
use serde_json::json;
use shared::testing::campaign::{
    Checker, Deed, Dice, LoggedDelivery, Pair, SeenRequest, SentEvent, TENANTS, TYPES, WEBHOOKS_EACH,
};
use tests::client::Client;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// Requests of a hundred events each.
const ROUNDS: usize = 20;
/// The number of answers that are planned for each URL; all later answers are 200.
const PLANNED: usize = 60;

/// 200, with a body that is not what its head says.
const ODD: &[u8] =
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n";

/// What an endpoint does next.
fn behavior(dice: &Dice, elsewhere: &str) -> Behavior {
    let at_once = |status| Behavior::Answer(status, Duration::ZERO, Vec::new());
    match dice.roll(100) {
        0..=69 => at_once(200),
        70..=77 => at_once(500),
        78..=81 => Behavior::Answer(429, Duration::ZERO, vec![("retry-after", dice.roll(3).to_string())]),
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

struct Owned {
    tenant: Tenant,
    webhook: Webhook,
}

type Subscriber = shared::testing::campaign::Subscriber<Owned>;

struct Campaign<'a> {
    world: &'a World,
    admin: Client,
    endpoint: Endpoint,
    dice: Dice,
    subscribers: Vec<Subscriber>,
    checker: Checker,
}

impl Campaign<'_> {
    /// Plans how a URL behaves, and returns the URL.
    fn plan(&self, number: usize, url: usize) -> String {
        let path = format!("/{number}/{url}");
        let elsewhere = self.endpoint.url("/elsewhere");
        let planned: Vec<_> = (0..PLANNED).map(|_| behavior(&self.dice, &elsewhere)).collect();
        self.endpoint.behave_in_turn(&path, planned, Behavior::status(200));
        self.endpoint.url(&path)
    }

    async fn subscribe(&mut self) {
        for _ in 0..TENANTS {
            let tenant = Tenant::register(self.world).await;
            for _ in 0..WEBHOOKS_EACH {
                let (number, types) = (self.subscribers.len(), self.dice.types());
                let events: Vec<&str> = if types.is_empty() { vec!["*"] } else { types.clone() };
                let url = self.plan(number, 0);
                let webhook = tenant.webhook_with(&json!({"url": url, "events": events})).await;
                let secret = webhook.secret.clone();
                let owned = Owned { tenant: tenant.clone(), webhook };
                let mut subscriber = Subscriber::new(number, owned, types, secret);
                subscriber.urls = 1;
                self.subscribers.push(subscriber);
            }
        }
    }

    /// Does something that people do in the middle of the campaign.
    async fn meddle(&mut self) {
        let index = self.dice.roll(self.subscribers.len());
        let (number, urls) = (self.subscribers[index].number, self.subscribers[index].urls);
        let path = self.subscribers[index].webhook.webhook.path.clone();
        if self.subscribers[index].deleted {
            return;
        }
        match self.dice.deed() {
            Deed::Delete => {
                let _ = self.admin.delete(&path).await.expect(200);
                self.subscribers[index].deleted = true;
            }
            Deed::Move => {
                let url = self.plan(number, urls);
                let _ = self.admin.put(&path, &json!({"url": url})).await.expect(200);
                self.subscribers[index].urls += 1;
            }
            Deed::Rotate => {
                let overlap = json!({"overlapSeconds": self.dice.roll(3)});
                let rotated = self.admin.post(&format!("{path}/rotate-secret"), &overlap).await.expect(200);
                self.subscribers[index].secrets.push(rotated["secret"].as_str().unwrap().to_owned());
            }
            Deed::Enable => {
                let answer = self.admin.post_nothing(&format!("{path}/enable")).await;
                assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
            }
            Deed::Redeliver => self.redeliver_all(&path).await,
        }
    }

    async fn redeliver_all(&self, path: &str) {
        let answer = self.admin.post(&format!("{path}/redeliver"), &json!({})).await;
        // A disabled webhook is enabled first.
        assert!(matches!(answer.status, 202 | 409), "{}", answer.text);
    }

    /// Every delivery of the webhooks that are not deleted.
    async fn log(&self) -> BTreeMap<Pair, LoggedDelivery> {
        let mut deliveries = BTreeMap::new();
        for subscriber in self.subscribers.iter().filter(|subscriber| !subscriber.deleted) {
            let path = format!("{}/deliveries?limit=200", subscriber.webhook.webhook.path);
            let mut next = path.clone();
            loop {
                let page = self.admin.get(&next).await.expect(200);
                let logged = page["deliveries"].as_array().unwrap().iter();
                deliveries.extend(logged.map(|one| {
                    let text = |field: &str| one[field].as_str().map(ToOwned::to_owned);
                    let delivery = LoggedDelivery {
                        state: text("state").unwrap(),
                        reason: text("reason"),
                        attempts: one["attempts"].as_array().unwrap().len(),
                    };
                    ((subscriber.number, text("eventId").unwrap()), delivery)
                }));
                let Some(cursor) = page["nextCursor"].as_str() else { break };
                next = format!("{path}&cursor={cursor}");
            }
        }
        deliveries
    }

    /// Runs cron as the platform would, only faster, until no delivery is pending and every event has its rows.
    async fn come_to_rest(&self) -> BTreeMap<Pair, LoggedDelivery> {
        let deadline = now() + Duration::from_secs(240);
        loop {
            self.world.stack().trigger_cron().unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let log = self.log().await;
            let pending = log.values().filter(|delivery| delivery.state == "pending").count();
            let wanted = self.checker.wanted(&self.subscribers);
            let absent = wanted.iter().filter(|pair| !log.contains_key(pair)).count();
            if pending + absent == 0 {
                return log;
            }
            assert!(now() < deadline, "{pending} deliveries are still pending, {absent} events have no row");
        }
    }

    /// Every request that came since the last call to the URLs of the webhooks, one at a time per event.
    fn seen(&self) -> Vec<SeenRequest> {
        let received = self.subscribers.iter().flat_map(|subscriber| {
            let number = subscriber.number;
            let paths = (0..subscriber.urls).map(move |url| format!("/{number}/{url}"));
            let requests = paths.flat_map(|path| self.endpoint.take(&path));
            requests.map(move |request| (number, request))
        });
        let seen = received.map(|(number, request)| {
            let header = |name| request.header(name).to_owned();
            let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
            assert_eq!(request.open_at_once, 1, "two requests at once for {id}");
            SeenRequest {
                number,
                id,
                timestamp,
                signatures: header("webhook-signature"),
                body: request.text().to_owned(),
            }
        });
        seen.collect()
    }
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
    let options = StackOptions::on_free_ports("test-campaign").unwrap().shards(4).fresh();
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
            dice: Dice::default(),
            subscribers: Vec::new(),
            checker: Checker::default(),
        };
        campaign.subscribe().await;
        let queue = world.gateway();
        let mut sent: Vec<Event> = Vec::new();
        let mut restarts = 0;
        for round in 0..ROUNDS {
            let first = sent.len();
            for _ in 0..100 {
                let (tenant, event_type) =
                    (campaign.dice.roll(TENANTS), TYPES[campaign.dice.roll(TYPES.len())]);
                let event = campaign.subscribers[tenant * WEBHOOKS_EACH].webhook.tenant.event(event_type);
                let Event { id, body } = event.clone();
                campaign.checker.sends(SentEvent { id, tenant, event_type, body }, &campaign.subscribers);
                sent.push(event);
            }
            let batch = sent[first..].to_vec();
            world.publish_all(&batch).await;
            if campaign.dice.one_in(4) {
                // EventBridge sends everything again, a Queue hands a message over twice, and a message is not ours.
                world.publish_all(&batch).await;
                let twice = &batch[0].body;
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
                    world.publish_all(again).await;
                }
            }
            world.stack().trigger_cron().unwrap();
        }
        let log = campaign.come_to_rest().await;
        let seen = campaign.seen();
        campaign.checker.check_requests(&campaign.subscribers, &seen);
        let outcomes = campaign.checker.check_log(&campaign.subscribers, &log);
        let unknown = campaign.checker.unknown(&log);
        let (repeated, most_repeated) = (unknown.len(), unknown.iter().max().copied().unwrap_or_default());
        assert!(campaign.endpoint.received("/elsewhere").is_empty(), "a redirect was followed");

        // All endpoints are well again, people ask for everything, and everything arrives. On a busy machine the window of
        // twenty seconds can pass before a delivery's turn has come; then people ask again.
        for subscriber in campaign.subscribers.iter().filter(|subscriber| !subscriber.deleted) {
            for url in 0..subscriber.urls {
                campaign.endpoint.behave(&format!("/{}/{url}", subscriber.number), Behavior::status(200));
            }
            let _ = campaign
                .admin
                .post_nothing(&format!("{}/verify", subscriber.webhook.webhook.path))
                .await
                .expect(202);
        }
        let mut left = usize::MAX;
        for _ in 0..6 {
            for subscriber in campaign.subscribers.iter().filter(|subscriber| !subscriber.deleted) {
                campaign.redeliver_all(&subscriber.webhook.webhook.path).await;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            let log = campaign.come_to_rest().await;
            left = log.values().filter(|delivery| delivery.state != "delivered").count();
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "deliveries that cannot be sent again");
        let later = campaign.seen();
        campaign.checker.check_requests(&campaign.subscribers, &later);
        let deleted = campaign.subscribers.iter().filter(|subscriber| subscriber.deleted).count();
        let letters = campaign.admin.get("/dead-letters").await.expect(200);
        let letters = letters["deadLetters"].as_array().unwrap().len();
        let most = log.values().map(|delivery| delivery.attempts).max().unwrap_or_default();
        println!(
            "{} events, deliveries {outcomes:?}, {} requests, {most} attempts of one delivery at most, {restarts} crashes, \
             {deleted} webhooks deleted, {letters} dead letters; {repeated} deliveries with requests that no row knows of, \
             {most_repeated} of one at most",
            sent.len(),
            seen.len(),
        );
        assert!(outcomes.len() == 3 && restarts > 0 && deleted > 0, "the campaign is one");
    });
}
