//! What a webhook lets go of the deliveries that wait for it.

use super::health::{Condition, HealthPolicy};
use crate::event::id::EventId;
use crate::time::Timestamp;

/// The delivery to probe with, among candidates that are newest first: the newest with the fewest failures, and never the
/// last one again while others wait. One event that an endpoint cannot digest does not stand in the way of the others.
pub fn choose_probe<'a>(candidates: &'a [(EventId, u32)], last: Option<&EventId>) -> Option<&'a EventId> {
    let others = candidates.iter().filter(|(event, _)| Some(event) != last);
    // The first of equals: the newest.
    let best = others.min_by_key(|(_, failures)| *failures);
    best.or_else(|| candidates.first()).map(|(event, _)| event)
}

impl Condition {
    /// The condition when the next of `waiting` deliveries are let go, and how many: no more than the pace allows, and
    /// than there is room for beside the `under_way` that were let go before. `failed` says whether an attempt failed
    /// since the last ones.
    pub fn letting_go(
        &self,
        waiting: usize,
        under_way: u32,
        failed: bool,
        at: Timestamp,
        policy: &HealthPolicy,
    ) -> (Self, usize) {
        let (next, quota) = self.releasing(failed, at, policy);
        let room = policy.most_released.saturating_sub(under_way).min(quota) as usize;
        if waiting <= room { (next.released(), waiting) } else { (next, room) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const AT: Timestamp = Timestamp::from_milliseconds(1_000_000);

    #[test]
    fn as_many_go_as_pace_and_room_allow_and_the_last_end_the_release() {
        let policy = HealthPolicy::default();
        let well = Condition::verified(AT, &policy);
        let (first, count) = well.letting_go(100, 0, false, AT, &policy);
        assert_eq!(count, 10, "the first pace");
        let second = AT.plus(Duration::from_secs(1));
        assert_eq!(first.letting_go(100, 0, false, second, &policy).1, 20, "doubled");
        assert_eq!(first.letting_go(100, 495, false, second, &policy).1, 5, "500 under way at most");
        assert_eq!(first.letting_go(100, 500, false, second, &policy).1, 0);
        let (last, count) = first.letting_go(20, 0, false, second, &policy);
        assert_eq!((last.due, count), (None, 20));
    }
}
