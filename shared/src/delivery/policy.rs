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
    /// How long what is over is kept.
    pub retention: Retention,
}

/// How long what is over is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Delivered deliveries in the log.
    pub delivered: Duration,
    /// Failed and dead deliveries, with their bodies.
    pub undelivered: Duration,
    /// Bodies of delivered events, to be looked at and sent again; not at all where zero.
    pub delivered_bodies: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Retention {
    fn default() -> Self {
        Self { delivered: DAY * 30, undelivered: DAY * 30, delivered_bodies: DAY }
    }
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(15),
            health: HealthPolicy::default(),
            retention: Retention::default(),
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
