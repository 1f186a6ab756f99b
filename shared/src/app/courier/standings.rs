//! How a delivery stands after an attempt, or without one.

use std::time::Duration;

use super::attempt::{Made, Verdict};
use crate::delivery::DeliveryState;
use crate::store::deliveries::Standing;
use crate::time::Timestamp;

/// After an attempt, with `failures` before it.
pub(super) fn after(made: &Made, failures: u32) -> Standing {
    let at = made.ended_at;
    match &made.verdict {
        Verdict::Delivered => ended(DeliveryState::Delivered, None, failures, at),
        Verdict::Again(delay) => waiting(at.plus(*delay), failures + 1),
        Verdict::Ended(state, reason) => ended(*state, Some(reason.clone()), failures + 1, at),
    }
}

/// Due at `next`.
pub(super) fn waiting(next: Timestamp, failures: u32) -> Standing {
    Standing {
        state: DeliveryState::Pending,
        failures,
        next_attempt_at: Some(next.milliseconds()),
        ended_at: None,
        reason: None,
        held: false,
    }
}

/// Between two looks at a webhook whose secrets could not be opened.
const UNTIL_OPENED: Duration = Duration::from_secs(300);

/// Due again once the webhook's secrets can be opened, perhaps; dead where they could not in its whole window.
pub(super) fn sealed(window_ends: Timestamp, failures: u32, now: Timestamp) -> Standing {
    if now < window_ends {
        return waiting(now.plus(UNTIL_OPENED).min(window_ends), failures);
    }
    let reason = "the webhook's secrets could not be opened".to_owned();
    ended(DeliveryState::Dead, Some(reason), failures, now)
}

/// Held for its webhook, until its retry window ends.
pub(super) fn held(window_ends: Timestamp, failures: u32) -> Standing {
    Standing { held: true, ..waiting(window_ends, failures) }
}

/// Ended.
pub(super) fn ended(state: DeliveryState, reason: Option<String>, failures: u32, at: Timestamp) -> Standing {
    Standing {
        state,
        failures,
        next_attempt_at: None,
        ended_at: Some(at.milliseconds()),
        reason,
        held: false,
    }
}

/// Dead, because its webhook is disabled.
pub(super) fn buried(failures: u32, at: Timestamp) -> Standing {
    ended(DeliveryState::Dead, Some("webhook disabled".to_owned()), failures, at)
}
