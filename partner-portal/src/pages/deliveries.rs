//! The page of a delivery, and sending deliveries again.

use askama::Template;
use edge::parameters::EventPath;
use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::delivery::{Delivery, DeliveryState};
use shared::event::id::EventId;
use shared::tenant::Tenant;
use shared::text::printable_json;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::badge::Badge;
use super::dashboard::{Refused, show_refused};
use super::field::Field;
use super::frame::Frame;
use super::moment::{Moment, read_field, spoken_duration};
use super::selection::{Selection, select};
use super::webhook::{own_webhook, to_dashboard};
use super::webhook_state::WebhookState;
use crate::admin_client::{AdminFault, DeliveryDetail, PersonClient, Redelivered};
use crate::count::Count;
use crate::notice::PageNotice;
use crate::paths::delivery_path;
use crate::respond::{PageResult, page, see_other_with};
use crate::visit::{SignedIn, Submitted, SubmittedTo};

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    tenant: Tenant,
    event_id: EventId,
    event_type: String,
    created: Moment,
    badge: Badge,
    explanation: String,
    /// Whether `next` is the time when the delivery is given up.
    held: bool,
    next: Option<Moment>,
    attempts: Vec<AttemptRow>,
    body: Option<String>,
    /// The path of the form that sends the event again.
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
pub async fn show(signed_in: SignedIn, EventPath(event_id): EventPath) -> PageResult {
    let admin = signed_in.admin();
    let Selection { tenant, .. } = select(&signed_in, admin.tenants().await?).await?;
    let remembered = signed_in.session.webhook_id.filter(|_| signed_in.session.org_id.is_some());
    let mut found = match remembered {
        Some(webhook_id) => find(&admin, &tenant, webhook_id, &event_id).await?,
        None => None,
    };
    if found.is_none() {
        // The person came straight here, or the first webhook is another by now.
        let first = admin.webhooks(&tenant.org_id).await?.first().map(|first| first.id);
        if let Some(first) = first.filter(|first| remembered != Some(*first)) {
            found = find(&admin, &tenant, first, &event_id).await?;
        }
    }
    let detail = found.ok_or_else(not_found)?;
    let frame = Frame::of(format!("Event {}", detail.delivery.event_type), &signed_in);
    let notice = frame.notice;
    page(StatusCode::OK, notice, &DeliveryPage::new(frame, tenant, detail, signed_in.visit.now))
}

/// Returns a delivery of the tenant's webhook, if there is one.
async fn find(
    admin: &PersonClient<'_>,
    tenant: &Tenant,
    webhook_id: WebhookId,
    event_id: &EventId,
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
        let ended = delivery.state != DeliveryState::Pending;
        let redeliver = (ended && body.is_some())
            .then(|| format!("{}/redeliver", delivery_path(delivery.event_id.as_str())));
        let badge = Badge::of_delivery(&delivery);
        let attempts = delivery.attempts.into_iter().zip(1..).map(|(attempt, number)| AttemptRow {
            number,
            at: Moment::new(attempt.at, now),
            status: attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            duration: spoken_duration(attempt.duration_milliseconds),
            // `answered 404` says no more than the status beside it.
            error: attempt.error.map(|error| error.to_string()).filter(|error| {
                !attempt.status.is_some_and(|status| error.ends_with(&format!("answered {status}")))
            }),
        });
        Self {
            frame,
            tenant,
            held: delivery.held,
            next,
            created: Moment::new(delivery.created_at, now),
            badge,
            explanation,
            attempts: attempts.collect(),
            body: body.map(|body| printable_json(&body).into_owned()),
            redeliver,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
        }
    }
}

/// Returns a sentence on the state of the delivery and what happens next.
fn explanation(delivery: &Delivery) -> String {
    let because = |outcome: &str| match &delivery.reason {
        Some(reason) => format!("{outcome}: {reason}. We do not try it again by ourselves."),
        None => format!("{outcome}. We do not try it again by ourselves."),
    };
    match delivery.state {
        DeliveryState::Delivered => "Your endpoint accepted the event.".to_owned(),
        DeliveryState::Pending if delivery.held => {
            "The event waits. We send it as soon as your endpoint is verified or answers again.".to_owned()
        }
        DeliveryState::Pending => "We will try the event again.".to_owned(),
        DeliveryState::Failed => because("The event failed"),
        DeliveryState::Dead => because("We gave the event up"),
    }
}

/// `POST /deliveries/{eventId}/redeliver`
pub async fn redeliver(SubmittedTo(submitted, EventPath(event_id)): SubmittedTo<EventPath>) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else { return Err(not_found().into()) };
    let notice = match submitted.admin().redeliver(&tenant.org_id, webhook.id, &event_id).await {
        Ok(_) if WebhookState::of(&webhook).holds_events() => PageNotice::RedeliveryWaits,
        Ok(_) => PageNotice::Redelivering,
        Err(fault) if fault.is(ErrorCode::WebhookDisabled) => PageNotice::RedeliveryRefused,
        Err(fault) if fault.is(ErrorCode::DeliveryPending) => PageNotice::StillPending,
        Err(fault) if fault.is(ErrorCode::BodyNotKept) => PageNotice::BodyNotKept,
        Err(AdminFault::Refused(_)) => return Err(not_found().into()),
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with(&delivery_path(event_id.as_str()), notice))
}

/// `POST /deliveries/redeliver`: sends again all deliveries that failed since a time, in UTC.
pub async fn redeliver_since(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let typed = submitted.field("since");
    let Some(since) = read_field(typed) else {
        let fault = "Choose a date and a time, both in UTC.".to_owned();
        let field = Field::new(typed).with_fault("The time", Some(fault));
        return show_refused(&submitted, Refused::Since(field)).await;
    };
    let asked = submitted.admin().redeliver_since(&tenant.org_id, webhook.id, since).await;
    to_dashboard(match asked {
        Ok(Redelivered { count, .. }) if count > 0 && WebhookState::of(&webhook).holds_events() => {
            Ok(PageNotice::RedeliveriesWait)
        }
        Ok(Redelivered { count, more }) => Ok(PageNotice::RedeliveringMany(Count { number: count, more })),
        Err(fault) if fault.is(ErrorCode::WebhookDisabled) => Ok(PageNotice::RedeliveryRefused),
        Err(fault) => Err(fault),
    })
}

fn not_found() -> Problem {
    let message = "Your webhook has no event with this id. Events are kept for 30 days.";
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::DeliveryNotFound, message)
}
