//! How delivery behaves, as data: by default as the specification says, in tests in seconds instead of days.

use std::time::Duration;

use super::retry::RetryPolicy;

/// Every number that delivery goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// When a failed delivery, or a failed challenge, is tried again.
    pub retry: RetryPolicy,
    /// For one whole exchange with an endpoint.
    pub attempt_timeout: Duration,
    /// Attempts in a row without a definite answer that open a webhook's circuit.
    pub circuit_threshold: u32,
    /// From the opening of a circuit to its first probe; it doubles with each that fails.
    pub first_probe: Duration,
    /// The longest time between two probes.
    pub longest_probe: Duration,
    /// Nothing but failures for this long disables a webhook.
    pub disable_after: Duration,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(15),
            circuit_threshold: 5,
            first_probe: Duration::from_secs(30),
            longest_probe: Duration::from_secs(900),
            disable_after: Duration::from_secs(5 * 86_400),
        }
    }
}

impl DeliveryPolicy {
    /// How long a consumer has what it leased: longer than the last request of its batch takes.
    pub fn lease(&self) -> Duration {
        self.attempt_timeout * 8
    }

    /// How long something may be due before its message counts as lost.
    pub fn overdue(&self) -> Duration {
        self.attempt_timeout * 2
    }

    /// How long after the first attempt to a webhook in a batch no further one begins.
    pub fn time_per_webhook(&self) -> Duration {
        self.attempt_timeout + self.attempt_timeout / 3
    }

    /// How long after its first request a batch begins no further one, however many endpoints hang.
    pub fn time_per_batch(&self) -> Duration {
        self.attempt_timeout * 6
    }

    /// From one probe to the next, after so many that failed.
    pub fn probe_delay(&self, probes_failed: u32) -> Duration {
        self.first_probe.saturating_mul(1 << probes_failed.min(16)).min(self.longest_probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_come_at_doubling_distances_up_to_the_longest() {
        let policy = DeliveryPolicy::default();
        let seconds: Vec<u64> = (0..6).map(|failed| policy.probe_delay(failed).as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 900]);
        assert_eq!(policy.probe_delay(u32::MAX).as_secs(), 900);
    }
}
