//! Tenants' webhooks and their endpoints.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use shared::delivery::outcome::AttemptResult;
use shared::event::catalogue::{EventType, catalogue};
use shared::shard::Bucket;
use shared::time::Timestamp;
use shared::webhook::filter::EventFilter;
use shared::webhook::health::{Condition, Health};

use crate::dice::Dice;
use crate::scenario::{Misbehaviour, Scenario};
use crate::time::{MILLISECOND, Micros, SECOND, micros};

/// Webhooks of a tenant.
const EACH: usize = 2;
/// How long a refused connection and a failing endpoint's answer take.
const REFUSAL: Micros = 20 * MILLISECOND;
/// How long the slow answers take.
const SLOW: Micros = 8 * SECOND;

/// A held delivery's place in the line: when its event came, the event, its row.
pub(crate) type Held = (i64, u64, u32);

/// A webhook, with its row's condition and what waits for it.
pub(crate) struct Webhook {
    /// The place of its shard.
    pub(crate) shard: usize,
    /// Whether its endpoint misbehaves, or belongs to the tenant that has an outage.
    pub(crate) troubled: bool,
    /// Whether it is one of the largest tenant's.
    pub(crate) largest: bool,
    misbehaviour: Option<Misbehaviour>,
    /// Its condition as the database has it.
    pub(crate) condition: Condition,
    /// Counts the condition's writers.
    pub(crate) stamp: u64,
    /// When an attempt last failed.
    pub(crate) last_error_at: Option<Timestamp>,
    /// Deliveries that wait, oldest first.
    pub(crate) held: BTreeSet<Held>,
    /// Deliveries that were let go and are not attempted yet.
    pub(crate) released: u32,
}

/// All webhooks, and which of them gets which event.
pub(crate) struct Webhooks {
    /// All of them.
    pub(crate) all: Vec<Webhook>,
    /// By event type, the webhooks of a tenant that it matches.
    matching: Vec<Vec<usize>>,
}

impl Webhooks {
    /// Tenants with webhooks of half the event types each; every hundredth and so many after it misbehave.
    ///
    /// # Errors
    /// Where the domain refuses a filter.
    pub(crate) fn new(scenario: &Scenario) -> Result<Self> {
        let types: Vec<EventType> = catalogue()
            .iter()
            .filter(|entry| entry.republished)
            .map(|entry| EventType::parse(entry.name))
            .collect::<Result<_, _>>()?;
        let mut filters = Vec::new();
        for each in 0..EACH {
            let names = types.iter().skip(each).step_by(EACH).map(|name| name.as_str().to_owned());
            filters.push(EventFilter::parse(names.collect())?);
        }
        let matching =
            types.iter().map(|name| (0..EACH).filter(|each| filters[*each].matches(name)).collect());
        let webhooks = (0..scenario.tenants * EACH).map(|index| Webhook::new(index, scenario));
        Ok(Self { all: webhooks.collect(), matching: matching.collect() })
    }

    /// The webhook that gets the next event.
    pub(crate) fn draw(&self, dice: &Dice, largest: Option<f64>) -> usize {
        let tenants = self.all.len() / EACH;
        let below = |most: usize| usize::try_from(dice.below(most as u64)).unwrap_or_default();
        let tenant = match largest {
            Some(part) if dice.part() <= part => 0,
            Some(_) => 1 + below(tenants - 1),
            None => below(tenants),
        };
        // Every type matches one of the two.
        let each = self.matching[below(self.matching.len())].first().copied().unwrap_or_default();
        tenant * EACH + each
    }
}

impl Webhook {
    fn new(index: usize, scenario: &Scenario) -> Self {
        let tenant = index / EACH;
        let largest = tenant == 0;
        let misbehaviour = scenario.trouble.filter(|(_, percent)| tenant % 100 < *percent && tenant > 0);
        let health = Health::Well { strikes: 0, release: None };
        Self {
            shard: scenario.shards.place(Bucket::of(&format!("tenant-{tenant}"))),
            troubled: misbehaviour.is_some() || (largest && scenario.outage.is_some()),
            largest,
            misbehaviour: misbehaviour.map(|(misbehaviour, _)| misbehaviour),
            condition: Condition { health, failures: 0, failing_since: None, told: false, due: None },
            stamp: 0,
            last_error_at: None,
            held: BTreeSet::new(),
            released: 0,
        }
    }

    /// How its endpoint answers a request that begins now, and after how long.
    pub(crate) fn answer(
        &self,
        dice: &Dice,
        now: Micros,
        scenario: &Scenario,
        timeout: Duration,
    ) -> (Micros, AttemptResult) {
        if self.largest && scenario.outage.is_some_and(|outage| outage.holds(now)) {
            return (REFUSAL, AttemptResult::ConnectionFailed("refused".to_owned()));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a time"
        )]
        let well = (dice.log_normal(scenario.answers.0 * MILLISECOND as f64, scenario.answers.1) as Micros)
            .min(micros(timeout));
        let trouble = scenario.measured_from..scenario.trouble_until;
        let misbehaviour = self.misbehaviour.filter(|_| trouble.contains(&now));
        match misbehaviour {
            Some(Misbehaviour::Hangs) => (micros(timeout), AttemptResult::TimedOut),
            Some(Misbehaviour::Fails) => (REFUSAL, answered(500)),
            Some(Misbehaviour::SlowNowAndThen) if dice.below(10) == 0 => (SLOW, answered(200)),
            Some(Misbehaviour::SlowNowAndThen) | None => (well, answered(200)),
        }
    }
}

fn answered(status: u16) -> AttemptResult {
    AttemptResult::Response { status, retry_after: None, excerpt: String::new() }
}
