//! The pace of a batch: when its results are written, and when it no longer waits for a connection.

use std::time::Duration;

use super::turns::MOST_IN_FLIGHT;
use crate::time::Timestamp;

/// How long results wait to be written: a crash repeats no more than these, and what is in flight.
pub const BETWEEN_WRITES: Duration = Duration::from_millis(1_500);
/// How long a delivery waits that a batch had no time for.
pub const AFTER_DEFERRAL: Duration = Duration::from_secs(1);

/// When a batch last wrote, and when its last attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    written_at: Timestamp,
    ended_at: Timestamp,
}

impl Pace {
    /// The pace of a batch that begins now.
    pub fn new(now: Timestamp) -> Self {
        Self { written_at: now, ended_at: now }
    }

    /// Notes that an attempt ended.
    pub fn ended(&mut self, now: Timestamp) {
        self.ended_at = now;
    }

    /// Notes that the results were written.
    pub fn written(&mut self, now: Timestamp) {
        self.written_at = now;
    }

    /// Whether the results are to be written now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.written_at) >= BETWEEN_WRITES
    }

    /// Whether every connection hangs: what waits for one goes to another consumer.
    pub fn hangs(&self, in_flight: usize, now: Timestamp) -> bool {
        in_flight == MOST_IN_FLIGHT && now.since(self.ended_at) >= BETWEEN_WRITES
    }
}
