//! One delivery, and sending deliveries again.

use askama::Template;
use edge::parameters::EventPath;
use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::delivery::{Delivery, DeliveryState};
use shared::time::Timestamp;

use super::Frame;
use super::dashboard::{RefusedField, show_refused};
use super::moment::{Moment, read_field, spoken_duration};
use super::notice::Notice;
use super::respond::{Answered, noticed, page, see_other_with};
use super::standing::{Standing, standing};
use super::webhook::{answered, own_webhook};
use super::webhook_card::Outcome;
use crate::admin_client::{AdminFault, DeliveryDetail, PersonClient, Tenant};
use crate::paths::path_segment;
use crate::visit::{SignedIn, Submitted};

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    tenant: Tenant,
    event_id: String,
    event_type: String,
    created: Moment,
    outcome: Outcome,
    explanation: String,
    /// Whether the next moment is when it will be given up.
    held: bool,
    next: Option<Moment>,
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
    let Standing { tenant, .. } = standing(&visit, &session, admin.tenants().await?).await?;
    let remembered = session.webhook_id.as_deref().filter(|_| session.org_id.is_some());
    let found = match remembered {
        Some(webhook_id) => find(&admin, &tenant, webhook_id, &event_id).await?,
        None => None,
    };
    // The person came straight here, or the first webhook is another by now.
    let found = match found {
        Some(detail) => Some(detail),
        None => match admin.webhooks(&tenant.org_id).await?.first() {
            Some(first) if remembered != Some(first.id.as_str()) => {
                find(&admin, &tenant, &first.id, &event_id).await?
            }
            _ => None,
        },
    };
    let detail = found.ok_or_else(not_found)?;
    let frame = Frame::of(format!("Event {}", detail.delivery.event_type), &visit, &session);
    let notice = frame.notice;
    let shown = DeliveryPage::new(frame, tenant, detail, visit.now);
    Ok(noticed(page(StatusCode::OK, &shown)?, notice.as_ref()))
}

/// A delivery of a webhook of the tenant's, if there is one.
async fn find(
    admin: &PersonClient<'_>,
    tenant: &Tenant,
    webhook_id: &str,
    event_id: &str,
) -> Result<Option<DeliveryDetail>, AdminFault> {
    match admin.delivery(&tenant.org_id, webhook_id, event_id).await {
        Ok(detail) => Ok(Some(detail)),
        Err(AdminFault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl DeliveryPage {
    fn new(frame: Frame, tenant: Tenant, detail: DeliveryDetail, now: Timestamp) -> Self {
        let DeliveryDetail { delivery, body } = detail;
        let explanation = explanation(&delivery);
        let next = delivery.next_attempt_at.filter(|next| *next > now).map(|next| Moment::new(next, now));
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
            tenant,
            held: delivery.held,
            next,
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

/// How it stands, and what comes of it, in a sentence.
fn explanation(delivery: &Delivery) -> String {
    let because = |otherwise: &str| match &delivery.reason {
        Some(reason) => format!("{otherwise}: {reason}. It is not tried again by itself."),
        None => format!("{otherwise}. It is not tried again by itself."),
    };
    match delivery.state {
        DeliveryState::Delivered => "Your endpoint took it.".to_owned(),
        DeliveryState::Pending if delivery.held => {
            "It is held back, and goes out as soon as your endpoint is verified or answers again.".to_owned()
        }
        DeliveryState::Pending => "It will be tried again.".to_owned(),
        DeliveryState::Failed => because("It was refused for good"),
        DeliveryState::Dead => because("It was given up"),
    }
}

/// `POST /deliveries/{eventId}/redeliver`
pub async fn redeliver(EventPath(event_id): EventPath, submitted: Submitted) -> Answered {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else { return Err(not_found().into()) };
    let admin = submitted.visit.admin(&submitted.session);
    let notice = match admin.redeliver(&tenant.org_id, &webhook.id, &event_id).await {
        Ok(_) => Notice::Redelivering,
        Err(fault) if fault.is("delivery_pending") => Notice::StillPending,
        Err(fault) if fault.is("body_not_kept") => Notice::BodyNotKept,
        Err(AdminFault::Refused(_)) => return Err(not_found().into()),
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with(&format!("/deliveries/{}", path_segment(&event_id)), notice))
}

/// `POST /deliveries/redeliver`: all that failed since a chosen time, in UTC.
pub async fn redeliver_since(submitted: Submitted) -> Answered {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", Notice::NoWebhook));
    };
    let typed = submitted.field("since");
    let Some(since) = read_field(typed) else {
        let fault = "Choose a date and a time, both in UTC.".to_owned();
        return show_refused(&submitted, RefusedField { name: "since", value: typed.to_owned(), fault })
            .await;
    };
    let admin = submitted.visit.admin(&submitted.session);
    let asked = admin.redeliver_since(&tenant.org_id, &webhook.id, since).await;
    answered(asked.map(|redelivered| Notice::RedeliveringMany(redelivered.count)))
}

fn not_found() -> Problem {
    let message = "Your webhook has no event with this id. Events are kept for 30 days.";
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::DeliveryNotFound, message)
}
