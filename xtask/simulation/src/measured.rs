//! What a run measures.

use shared::testing::prices::Operations;

use crate::time::{Micros, SECOND};

/// How finely latencies are told apart: neighbours differ by two percent.
const STEP: f64 = 1.02;
/// Enough for hours.
const BUCKETS: usize = 900;
/// Processor time of an event, taken in singly and delivered, in milliseconds: an upper bound, from docs/bench.md.
const CPU_EACH: f64 = 1.2;

/// Counts latencies.
#[derive(Clone, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Counts one.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a bucket"
    )]
    pub fn add(&mut self, latency: Micros) {
        let bucket = ((latency.max(1_000) as f64 / 1_000.0).ln() / STEP.ln()) as usize;
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.total += 1;
    }

    /// Counts those of another, too.
    pub fn add_all(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.total += other.total;
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The seconds that this part of them does not exceed; nothing where there are none.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let wanted = ((self.total as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(STEP.powf(bucket as f64 + 0.5) / 1_000.0)
    }
}

/// A second of a run.
#[derive(Clone, Default)]
pub struct Sample {
    /// Fresh events on the Queues, and before them.
    pub fresh: usize,
    /// Messages on the Queues of retries.
    pub retries: usize,
    /// Pending deliveries in the databases.
    pub pending: usize,
    /// Deliveries that wait for the largest tenant's webhooks.
    pub held_of_largest: usize,
    /// Consumers of fresh events that have a batch.
    pub consumers: usize,
    /// Latencies of the healthy that ended in this second.
    pub healthy: Histogram,
}

/// What a run measures.
#[derive(Clone, Default)]
pub struct Measured {
    /// Events taken in.
    pub arrived: u64,
    /// Deliveries that arrived at their endpoint.
    pub delivered: u64,
    /// Deliveries that ended otherwise.
    pub dead: u64,
    /// Requests to endpoints.
    pub requests: u64,
    /// From taking in to a good answer, of tenants that the trouble does not concern.
    pub healthy: Histogram,
    /// The same of the others.
    pub troubled: Histogram,
    /// Second by second.
    pub samples: Vec<Sample>,
    /// The part of the time that the busiest database was busy.
    pub busiest: f64,
    /// What it all cost.
    pub operations: Operations,
    /// Pending deliveries, and fresh events that are still on the Queues or with consumers, at the end.
    pub left: i64,
    /// How long after the end of the trouble the first delivery arrived.
    pub first_after: Option<Micros>,
    /// The same until all was as before.
    pub recovered_after: Option<Micros>,
    /// How long the run was.
    pub lasted: Micros,
    /// Log lines and data points of attempts.
    pub lines: u64,
    /// Data points of Analytics Engine.
    pub points: u64,
}

impl Measured {
    /// Notes a delivery that arrived.
    pub fn delivered(&mut self, now: Micros, arrived: Micros, counts: bool, healthy: bool) {
        self.delivered += 1;
        if !counts {
            return;
        }
        if healthy {
            self.healthy.add(now - arrived);
            let second = usize::try_from(now / SECOND).unwrap_or_default();
            if self.samples.len() <= second {
                self.samples.resize(second + 1, Sample::default());
            }
            self.samples[second].healthy.add(now - arrived);
        } else {
            self.troubled.add(now - arrived);
        }
    }

    /// Requests to endpoints for each delivery that arrived.
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub fn requests_each(&self) -> f64 {
        self.requests as f64 / self.delivered.max(1) as f64
    }

    /// Dollars for a million events.
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub fn dollars_a_million(&self) -> f64 {
        self.operations.total() * 1_000_000.0 / self.arrived.max(1) as f64
    }

    /// The most of something in any second.
    pub fn most(&self, of: impl Fn(&Sample) -> usize) -> usize {
        self.samples.iter().map(of).max().unwrap_or_default()
    }

    /// Processor time, in milliseconds.
    #[allow(clippy::cast_precision_loss, reason = "counts")]
    pub fn cpu_milliseconds(&self) -> f64 {
        self.requests.max(self.arrived) as f64 * CPU_EACH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|millisecond| histogram.add(millisecond * 1_000));
        for (part, seconds) in [(0.5, 5.0), (0.99, 9.9), (1.0, 10.0)] {
            let found = histogram.quantile(part).unwrap();
            assert!((found / seconds - 1.0).abs() < 0.02, "{part}: {found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
