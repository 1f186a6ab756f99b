//! The dashboard's third card: the webhook and what became of events.

use shared::delivery::outcome::{self, outcome_of_status};
use shared::delivery::{Delivery, DeliveryState};
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;

use super::chart::Chart;
use super::moment::{Moment, spoken_duration};
use crate::admin_client::{Summary, Webhook};
use crate::paths::path_segment;

/// The webhook that the partner manages.
pub struct WebhookView {
    /// Where to.
    pub url: String,
    /// In words.
    pub status: &'static str,
    /// The stylesheet's name of it.
    pub kind: &'static str,
    /// What that means, and what to do.
    pub explanation: String,
    /// Since when events wait for its endpoint to answer again.
    pub held_since: Option<Moment>,
    /// Whether a test event would be sent.
    pub testable: bool,
    /// What the button says that has the endpoint tried again; absent while there is nothing to try.
    pub verify: Option<&'static str>,
    /// When the endpoint answered a challenge.
    pub verified: Option<Moment>,
    /// When an event last arrived.
    pub delivered: Option<Moment>,
    /// When an attempt last failed, and how.
    pub error: Option<(Moment, String)>,
}

impl WebhookView {
    /// `webhook` as seen `now`.
    pub fn new(webhook: Webhook, now: Timestamp) -> Self {
        let moment = |time: Option<Timestamp>| time.map(|time| Moment::new(time, now));
        let (status, kind, verify) = match webhook.status {
            WebhookStatus::Active if webhook.circuit_opened_at.is_some() => {
                ("Active, on hold", "waiting", None)
            }
            WebhookStatus::Active if webhook.consecutive_failures > 0 => {
                ("Active, but failing", "waiting", None)
            }
            WebhookStatus::Active => ("Active", "good", None),
            WebhookStatus::Pending => ("Verifying", "waiting", Some("Try again now")),
            WebhookStatus::Disabled => ("Disabled", "bad", Some("Verify and enable")),
        };
        let explanation = explanation(&webhook);
        let testable = webhook.status != WebhookStatus::Disabled;
        let error = webhook.last_error_at.map(|at| {
            let message = webhook.last_error_message.unwrap_or_else(|| "failed".to_owned());
            // Most messages name the status themselves.
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
            status,
            kind,
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

/// What a webhook's status means, and what to do.
fn explanation(webhook: &Webhook) -> String {
    let attempts = match webhook.consecutive_failures {
        1 => "The last attempt".to_owned(),
        count => format!("The last {count} attempts"),
    };
    let refused = webhook.last_error_status.is_some_and(is_refusal);
    match webhook.status {
        WebhookStatus::Active if webhook.circuit_opened_at.is_some() => {
            "The endpoint failed time after time, so events wait and we try it with one of them, again and again. As \
             soon as it takes one, the others follow."
                .to_owned()
        }
        WebhookStatus::Active if webhook.consecutive_failures > 0 && refused => format!(
            "{attempts} failed. What an endpoint refuses is not tried again: put it right, then send the failed events \
             again below."
        ),
        WebhookStatus::Active if webhook.consecutive_failures > 0 => format!(
            "{attempts} failed. Events that do not arrive are tried again for 72 hours: put the endpoint right, and they \
             come by themselves."
        ),
        WebhookStatus::Active => "Events are sent to this endpoint.".to_owned(),
        WebhookStatus::Pending => {
            "We send the endpoint a challenge, for 72 hours. As soon as it answers with a 2xx status, the webhook is \
             active and the events that wait go out."
                .to_owned()
        }
        WebhookStatus::Disabled => {
            let reason = webhook.disabled_reason.as_deref().map(|reason| format!(": {reason}"));
            format!(
                "Nothing is sent{}. Put the endpoint right, then have it verified here, or set another URL. The events \
                 that failed can be sent again below.",
                reason.unwrap_or_default()
            )
        }
    }
}

/// Whether an endpoint that answers so is not asked again.
fn is_refusal(status: u16) -> bool {
    matches!(outcome_of_status(status, None), outcome::Outcome::Failed | outcome::Outcome::Gone)
}

/// What became of events.
pub enum Log {
    /// There is no webhook that they could go to.
    NoWebhook,
    /// The Admin API could not say.
    Unavailable,
    /// The log.
    Shown(Box<ShownLog>),
}

/// The last day, and the newest deliveries.
pub struct ShownLog {
    /// The last day.
    pub chart: Chart,
    /// The newest deliveries.
    pub latest: Vec<DeliveryRow>,
}

/// One delivery in the list.
pub struct DeliveryRow {
    /// Its page.
    pub href: String,
    /// `detail-type`.
    pub event_type: String,
    /// When the event came.
    pub created: Moment,
    /// How it stands.
    pub outcome: Outcome,
    /// How long the last attempt took.
    pub duration: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// How a delivery stands, in a word.
pub struct Outcome {
    /// The word.
    pub word: &'static str,
    /// The stylesheet's name of it.
    pub kind: &'static str,
}

impl Outcome {
    /// The word for a state.
    pub fn of(state: DeliveryState) -> Self {
        let (word, kind) = match state {
            DeliveryState::Pending => ("Retrying", "waiting"),
            DeliveryState::Delivered => ("Delivered", "good"),
            DeliveryState::Failed => ("Failed", "bad"),
            DeliveryState::Dead => ("Gave up", "bad"),
        };
        Self { word, kind }
    }

    /// The word for a delivery: one that was never tried only waits.
    pub fn of_delivery(delivery: &Delivery) -> Self {
        if delivery.state == DeliveryState::Pending && delivery.attempts.is_empty() {
            return Self { word: "Waiting", kind: "waiting" };
        }
        Self::of(delivery.state)
    }
}

impl Log {
    /// `summary` as seen `now`.
    pub fn new(summary: Summary, now: Timestamp) -> Self {
        let chart = Chart::draw(&summary);
        let latest = summary.latest.into_iter().map(|delivery| DeliveryRow {
            href: format!("/deliveries/{}", path_segment(&delivery.event_id)),
            created: Moment::new(delivery.created_at, now),
            outcome: Outcome::of_delivery(&delivery),
            duration: delivery.attempts.last().map(|attempt| spoken_duration(attempt.duration_milliseconds)),
            error: delivery.attempts.last().and_then(|attempt| attempt.error.clone()),
            event_type: delivery.event_type,
        });
        Self::Shown(Box::new(ShownLog { chart, latest: latest.collect() }))
    }
}
