//! Simulated time: microseconds since a run began.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use shared::time::Timestamp;

/// Microseconds since the run began.
pub type Micros = u64;

/// A millisecond.
pub(crate) const MILLISECOND: Micros = 1_000;
/// A second.
pub const SECOND: Micros = 1_000_000;
/// A minute.
pub const MINUTE: Micros = 60 * SECOND;

/// 2026-04-02T10:00:00.000Z, when every run begins.
const EPOCH: i64 = 1_775_124_000_000;

/// The instant, as the domain knows it.
pub(crate) fn instant(at: Micros) -> Timestamp {
    Timestamp::from_milliseconds(EPOCH + i64::try_from(at / MILLISECOND).unwrap_or(i64::MAX))
}

/// A length of time.
pub(crate) fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What is to happen, earliest first; of what happens at the same time, what was entered first.
pub(crate) struct Agenda<E> {
    heap: BinaryHeap<Entry<E>>,
    entered: u64,
}

struct Entry<E> {
    at: Micros,
    order: u64,
    event: E,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), entered: 0 }
    }
}

impl<E> Agenda<E> {
    /// Enters what is to happen at this time.
    pub(crate) fn enter(&mut self, at: Micros, event: E) {
        self.entered += 1;
        self.heap.push(Entry { at, order: self.entered, event });
    }

    /// Takes what happens next.
    pub(crate) fn next(&mut self) -> Option<(Micros, E)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}
