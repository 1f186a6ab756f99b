//! When a delivery that failed is tried again: exponential backoff with full jitter, within a window.

use std::time::Duration;

use super::retry_after::LONGEST_RETRY_AFTER;

/// The shortest delay, in seconds. Queues delay in whole seconds, and 0 would be a loop without a pause.
const SHORTEST: u64 = 1;

/// The longest delay that Queues take, in seconds (a day).
const LONGEST_QUEUE_DELAY: u32 = 86_400;

/// The longest window, in seconds (14 days): how long Queues and the store of large bodies keep anything.
const LONGEST_WINDOW: u32 = 1_209_600;

/// The schedule of retries, as data. By default from 5 seconds, doubling, at most 4 hours apart, for 72
/// hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    base_seconds: u32,
    cap_seconds: u32,
    window_seconds: u32,
}

/// The three numbers make no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetryPolicyFault {
    /// The base is 0.
    #[error("the first backoff must be at least 1 second")]
    Base,
    /// The cap is below the base or above a day.
    #[error("the longest backoff must be between the first and {LONGEST_QUEUE_DELAY} seconds")]
    Cap,
    /// The window is below the cap or above 14 days.
    #[error("the window must be between the longest backoff and {LONGEST_WINDOW} seconds")]
    Window,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again after that time: whole seconds, at least one.
    After(Duration),
    /// The window is over; no more attempts.
    Dead,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base_seconds: 5, cap_seconds: 14_400, window_seconds: 259_200 }
    }
}

impl RetryPolicy {
    /// Makes a policy, with base ≤ cap ≤ window, in seconds.
    ///
    /// # Errors
    ///
    /// [`RetryPolicyFault`] for the first number that does not fit.
    pub fn new(base_seconds: u32, cap_seconds: u32, window_seconds: u32) -> Result<Self, RetryPolicyFault> {
        if base_seconds == 0 {
            return Err(RetryPolicyFault::Base);
        }
        if !(base_seconds..=LONGEST_QUEUE_DELAY).contains(&cap_seconds) {
            return Err(RetryPolicyFault::Cap);
        }
        if !(cap_seconds..=LONGEST_WINDOW).contains(&window_seconds) {
            return Err(RetryPolicyFault::Window);
        }
        Ok(Self { base_seconds, cap_seconds, window_seconds })
    }

    /// How long after its first attempt a delivery is given up.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds.into())
    }

    /// Says when to try again after the `failures_so_far`-th failure in a row (1 is the first).
    ///
    /// The delay is uniform between 1 second and min(cap, base · 2^(failures − 1)): full jitter, which of the
    /// known kinds spreads a crowd of retries best (Amazon Builders' Library, "Timeouts, retries, and backoff
    /// with jitter"). `random` is any 64 bits, evenly spread.
    ///
    /// `retry_after` is honoured up to an hour: the delay is never below it, also where the backoff is
    /// shorter, and spread above it by at least the base, lest everybody told "60" comes back in the same
    /// second. It lengthens the backoff and never shortens it, so an endpoint that says "1" to everything is
    /// not hammered for three days.
    ///
    /// A delay that would end beyond the window is cut to its end, and the attempt there is the last. So
    /// whatever outage ends within the window, at least one attempt comes after it. These last attempts come
    /// no denser than the events once did, since each window starts with an event's own first attempt. Where
    /// the endpoint asks for more time than is left, that is the end: dead deliveries can be redelivered, a
    /// limit that is overrun cannot be taken back.
    #[must_use]
    pub fn next_delay(
        &self,
        failures_so_far: u32,
        retry_after: Option<Duration>,
        random: u64,
        elapsed_since_first_attempt: Duration,
    ) -> Next {
        let asked = retry_after.map(|wait| whole_seconds_up(wait.min(LONGEST_RETRY_AFTER)));
        let low = asked.unwrap_or(0).max(SHORTEST);
        // Whole seconds rounded down, so that the last attempt is within the window.
        let left = self.window().saturating_sub(elapsed_since_first_attempt).as_secs();
        if left < low {
            return Next::Dead;
        }
        let spread = asked.map_or(0, |_| u64::from(self.base_seconds));
        let high = self.backoff(failures_so_far).max(low + spread);
        Next::After(Duration::from_secs(uniform(low, high, random).min(left)))
    }

    /// The upper end of the jitter, in seconds.
    fn backoff(&self, failures_so_far: u32) -> u64 {
        let doublings = failures_so_far.saturating_sub(1).min(31);
        (u64::from(self.base_seconds) << doublings).min(self.cap_seconds.into())
    }
}

/// One of `low..=high`. The remainder favours none noticeably: the span is tiny against 2^64.
fn uniform(low: u64, high: u64, random: u64) -> u64 {
    low + random % (high.saturating_sub(low) + 1)
}

fn whole_seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
