//! How a delivery stands: its stage, and what goes with it.

use serde::{Deserialize, Serialize};

use super::DeliveryState;
use crate::time::Timestamp;

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

impl Standing {
    /// Due at `next`.
    pub fn scheduled(next: Timestamp, failures: u32) -> Self {
        let stage = Stage::Scheduled;
        Self { stage, failures, next_attempt_at: Some(next), ended_at: None, reason: None }
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
