//! How delivery behaves, as data: by default as the specification says, in tests in seconds instead of days.

use std::time::Duration;

use super::retry::RetryPolicy;
use crate::webhook::health::HealthPolicy;

/// Every number that delivery goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// When a failed delivery, or a failed challenge, is tried again.
    pub retry: RetryPolicy,
    /// For one whole exchange with an endpoint.
    pub attempt_timeout: Duration,
    /// When circuits open, probes go out, and webhooks are disabled.
    pub health: HealthPolicy,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(15),
            health: HealthPolicy::default(),
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
        self.attempt_timeout * 4
    }
}
