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
