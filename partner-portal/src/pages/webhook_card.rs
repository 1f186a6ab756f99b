//! The dashboard's third card: the webhook.

use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::badge::Badge;
use super::breakable::breakable_url;
use super::moment::Moment;
use super::webhook_state::WebhookState;
use crate::admin_client::Webhook;
use crate::count::Count;

/// A webhook, as the dashboard shows it.
pub struct WebhookView {
    /// The webhook's id.
    pub id: WebhookId,
    /// The URL that events are sent to, as HTML.
    pub url: String,
    /// The webhook's state.
    pub badge: Badge,
    /// What the state means, and what to do.
    pub explanation: String,
    /// The circuit, while it is open.
    pub circuit: Option<OpenCircuit>,
    /// The number of events that wait for the endpoint; absent if none does and the circuit is closed.
    pub waiting: Option<Count>,
    /// Whether the webhook takes test events.
    pub testable: bool,
    /// The label of the button that has the endpoint tried now; absent while there is nothing to try.
    pub verify: Option<&'static str>,
    /// The time when the endpoint answered a challenge.
    pub verified: Option<Moment>,
    /// Whether the endpoint has to answer a challenge before events are sent.
    pub needs_verification: bool,
    /// The time when an event last arrived.
    pub delivered: Option<Moment>,
    /// The time and the error of the last attempt that failed.
    pub error: Option<(Moment, String)>,
}

/// An open circuit.
pub struct OpenCircuit {
    /// The time when the circuit opened.
    pub since: Moment,
    /// The time when the endpoint is tried next; absent if that is now.
    pub next_try: Option<Moment>,
}

/// What the card says of a webhook's state.
struct StateText {
    badge: Badge,
    explanation: String,
    circuit: Option<OpenCircuit>,
    verify: Option<&'static str>,
    testable: bool,
    needs_verification: bool,
}

impl WebhookView {
    /// Shows `webhook` as of `now`.
    pub fn new(webhook: Webhook, now: Timestamp) -> Self {
        let moment = |time: Option<Timestamp>| time.map(|time| Moment::new(time, now));
        let state = WebhookState::of(&webhook);
        let waiting = Count { number: webhook.held_count, more: webhook.held_more };
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
        let StateText { badge, explanation, circuit, verify, testable, needs_verification } =
            tell(state, now);
        // What was verified before is another URL, or the endpoint as it was before it failed.
        let verified = webhook.verified_at.filter(|_| !needs_verification);
        Self {
            id: webhook.id,
            url: breakable_url(&webhook.url),
            badge,
            explanation,
            waiting: (waiting.number > 0 || circuit.is_some()).then_some(waiting),
            circuit,
            testable,
            verify,
            needs_verification,
            verified: moment(verified),
            delivered: moment(webhook.last_delivered_at),
            error,
        }
    }
}

/// Says what a state means, and what to do.
fn tell(state: WebhookState, now: Timestamp) -> StateText {
    let told = |word, kind, verify, explanation: &str| StateText {
        badge: Badge { word, kind },
        explanation: explanation.to_owned(),
        circuit: None,
        verify,
        testable: true,
        needs_verification: false,
    };
    match state {
        WebhookState::Well => told("Active", "good", None, "Events are sent to this endpoint."),
        WebhookState::Failing { attempts } => {
            let attempts = match attempts {
                1 => "The last attempt".to_owned(),
                count => format!("The last {count} attempts"),
            };
            let explanation = format!(
                "{attempts} failed. Events that do not arrive are tried again for 72 hours. Repair the endpoint, and \
                 they arrive by themselves."
            );
            told("Active, but failing", "waiting", None, &explanation)
        }
        WebhookState::CircuitOpen { since, next_try } => StateText {
            circuit: Some(OpenCircuit {
                since: Moment::new(since, now),
                next_try: next_try.filter(|next| *next > now).map(|next| Moment::new(next, now)),
            }),
            ..told(
                "Active, on hold",
                "waiting",
                Some("Try now"),
                "Your endpoint failed several times in a row, so your events wait. We try the endpoint with one event at a \
                 time. As soon as it accepts one, we send the others: a few at first, then faster. After 72 hours we give \
                 an event up; you can send it again later.",
            )
        },
        WebhookState::Verifying => StateText {
            needs_verification: true,
            ..told(
                "Verifying",
                "waiting",
                Some("Try again now"),
                "Your endpoint has to answer a challenge first: a signed POST request, like that of an event. As soon as \
                 the endpoint answers with a 2xx status, the webhook is active and we send the events that wait. We try \
                 for 72 hours.",
            )
        },
        WebhookState::Disabled { reason } => {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            let explanation = format!(
                "We send nothing{reason}. Repair the endpoint and press “Verify and enable”, or change the URL. Then send \
                 the failed events again under Deliveries."
            );
            StateText {
                testable: false,
                needs_verification: true,
                ..told("Disabled", "bad", Some("Verify and enable"), &explanation)
            }
        }
    }
}
