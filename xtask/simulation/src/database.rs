//! A model of a shard's database: one query at a time, and the rows of what is not delivered.

use std::collections::BTreeSet;

use shared::delivery::standing::Stage;
use shared::time::Timestamp;

use crate::limits::{D1_READ, D1_WRITE};
use crate::scenario::Stretch;
use crate::time::Micros;

/// Rows written for a delivery that went well at once: its own, and its place in the log's index.
pub(crate) const ROWS_OF_DELIVERED: u64 = 2;
/// Rows written for one that did not: with two more indexes, and its body with that one's index.
pub(crate) const ROWS_OF_UNDELIVERED: u64 = 6;
/// Rows written when one is leased: its own, and when it is due.
pub(crate) const ROWS_OF_LEASE: u64 = 2;
/// Rows written when one moves on: its own, and its places in two indexes.
pub(crate) const ROWS_OF_MOVE: u64 = 3;
/// Rows written for a webhook's new condition: its own, and its places in two indexes.
pub(crate) const ROWS_OF_CONDITION: u64 = 3;

/// A shard's database.
#[derive(Default)]
pub(crate) struct Database {
    free_at: Micros,
    refuses: Option<Stretch>,
    /// The time that it spent on queries.
    pub(crate) busy: Micros,
    /// Rows written.
    pub(crate) rows_written: u64,
    /// Rows read, about.
    pub(crate) rows_read: u64,
    /// Deliveries with a time of their own: when due, or leased until; and their rows.
    pub(crate) timed: BTreeSet<(Timestamp, u32)>,
}

impl Database {
    /// A database that takes no writes for this stretch.
    pub(crate) fn new(refuses: Option<Stretch>) -> Self {
        Self { refuses, ..Self::default() }
    }

    fn serve(&mut self, now: Micros, takes: Micros) -> Micros {
        self.free_at = self.free_at.max(now) + takes;
        self.busy += takes;
        self.free_at
    }

    /// When a read that is asked for now has been answered.
    pub(crate) fn read(&mut self, now: Micros) -> Micros {
        self.serve(now, D1_READ)
    }

    /// When a batch of writes that is asked for now has been answered.
    pub(crate) fn write(&mut self, now: Micros) -> Micros {
        self.serve(now, D1_WRITE)
    }

    /// Whether it takes a write that ends at this instant.
    pub(crate) fn takes_writes(&self, at: Micros) -> bool {
        !self.refuses.is_some_and(|refuses| refuses.holds(at))
    }
}

/// A delivery's row, while it is pending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The event.
    pub(crate) event: u64,
    /// The webhook.
    pub(crate) webhook: u32,
    /// When the event was taken in.
    pub(crate) arrived: Micros,
    /// When the event reached its webhook's turn.
    pub(crate) created: Timestamp,
    /// Scheduled, held or released.
    pub(crate) stage: Stage,
    /// Failures so far.
    pub(crate) failures: u32,
    /// When it is due.
    pub(crate) next: Timestamp,
    /// Until then one consumer has it.
    pub(crate) leased_until: Timestamp,
}

/// The rows of all shards' pending deliveries.
#[derive(Default)]
pub(crate) struct Rows {
    all: Vec<Option<Row>>,
    free: Vec<u32>,
}

impl Rows {
    /// Inserts a row, and gives back its place.
    pub(crate) fn insert(&mut self, row: Row) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.all[place as usize] = Some(row);
                place
            }
            None => {
                self.all.push(Some(row));
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
        }
    }

    /// The row at this place, if it is still this event's.
    pub(crate) fn of_event(&mut self, place: u32, event: u64) -> Option<&mut Row> {
        self.at(place).filter(|row| row.event == event)
    }

    /// The row at this place.
    pub(crate) fn at(&mut self, place: u32) -> Option<&mut Row> {
        self.all.get_mut(place as usize).and_then(Option::as_mut)
    }

    /// Forgets a row that has ended.
    pub(crate) fn remove(&mut self, place: u32) {
        if self.all[place as usize].take().is_some() {
            self.free.push(place);
        }
    }

    /// How many deliveries are pending.
    pub(crate) fn count(&self) -> usize {
        self.all.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn queries_that_come_at_random_wait_as_long_as_the_theory_of_queues_says() {
        // M/D/1: the mean wait is ρ · D / (2 · (1 − ρ)).
        let (dice, mut database, mut now, mut waited) = (Dice::new(1), Database::default(), 0.0, 0);
        let (queries, load) = (4_000_000, 0.8);
        for _ in 0..queries {
            now += dice.exponential(D1_WRITE as f64 / load);
            let at = now as Micros;
            waited += database.write(at) - at - D1_WRITE;
        }
        let mean = waited as f64 / f64::from(queries);
        let theory = load * D1_WRITE as f64 / (2.0 * (1.0 - load));
        assert!((mean / theory - 1.0).abs() < 0.03, "{mean} µs, and {theory} in theory");
        assert!((database.busy as f64 / now - load).abs() < 0.01);
    }
}
