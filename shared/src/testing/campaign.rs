//! A fault campaign's plan and its checker, the same in simulated time and on the real runtime. The checker knows only
//! what was sent and what the endpoints saw, and compares the two with the delivery log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::SeededRandom;
use crate::ports::Random;

/// Tenants of a campaign.
pub const TENANTS: usize = 20;
/// Webhooks of each tenant.
pub const WEBHOOKS_EACH: usize = 3;
/// The event types that are sent.
pub const TYPES: [&str; 4] = ["KeyAdded", "KeyRemoved", "LockCreated", "ResidentAdded"];

const SEED: u64 = 20_261_124;

/// A webhook's number and an event's id: one delivery.
pub type Pair = (usize, String);

/// Chance, from a fixed seed.
#[derive(Clone)]
pub struct Dice(Arc<SeededRandom>);

impl Default for Dice {
    fn default() -> Self {
        Self(Arc::new(SeededRandom::new(SEED)))
    }
}

impl Dice {
    /// A number below `sides`.
    pub fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0_u8; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % sides as u64).unwrap()
    }

    /// Whether this time is the one in `sides`.
    pub fn one_in(&self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    /// Some of the event types, or none, which means all.
    pub fn types(&self) -> Vec<&'static str> {
        let all = self.one_in(3);
        TYPES.into_iter().filter(|_| !all && self.one_in(2)).collect()
    }

    /// What somebody does in the middle of a campaign.
    pub fn deed(&self) -> Deed {
        match self.roll(20) {
            0 => Deed::Delete,
            1..=5 => Deed::Move,
            6..=10 => Deed::Rotate,
            11..=15 => Deed::Enable,
            _ => Deed::Redeliver,
        }
    }
}

/// What people do with a webhook in the middle of a campaign.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Delete the webhook.
    Delete,
    /// Change the URL.
    Move,
    /// Rotate the secret.
    Rotate,
    /// Enable the webhook again.
    Enable,
    /// Redeliver all that is not delivered.
    Redeliver,
}

/// A webhook of the campaign.
pub struct Subscriber<W> {
    /// The place in the list of all subscribers.
    pub number: usize,
    /// The webhook, as the campaign's world knows it.
    pub webhook: W,
    /// The types it wants; none means all.
    pub types: Vec<&'static str>,
    /// Every secret that the webhook has had.
    pub secrets: Vec<String>,
    /// Whether somebody deleted the webhook.
    pub deleted: bool,
    /// How many URLs the webhook has had.
    pub urls: usize,
}

impl<W> Subscriber<W> {
    /// A webhook with its first secret.
    pub fn new(number: usize, webhook: W, types: Vec<&'static str>, secret: String) -> Self {
        Self { number, webhook, types, secrets: vec![secret], deleted: false, urls: 0 }
    }

    /// The number of the webhook's tenant.
    pub fn tenant(&self) -> usize {
        self.number / WEBHOOKS_EACH
    }

    /// Whether the webhook is to get this event.
    pub fn wants(&self, event: &SentEvent) -> bool {
        self.tenant() == event.tenant && (self.types.is_empty() || self.types.contains(&event.event_type))
    }

    /// Whether one of a request's signatures is by a secret of the webhook, as a library that is not ours computes it.
    fn is_signed(&self, request: &SeenRequest) -> bool {
        let timestamp = request.timestamp.parse().unwrap();
        let signatures: BTreeSet<&str> = request.signatures.split(' ').collect();
        self.secrets.iter().any(|secret| {
            let library = standardwebhooks::Webhook::new(secret).unwrap();
            let expected = library.sign(&request.id, timestamp, request.body.as_bytes()).unwrap();
            signatures.contains(expected.as_str())
        })
    }
}

/// An event that was sent.
#[derive(Clone, Debug)]
pub struct SentEvent {
    /// The envelope's id.
    pub id: String,
    /// The tenant's number.
    pub tenant: usize,
    /// The envelope's `detail-type`.
    pub event_type: &'static str,
    /// The envelope's text.
    pub body: String,
}

