//! Keeps those who are refused from filling the log, which is paid for by the line.

use std::sync::{Mutex, PoisonError};

use shared::time::Timestamp;

/// The most refused requests of a minute that have a line each.
pub const LINES_A_MINUTE: u64 = 100;

const MINUTE: i64 = 60_000;

/// Counts the requests that an isolate refuses for their credentials, or for their number.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The minute of the last refused request, since 1970.
    minute: i64,
    refused: u64,
    /// The refused requests of earlier minutes that had no line.
    without_line: u64,
}

impl Refusals {
    /// Counts one more refused request. Returns whether this request has a line.
    pub fn count(&self, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.begin(now);
        counts.refused += 1;
        counts.refused <= LINES_A_MINUTE
    }

    /// The number of refused requests of earlier minutes that had no line, for the next line: each is told of once.
    pub fn take_without_line(&self, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.begin(now);
        let number = std::mem::take(&mut counts.without_line);
        (number > 0).then_some(number)
    }
}

impl Counts {
    fn begin(&mut self, now: Timestamp) {
        let minute = now.milliseconds() / MINUTE;
        if minute != self.minute {
            self.without_line += self.refused.saturating_sub(LINES_A_MINUTE);
            (self.minute, self.refused) = (minute, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_milliseconds(minute * MINUTE + 7)
    }

    #[test]
    fn a_minute_has_its_lines_and_the_rest_is_told_of_once_in_a_later_minute() {
        let refusals = Refusals::default();
        let lines = (0..LINES_A_MINUTE + 11).filter(|_| refusals.count(at(5))).count();
        assert_eq!(lines as u64, LINES_A_MINUTE);
        assert_eq!(refusals.take_without_line(at(5)), None);
        assert_eq!(refusals.take_without_line(at(6)), Some(11));
        assert_eq!(refusals.take_without_line(at(7)), None);
        assert!(refusals.count(at(7)));
    }

    #[test]
    fn minutes_without_a_line_between_them_are_told_of_together() {
        let refusals = Refusals::default();
        for minute in [5, 6] {
            (0..LINES_A_MINUTE + 2).for_each(|_| _ = refusals.count(at(minute)));
        }
        assert_eq!(refusals.take_without_line(at(9)), Some(4));
    }
}
