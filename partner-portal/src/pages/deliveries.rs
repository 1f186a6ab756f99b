//! One delivery, and sending deliveries again.

use askama::Template;
use edge::parameters::EventPath;
use edge::problem::Problem;
use http::StatusCode;
use shared::delivery::DeliveryState;
use shared::time::Timestamp;

use super::Frame;
use super::moment::{Moment, read_field, spoken_duration};
use super::notice::Notice;
use super::respond::{Answered, noticed, page, see_other, see_other_with};
use super::standing::{Standing, standing};
use super::webhook::{Own, answered, own_webhook};
use super::webhook_card::Outcome;
use crate::admin_client::{AdminFault, DeliveryDetail};
use crate::paths::path_segment;
use crate::visit::{SignedIn, Submitted};

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    event_id: String,
    event_type: String,
    created: Moment,
    outcome: Outcome,
    explanation: String,
    attempts: Vec<AttemptRow>,
    body: Option<String>,
    redeliver: Option<String>,
}

struct AttemptRow {
    number: usize,
    at: Moment,
    status: String,
    duration: String,
    error: Option<String>,
}

/// `GET /deliveries/{eventId}`
pub async fn show(SignedIn { visit, session }: SignedIn, EventPath(event_id): EventPath) -> Answered {
    let admin = visit.admin(&session);
    let tenant = match standing(&visit, &session, admin.tenants().await?).await? {
        Standing::Chosen { tenant, .. } => tenant,
        Standing::Elsewhere(page) => return Ok(see_other(page)),
    };
    // The session remembers the webhook, unless the person came straight here.
    let webhook_id = match session.webhook_id.clone().filter(|_| session.org_id.is_some()) {
        Some(webhook_id) => Some(webhook_id),
        None => admin.webhooks(&tenant.org_id).await?.into_iter().next().map(|webhook| webhook.id),
    };
    let webhook_id = webhook_id.ok_or_else(not_found)?;
    let detail = match admin.delivery(&tenant.org_id, &webhook_id, &event_id).await {
        Ok(detail) => detail,
        Err(AdminFault::Refused(_)) => return Err(not_found()),
        Err(fault) => return Err(fault.into()),
    };
    let frame = Frame::of(format!("Event {}", detail.delivery.event_type), &visit, &session);
    let notice = frame.notice;
    Ok(noticed(page(StatusCode::OK, &DeliveryPage::new(frame, detail, visit.now))?, notice.as_ref()))
}

impl DeliveryPage {
    fn new(frame: Frame, detail: DeliveryDetail, now: Timestamp) -> Self {
        let DeliveryDetail { delivery, body } = detail;
        let explanation = match delivery.state {
            DeliveryState::Delivered => "Your endpoint took it.".to_owned(),
            DeliveryState::Pending => match delivery.next_attempt_at {
                Some(next) if next > now => {
                    format!("It will be tried again {}.", Moment::new(next, now).distance)
                }
                _ => "It will be tried again at any moment.".to_owned(),
            },
            DeliveryState::Failed => {
                let reason = delivery.reason.as_deref().map(|reason| format!(" ({reason})"));
                format!(
                    "It was refused for good{}, so it is not tried again by itself.",
                    reason.unwrap_or_default()
                )
            }
            DeliveryState::Dead => {
                "It was tried for 72 hours without success, so it is not tried again by itself.".to_owned()
            }
        };
        let ended = matches!(delivery.state, DeliveryState::Failed | DeliveryState::Dead);
        let redeliver = (ended && body.is_some())
            .then(|| format!("/deliveries/{}/redeliver", path_segment(&delivery.event_id)));
        let outcome = Outcome::of_delivery(&delivery);
        let attempts = delivery.attempts.into_iter().zip(1..).map(|(attempt, number)| AttemptRow {
            number,
            at: Moment::new(attempt.at, now),
            status: attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            duration: spoken_duration(attempt.duration_milliseconds),
            // The status says as much.
            error: attempt.error.filter(|error| {
                !attempt.status.is_some_and(|status| error.ends_with(&format!("answered {status}")))
            }),
        });
        Self {
            frame,
            created: Moment::new(delivery.created_at, now),
            outcome,
            explanation,
            attempts: attempts.collect(),
            body,
            redeliver,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
        }
    }
}

/// `POST /deliveries/{eventId}/redeliver`
pub async fn redeliver(EventPath(event_id): EventPath, submitted: Submitted) -> Answered {
    let (org_id, webhook) = match own_webhook(&submitted).await? {
        Own::Webhook { org_id, webhook: Some(webhook) } => (org_id, webhook),
        Own::Webhook { webhook: None, .. } => return Err(not_found()),
        Own::Elsewhere(page) => return Ok(see_other(page)),
    };
    let admin = submitted.visit.admin(&submitted.session);
    let notice = match admin.redeliver(&org_id, &webhook.id, &event_id).await {
        Ok(_) => Notice::Redelivering,
        Err(fault) if fault.is("delivery_pending") => Notice::StillPending,
        Err(fault) if fault.is("body_not_kept") => Notice::BodyNotKept,
        Err(AdminFault::Refused(_)) => return Err(not_found()),
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with(&format!("/deliveries/{}", path_segment(&event_id)), notice))
}

/// `POST /deliveries/redeliver`: all that failed since a chosen time, in UTC.
pub async fn redeliver_since(submitted: Submitted) -> Answered {
    let Some(since) = read_field(submitted.field("since")) else {
        return Ok(see_other_with("/dashboard", Notice::NotATime));
    };
    let (org_id, webhook) = match own_webhook(&submitted).await? {
        Own::Webhook { org_id, webhook: Some(webhook) } => (org_id, webhook),
        Own::Webhook { webhook: None, .. } => return Ok(see_other_with("/dashboard", Notice::NoWebhook)),
        Own::Elsewhere(page) => return Ok(see_other(page)),
    };
    let admin = submitted.visit.admin(&submitted.session);
    let asked = admin.redeliver_since(&org_id, &webhook.id, since).await;
    answered(asked.map(|redelivered| Notice::RedeliveringMany(redelivered.count)))
}

fn not_found() -> Problem {
    let message = "Your webhook has no event with this id. Events are kept for 30 days.";
    Problem::new(StatusCode::NOT_FOUND, "delivery_not_found", message)
}
