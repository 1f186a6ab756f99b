//! The state of a webhook, as the pages tell it.

use shared::time::Timestamp;
use shared::webhook::WebhookStatus;

use crate::admin_client::Webhook;

/// The state of a webhook. Whatever depends on the state, on a page or in a form's handler, matches on this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// The endpoint has to answer a challenge first. Events wait.
    Verifying,
    /// Events are sent, and arrive.
    Well,
    /// Events are sent, but attempts failed since the last event arrived.
    Failing {
        /// The number of these attempts.
        attempts: u32,
    },
    /// The endpoint stopped answering. Events wait, and one at a time is sent to try the endpoint.
    CircuitOpen {
        /// The time since when events wait.
        since: Timestamp,
        /// The time when the endpoint is tried next.
        next_try: Option<Timestamp>,
    },
    /// Nothing is sent.
    Disabled {
        /// The reason, if it is known.
        reason: Option<String>,
    },
}

impl WebhookState {
    /// Returns the state of `webhook`.
    pub fn of(webhook: &Webhook) -> Self {
        match (webhook.status, webhook.circuit_opened_at) {
            (WebhookStatus::Pending, _) => Self::Verifying,
            (WebhookStatus::Disabled, _) => Self::Disabled { reason: webhook.disabled_reason.clone() },
            (WebhookStatus::Active, Some(since)) => {
                Self::CircuitOpen { since, next_try: webhook.next_probe_at }
            }
            (WebhookStatus::Active, None) if webhook.consecutive_failures > 0 => {
                Self::Failing { attempts: webhook.consecutive_failures }
            }
            (WebhookStatus::Active, None) => Self::Well,
        }
    }

    /// Returns whether an event that is sent now waits for the endpoint first.
    pub fn holds_events(&self) -> bool {
        match self {
            Self::Verifying | Self::CircuitOpen { .. } => true,
            Self::Well | Self::Failing { .. } | Self::Disabled { .. } => false,
        }
    }
}

/// What came of trying an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The endpoint has not answered yet.
    UnderWay,
    /// The endpoint accepted the challenge or the event.
    Well,
    /// The endpoint did not.
    InVain,
}

impl Tried {
    /// Returns what came of trying the endpoint of `webhook` at the time `since`.
    pub fn of(webhook: &Webhook, since: Timestamp) -> Self {
        match WebhookState::of(webhook) {
            WebhookState::Well | WebhookState::Failing { .. } => Self::Well,
            WebhookState::Disabled { .. } => Self::InVain,
            WebhookState::Verifying | WebhookState::CircuitOpen { .. } => {
                if webhook.last_error_at.is_some_and(|at| at >= since) {
                    Self::InVain
                } else {
                    Self::UnderWay
                }
            }
        }
    }
}
