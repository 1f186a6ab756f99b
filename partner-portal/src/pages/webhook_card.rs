//! The dashboard's third card: the webhook and what became of events.

use shared::delivery::{Delivery, DeliveryState};
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;

use super::chart::Chart;
use super::moment::{Moment, spoken_duration};
use crate::admin_client::{Summary, Webhook};
use crate::paths::path_segment;

/// A day, for the field that asks since when to send again.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// The form of the URL, as it is shown.
pub struct UrlForm {
    /// What stands in the field.
    pub value: String,
    /// What is wrong with it.
    pub fault: Option<String>,
}

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
        let explained = |text: &str| text.to_owned();
        let (status, kind, explanation, verify) = match webhook.status {
            WebhookStatus::Active if webhook.consecutive_failures > 0 => {
                let attempts = match webhook.consecutive_failures {
                    1 => "The last attempt".to_owned(),
                    count => format!("The last {count} attempts"),
                };
                let text = "failed. Events that do not arrive are tried again for 72 hours: put the endpoint right, \
                            and they come by themselves.";
                ("Active, but failing", "waiting", format!("{attempts} {text}"), None)
            }
            WebhookStatus::Active => ("Active", "good", explained("Events are sent to this endpoint."), None),
            WebhookStatus::Pending => (
                "Verifying",
                "waiting",
                explained(
                    "The URL is new, so we send it a challenge. As soon as the endpoint answers with a 2xx status, \
                     the webhook is active and the events that wait go out. We go on trying for 72 hours.",
                ),
                Some("Try again now"),
            ),
            WebhookStatus::Disabled => (
                "Disabled",
                "bad",
                explained(
                    "Nothing is sent: the endpoint failed for five days, or answered 410 Gone. Put it right, then \
                     have it verified here, or set another URL. The events that failed can be sent again below.",
                ),
                Some("Verify and enable"),
            ),
        };
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
            verify,
            verified: moment(webhook.verified_at),
            delivered: moment(webhook.last_delivered_at),
            error,
        }
    }
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
    /// What stands in the field that asks since when: a day ago.
    pub since: String,
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
        Self::Shown(Box::new(ShownLog {
            chart,
            latest: latest.collect(),
            since: Moment::field(now.minus(DAY)),
        }))
    }
}