/// A request that an endpoint saw.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// The number of the webhook whose URL was asked.
    pub number: usize,
    /// The header `webhook-id`.
    pub id: String,
    /// The header `webhook-timestamp`.
    pub timestamp: String,
    /// The header `webhook-signature`.
    pub signatures: String,
    /// The body.
    pub body: String,
}

/// A delivery as the log shows it.
#[derive(Clone, Debug)]
pub struct LoggedDelivery {
    /// Its state, as the API spells it.
    pub state: String,
    /// The reason why the delivery was not delivered.
    pub reason: Option<String>,
    /// How many attempts the log has.
    pub attempts: usize,
}

/// Compares what was sent with what was seen and with what the log says.
#[derive(Default)]
pub struct Checker {
    sent: BTreeMap<String, SentEvent>,
    sent_after_deletion: BTreeSet<Pair>,
    requests: BTreeMap<Pair, usize>,
}

impl Checker {
    /// Notes an event that is sent now.
    pub fn sends<W>(&mut self, event: SentEvent, subscribers: &[Subscriber<W>]) {
        let deleted = subscribers.iter().filter(|subscriber| subscriber.deleted);
        self.sent_after_deletion.extend(deleted.map(|subscriber| (subscriber.number, event.id.clone())));
        self.sent.insert(event.id.clone(), event);
    }

    /// The events that were sent, by id.
    pub fn sent(&self) -> &BTreeMap<String, SentEvent> {
        &self.sent
    }

    /// The deliveries that have to be in the log: a deleted webhook's may.
    pub fn wanted<W>(&self, subscribers: &[Subscriber<W>]) -> BTreeSet<Pair> {
        let pairs = subscribers.iter().filter(|subscriber| !subscriber.deleted).flat_map(|subscriber| {
            let wanted = self.sent.values().filter(|event| subscriber.wants(event));
            wanted.map(|event| (subscriber.number, event.id.clone()))
        });
        pairs.collect()
    }

    /// Checks that every pair of webhook and event has a delivery that says how it ended, and no other pair has one.
    /// Returns how many ended in which state.
    pub fn check_log<W>(
        &self,
        subscribers: &[Subscriber<W>],
        log: &BTreeMap<Pair, LoggedDelivery>,
    ) -> BTreeMap<String, usize> {
        for pair in self.wanted(subscribers) {
            assert!(log.contains_key(&pair), "no delivery in the log: {pair:?}");
        }
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        for (pair, delivery) in log {
            let wants = subscribers[pair.0].wants(&self.sent[&pair.1]);
            assert!(wants && !self.sent_after_deletion.contains(pair), "not for this webhook: {pair:?}");
            *outcomes.entry(delivery.state.clone()).or_default() += 1;
            let delivered = delivery.state == "delivered";
            assert!(
                delivered || matches!(&*delivery.state, "failed" | "dead"),
                "{pair:?} is {}",
                delivery.state
            );
            assert!(delivered || delivery.reason.is_some(), "no reason: {pair:?}");
            assert!(!delivered || self.requests.contains_key(pair), "delivered, and never seen: {pair:?}");
        }
        outcomes
    }

    /// Checks that the endpoints saw their own tenant's events only, byte for byte, every one signed.
    pub fn check_requests<W>(&mut self, subscribers: &[Subscriber<W>], requests: &[SeenRequest]) {
        for request in requests {
            let subscriber = &subscribers[request.number];
            assert!(subscriber.is_signed(request), "no secret of the webhook signed {request:?}");
            if request.id.starts_with("verification-") {
                continue;
            }
            let event = &self.sent[&request.id];
            assert_eq!(subscriber.tenant(), event.tenant, "another tenant's event");
            assert_eq!(request.body, event.body);
            *self.requests.entry((request.number, request.id.clone())).or_default() += 1;
        }
    }

    /// For each delivery with requests that the log does not know of, how many these are: a consumer died, or the
    /// database refused, between a request and its write.
    pub fn unknown(&self, log: &BTreeMap<Pair, LoggedDelivery>) -> Vec<usize> {
        let unknown = log.iter().map(|(pair, delivery)| {
            self.requests.get(pair).map_or(0, |requests| requests.saturating_sub(delivery.attempts))
        });
        unknown.filter(|unknown| *unknown > 0).collect()
    }
}
