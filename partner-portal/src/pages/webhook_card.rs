//! The dashboard's third card: the webhook.

use shared::delivery::outcome::{Outcome, outcome_of_status};
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;

use super::badge::Badge;
use super::moment::Moment;
use crate::admin_client::Webhook;

/// A webhook, as the dashboard shows it.
pub struct WebhookView {
    /// The URL that events are sent to.
    pub url: String,
    /// The webhook's state.
    pub badge: Badge,
    /// What the state means, and what to do.
    pub explanation: String,
    /// The time since when events wait for the endpoint to answer again.
    pub held_since: Option<Moment>,
    /// Whether the webhook takes test events.
    pub testable: bool,
    /// The label of the button that has the endpoint verified; absent while there is nothing to verify.
    pub verify: Option<&'static str>,
    /// The time when the endpoint answered a challenge.
    pub verified: Option<Moment>,
    /// The time when an event last arrived.
    pub delivered: Option<Moment>,
    /// The time and the error of the last attempt that failed.
    pub error: Option<(Moment, String)>,
}

impl WebhookView {
    /// Shows `webhook` as of `now`.
    pub fn new(webhook: Webhook, now: Timestamp) -> Self {
        let moment = |time: Option<Timestamp>| time.map(|time| Moment::new(time, now));
        let attempts = match webhook.consecutive_failures {
            1 => "The last attempt".to_owned(),
            count => format!("The last {count} attempts"),
        };
        let (word, kind, verify, explanation) = match webhook.status {
            WebhookStatus::Active if webhook.circuit_opened_at.is_some() => (
                "Active, on hold",
                "waiting",
                None,
                "The endpoint failed several times in a row, so your events wait. We try the endpoint with one event again \
                 and again; as soon as it answers, we send the others."
                    .to_owned(),
            ),
            WebhookStatus::Active if webhook.consecutive_failures > 0 => (
                "Active, but failing",
                "waiting",
                None,
                if webhook.last_error_status.is_some_and(is_refusal) {
                    format!(
                        "{attempts} failed. We do not try an event again that the endpoint refused. Put the endpoint \
                         right, then send the failed events again below."
                    )
                } else {
                    format!(
                        "{attempts} failed. Events that do not arrive are tried again for 72 hours. Put the endpoint \
                         right, and they come by themselves."
                    )
                },
            ),
            WebhookStatus::Active => ("Active", "good", None, "Events are sent to this endpoint.".to_owned()),
            WebhookStatus::Pending => (
                "Verifying",
                "waiting",
                Some("Try again now"),
                "We send the endpoint a challenge again and again, for 72 hours. As soon as the endpoint answers with a \
                 2xx status, the webhook is active and we send the events that wait."
                    .to_owned(),
            ),
            WebhookStatus::Disabled => {
                let reason = webhook.disabled_reason.as_deref().map(|reason| format!(": {reason}"));
                let explanation = format!(
                    "Nothing is sent{}. Put the endpoint right, then verify and enable it here, or set another URL. Then \
                     you can send the failed events again below.",
                    reason.unwrap_or_default()
                );
                ("Disabled", "bad", Some("Verify and enable"), explanation)
            }
        };
        let testable = webhook.status != WebhookStatus::Disabled;
        let error = webhook.last_error_at.map(|at| {
            let message = webhook.last_error_message.unwrap_or_else(|| "failed".to_owned());
            // Most messages contain the status already.
            let text = match webhook.last_error_status {
                Some(status) if !message.contains(&status.to_string()) => {
                    format!("{message} (status {status})")
                }
                _ => message,
            };
            (Moment::new(at, now), text)
        });
        Self {
            url: webhook.url,
            badge: Badge { word, kind },
            explanation,
            held_since: moment(webhook.circuit_opened_at),
            testable,
            verify,
            verified: moment(webhook.verified_at),
            delivered: moment(webhook.last_delivered_at),
            error,
        }
    }
}

/// Returns whether an endpoint refuses an event for good with this status.
fn is_refusal(status: u16) -> bool {
    matches!(outcome_of_status(status, None), Outcome::Failed | Outcome::Gone)
}
