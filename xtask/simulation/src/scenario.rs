//! What a run is given: load, shards, and the trouble.

use anyhow::Result;
use shared::shard::ShardCount;

use crate::limits::{CONSUMERS, Consumption, MESSAGES_A_SECOND};
use crate::time::{MINUTE, Micros, SECOND};

/// How events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// At random.
    Random,
    /// So many at once, as often as the rate allows, at first after half of that time.
    Together(u32),
}

/// How an endpoint misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Never answers: each request takes the whole time-out.
    Hangs,
    /// Answers 500.
    Fails,
    /// Answers every tenth request after eight seconds.
    SlowNowAndThen,
}

impl Misbehaviour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hangs, Self::Fails, Self::SlowNowAndThen];

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hangs => "hang",
            Self::Fails => "fail",
            Self::SlowNowAndThen => "slow now and then",
        }
    }
}

/// A stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// Its beginning.
    pub from: Micros,
    /// Its end.
    pub until: Micros,
}

impl Stretch {
    /// Whether this instant is in it.
    pub fn holds(&self, at: Micros) -> bool {
        (self.from..self.until).contains(&at)
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Draws all chance.
    pub seed: u64,
    /// Events a second, on average.
    pub rate: f64,
    /// How they come in.
    pub arrivals: Arrivals,
    /// From then on none comes in.
    pub arrive_until: Micros,
    /// Tenants, each with two webhooks that share the event types between them: each event is one delivery.
    pub tenants: usize,
    /// The median time of a healthy endpoint's answer in milliseconds, and the spread of its logarithm.
    pub answers: (f64, f64),
    /// Databases.
    pub shards: ShardCount,
    /// Pairs of Queues, each for an equal part of the shards.
    pub pairs: ShardCount,
    /// Consumers of a Queue at the same time.
    pub consumers: usize,
    /// How batches of fresh events are formed.
    pub fresh: Consumption,
    /// How batches of retries are formed.
    pub retried: Consumption,
    /// The part of all events that is the first tenant's; as many as any other's where absent.
    pub largest: Option<f64>,
    /// Percent of the tenants whose endpoints misbehave from `measured_from` on, and how.
    pub trouble: Option<(Misbehaviour, usize)>,
    /// The end of that.
    pub trouble_until: Micros,
    /// When the largest tenant's endpoints refuse connections.
    pub outage: Option<Stretch>,
    /// When the first shard's database takes no writes.
    pub no_writes: Option<Stretch>,
    /// From then on latencies are measured.
    pub measured_from: Micros,
    /// When the run ends.
    pub until: Micros,
    /// The run ends as soon as what the trouble left behind is done.
    pub ends_recovered: bool,
}

impl Scenario {
    /// Five minutes, of which the last four are measured, without trouble.
    ///
    /// # Errors
    /// Where the Workers' configuration cannot be read.
    pub fn new(rate: f64, shards: ShardCount) -> Result<Self> {
        Ok(Self {
            seed: 20_261_124,
            rate,
            arrivals: Arrivals::Random,
            arrive_until: Micros::MAX,
            tenants: 1_000,
            answers: (80.0, 0.5),
            shards,
            pairs: pairs_for(rate, shards),
            consumers: CONSUMERS,
            fresh: Consumption::deployed("webhook-events")?,
            retried: Consumption::deployed("webhook-retries")?,
            largest: None,
            trouble: None,
            trouble_until: Micros::MAX,
            outage: None,
            no_writes: None,
            measured_from: MINUTE,
            until: 5 * MINUTE,
            ends_recovered: false,
        })
    }

    /// The same for so many seconds, of which those after `warm_up` are measured.
    #[must_use]
    pub fn lasting(self, warm_up: u64, seconds: u64) -> Self {
        Self { measured_from: warm_up * SECOND, until: seconds * SECOND, ..self }
    }
}

/// As many pairs of Queues as carry the load with a fifth to spare, but no more than there are shards.
#[allow(clippy::cast_precision_loss, reason = "thousands")]
fn pairs_for(rate: f64, shards: ShardCount) -> ShardCount {
    let mut pairs = 1;
    while pairs < shards.get() && rate * 1.2 > (pairs as u64 * MESSAGES_A_SECOND) as f64 {
        pairs *= 2;
    }
    // A power of two, as the number of shards is.
    ShardCount::parse(&pairs.to_string()).unwrap_or(shards)
}
