//! How a delivery stands: its stage, and what goes with it.

use serde::{Deserialize, Serialize};

use super::DeliveryState;
use super::outcome::Outcome;
use super::retry::{Next, RetryPolicy};
use crate::time::Timestamp;
use crate::webhook::health::{Effect, Gate, Health};

/// The stage of a delivery, as the database keeps it. The API's [`DeliveryState`] does not tell the first three apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Pending: it has a time of its own.
    Scheduled,
    /// Pending: it waits for its webhook.
    Held,
    /// Pending: its webhook let it go, as a probe or as one of a release.
    Released,
    /// The endpoint took it.
    Delivered,
    /// The endpoint is gone, the webhook deleted, or its URL no longer allowed.
    Failed,
    /// Its retries are spent, or its webhook is disabled.
    Dead,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Held, Self::Released, Self::Delivered, Self::Failed, Self::Dead];

    /// As the API shows it.
    pub fn state(self) -> DeliveryState {
        match self {
            Self::Scheduled | Self::Held | Self::Released => DeliveryState::Pending,
            Self::Delivered => DeliveryState::Delivered,
            Self::Failed => DeliveryState::Failed,
            Self::Dead => DeliveryState::Dead,
        }
    }

    /// As the database keeps it. SQLite keeps 0 in no bytes: most deliveries are delivered.
    pub const fn number(self) -> u8 {
        match self {
            Self::Delivered => 0,
            Self::Scheduled => 1,
            Self::Held => 2,
            Self::Released => 3,
            Self::Failed => 4,
            Self::Dead => 5,
        }
    }

    /// The stage with this number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.number() == number)
    }

    /// As people read it, in the view `delivery_log`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Held => "held",
            Self::Released => "released",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

impl DeliveryState {
    /// The stages that the API shows as one of these states, each once.
    pub fn stages_of(states: &[Self]) -> Vec<Stage> {
        let wanted = Self::ALL.into_iter().filter(|state| states.contains(state));
        wanted.flat_map(Self::stages).copied().collect()
    }

    fn stages(self) -> &'static [Stage] {
        match self {
            Self::Pending => &[Stage::Scheduled, Stage::Held, Stage::Released],
            Self::Delivered => &[Stage::Delivered],
            Self::Failed => &[Stage::Failed],
            Self::Dead => &[Stage::Dead],
        }
    }
}

/// The stage of a delivery, with the times and the reason that belong to the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its stage.
    pub stage: Stage,
    /// Failures since the tries began.
    pub failures: u32,
    /// Only while pending: when it is due, or, while it is held, given up.
    pub next_attempt_at: Option<Timestamp>,
    /// Only once it has ended: when.
    pub ended_at: Option<Timestamp>,
    /// Why it ended other than delivered.
    pub reason: Option<String>,
}

/// How often a delivery has been tried in vain, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// Failures before.
    pub failures: u32,
    /// The retry window counts from here.
    pub since: Timestamp,
}

impl Tries {
    /// The end of the retry window.
    pub fn end(&self, policy: &RetryPolicy) -> Timestamp {
        self.since.plus(policy.window())
    }
}

impl Standing {
    /// After an attempt with this outcome. `random` draws the jitter of a retry.
    pub fn after(
        outcome: Outcome,
        tries: Tries,
        error: &str,
        random: impl FnOnce() -> u64,
        now: Timestamp,
        policy: &RetryPolicy,
    ) -> Self {
        let failures = tries.failures + 1;
        match outcome {
            Outcome::Delivered => Self::delivered(tries.failures, now),
            Outcome::Failed | Outcome::Gone => Self::failed(error, failures, now),
            Outcome::Retry { not_before, .. } => {
                match policy.next_delay(failures, not_before, random(), now.since(tries.since)) {
                    Next::After(delay) => Self::scheduled(now.plus(delay), failures),
                    Next::Dead => {
                        Self::dead(format!("retries spent; the last attempt: {error}"), failures, now)
                    }
                }
            }
        }
    }

    /// The same beside its webhook's health after the attempt: a probe that the endpoint did not answer, or the strike
    /// that opened the circuit, waits with the others.
    #[must_use]
    pub fn beside(self, health: &Health, effect: Effect, window_ends: Timestamp) -> Self {
        let waits = matches!(health, Health::CircuitOpen { .. }) && effect == Effect::Strike;
        if waits && self.ended_at.is_none() { Self::held(window_ends, self.failures) } else { self }
    }

    /// Not attempted, because its webhook's gate is not open: while the webhook is being verified or its circuit is open,
    /// the delivery waits, as long as its window lasts; a disabled one's is dead, and can be redelivered.
    pub fn kept_back(
        health: &Health,
        gate: Gate,
        tries: Tries,
        now: Timestamp,
        policy: &RetryPolicy,
    ) -> Self {
        let window_ends = tries.end(policy);
        match gate {
            Gate::Shut => Self::dead("webhook disabled", tries.failures, now),
            Gate::Open | Gate::Held if now >= window_ends => {
                Self::dead(health.reason_of_end(), tries.failures, now)
            }
            Gate::Open | Gate::Held => Self::held(window_ends, tries.failures),
        }
    }

    /// Due at `next`.
    pub fn scheduled(next: Timestamp, failures: u32) -> Self {
        let stage = Stage::Scheduled;
        Self { stage, failures, next_attempt_at: Some(next), ended_at: None, reason: None }
    }

    /// Due at `next`, because a batch had no time for it. One that its webhook let go stays so, and counts as under way.
    pub fn deferred(released: bool, next: Timestamp, failures: u32) -> Self {
        let stage = if released { Stage::Released } else { Stage::Scheduled };
        Self { stage, ..Self::scheduled(next, failures) }
    }

    /// Waiting for its webhook, until its retry window ends.
    pub fn held(window_ends: Timestamp, failures: u32) -> Self {
        Self { stage: Stage::Held, ..Self::scheduled(window_ends, failures) }
    }

    /// Delivered.
    pub fn delivered(failures: u32, at: Timestamp) -> Self {
        let stage = Stage::Delivered;
        Self { stage, failures, next_attempt_at: None, ended_at: Some(at), reason: None }
    }

    /// Failed: the endpoint is gone, the webhook deleted, or its URL no longer allowed.
    pub fn failed(reason: impl Into<String>, failures: u32, at: Timestamp) -> Self {
        Self { stage: Stage::Failed, reason: Some(reason.into()), ..Self::delivered(failures, at) }
    }

    /// Dead: its retries are spent, or its webhook is disabled.
    pub fn dead(reason: impl Into<String>, failures: u32, at: Timestamp) -> Self {
        Self { stage: Stage::Dead, reason: Some(reason.into()), ..Self::delivered(failures, at) }
    }
}
