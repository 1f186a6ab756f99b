//! The page of a delivery.

use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use edge::parameters::EventPath;
use edge::problem::Problem;
use futures_util::join;
use http::StatusCode;
use serde_json::Value;
use shared::code::ErrorCode;
use shared::delivery::{Attempt, Delivery, DeliveryState};
use shared::event::id::EventId;
use shared::tenant::Tenant;
use shared::text::printable_json;
use shared::time::Timestamp;
use shared::webhook::authentication::Authentication;
use shared::webhook::id::WebhookId;

use super::badge::Badge;
use super::breakable::{breakable, breakable_url};
use super::delivery_log::page_path;
use super::elsewhere;
use super::frame::{Frame, Renewal};
use super::moment::{Moment, spoken_duration};
use super::selection::select;
use super::webhook_state::WebhookState;
use crate::admin_client::{AdminFault, DeliveryDetail, DeliveryToWebhook, PersonClient, Webhook};
use crate::json_layout::lay_out;
use crate::paths::{STILL_FIELD, WEBHOOK_FIELD, delivery_path, with_query};
use crate::respond::{PageResult, page};
use crate::visit::SignedIn;

/// In place of what only the endpoint may know.
const BLANKED: &str = "••••••••";
/// A body with more lines than this scrolls within the page.
const TALL: usize = 24;

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    tenant: Tenant,
    event_id: EventId,
    event_type: String,
    is_test: bool,
    /// The time that the event itself names, if its body is kept.
    happened: Option<Moment>,
    received: Moment,
    badge: Badge,
    explanation: String,
    /// Whether `next` is the time when the delivery is given up.
    held: bool,
    next: Option<Moment>,
    attempts: Vec<AttemptRow>,
    was_sent: bool,
    ended: bool,
    /// The URL, as HTML.
    url: String,
    headers: Vec<(String, String)>,
    body: Option<ShownBody>,
    /// The id of the webhook, unless it is the organization's first.
    webhook: Option<WebhookId>,
    redelivery: Redelivery,
}

/// Whether the event can be sent again.
enum Redelivery {
    /// It is still under way.
    NotYet,
    /// The webhook is disabled.
    Disabled,
    /// Its body is kept no longer.
    NoBody,
    /// The path of the form.
    Offered(String),
}

struct AttemptRow {
    number: usize,
    at: Moment,
    status: String,
    duration: String,
    error: Option<String>,
    /// The beginning of the endpoint's answer.
    excerpt: Option<String>,
}

struct ShownBody {
    text: String,
    is_tall: bool,
}

/// `GET /deliveries/{eventId}`
pub async fn show(
    signed_in: SignedIn,
    EventPath(event_id): EventPath,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let wanted = query.get(WEBHOOK_FIELD).and_then(|id| id.parse::<WebhookId>().ok());
    let admin = signed_in.admin();
    let tenants = admin.tenants().await?;
    let tenant = select(&signed_in, &tenants).await?;
    let found = find(&admin, &tenant, wanted, &event_id).await?;
    let Some(Found { webhook, is_first, detail }) = found else {
        return elsewhere::offer(&signed_in, &tenants, &tenant, &event_id, not_found()).await;
    };
    let now = signed_in.visit.now;
    let other = (!is_first).then_some(webhook.id);
    let frame = Frame::of(format!("Event {}", detail.delivery.event_type), &signed_in);
    let seconds = renewal(&detail.delivery, now).filter(|_| !query.contains_key(STILL_FIELD));
    let still = with_query(
        &delivery_path(event_id.as_str()),
        &[(WEBHOOK_FIELD, query.get(WEBHOOK_FIELD).map_or("", String::as_str)), (STILL_FIELD, "1")],
    );
    let until = "the event is delivered or has failed";
    let frame = frame.renewed(seconds.map(|seconds| Renewal { seconds, still, until }));
    let notice = frame.notice;
    page(StatusCode::OK, notice, &DeliveryPage::new(frame, tenant, &webhook, other, detail, now))
}

/// A delivery and its webhook.
struct Found {
    webhook: Webhook,
    /// Whether the webhook is the organization's first.
    is_first: bool,
    detail: DeliveryDetail,
}

/// Returns a delivery of one of the organization's webhooks: of the one that is `wanted`, or else of the first that has
/// the event.
async fn find(
    admin: &PersonClient<'_>,
    tenant: &Tenant,
    wanted: Option<WebhookId>,
    event_id: &EventId,
) -> Result<Option<Found>, AdminFault> {
    let org_id = tenant.org_id.as_str();
    let Some((webhooks, place)) = locate(admin, org_id, wanted, event_id).await? else { return Ok(None) };
    let first = webhooks.first().map(|webhook| webhook.id);
    match admin.delivery(org_id, place.webhook_id, &place.event_id).await {
        Ok(detail) => {
            let webhook = webhooks.into_iter().find(|webhook| webhook.id == place.webhook_id);
            Ok(webhook.map(|webhook| Found { is_first: Some(webhook.id) == first, webhook, detail }))
        }
        // An admin deleted the webhook a moment ago.
        Err(AdminFault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Returns the webhooks of the organization and the delivery of an event to one of them, as [`place_of`] chooses the delivery.
pub(super) async fn locate(
    admin: &PersonClient<'_>,
    org_id: &str,
    wanted: Option<WebhookId>,
    event_id: &EventId,
) -> Result<Option<(Vec<Webhook>, DeliveryToWebhook)>, AdminFault> {
    let (webhooks, deliveries) = join!(admin.webhooks(org_id), admin.event(org_id, event_id));
    let (webhooks, deliveries) = (webhooks?, deliveries?);
    let place = place_of(&webhooks, &deliveries, wanted).cloned();
    Ok(place.map(|place| (webhooks, place)))
}

/// Returns the first of an event's deliveries whose webhook is among `webhooks` and is the one that is `wanted`, if one is.
pub(super) fn place_of<'a>(
    webhooks: &[Webhook],
    deliveries: &'a [DeliveryToWebhook],
    wanted: Option<WebhookId>,
) -> Option<&'a DeliveryToWebhook> {
    let mut places = deliveries.iter().filter(|place| webhooks.iter().any(|one| one.id == place.webhook_id));
    places.find(|place| wanted.is_none_or(|wanted| place.webhook_id == wanted))
}

/// Returns the seconds after which the page of a delivery that is under way renews itself: soon around the next attempt,
/// seldom while that is far away.
fn renewal(delivery: &Delivery, now: Timestamp) -> Option<u64> {
    if delivery.state != DeliveryState::Pending {
        return None;
    }
    let age = now.since(delivery.created_at);
    let next = delivery.next_attempt_at.filter(|next| !delivery.held && *next > now);
    let wait = next.map(|next| next.since(now));
    match wait {
        Some(wait) if wait > Duration::from_secs(60) => Some(60),
        Some(_) => Some(3),
        None if age > Duration::from_secs(600) => Some(30),
        None => Some(3),
    }
}

impl DeliveryPage {
    fn new(
        frame: Frame,
        tenant: Tenant,
        webhook: &Webhook,
        other: Option<WebhookId>,
        detail: DeliveryDetail,
        now: Timestamp,
    ) -> Self {
        let DeliveryDetail { delivery, body } = detail;
        let explanation = explanation(&delivery);
        let next = delivery.next_attempt_at.filter(|next| *next > now).map(|next| Moment::new(next, now));
        let ended = delivery.state != DeliveryState::Pending;
        let redelivery = match (ended, &body, WebhookState::of(webhook)) {
            (false, ..) => Redelivery::NotYet,
            (true, None, _) => Redelivery::NoBody,
            (true, Some(_), WebhookState::Disabled { .. }) => Redelivery::Disabled,
            (true, Some(_), _) => {
                Redelivery::Offered(format!("{}/redeliver", delivery_path(delivery.event_id.as_str())))
            }
        };
        let badge = Badge::of_delivery(&delivery);
        let headers = request_headers(webhook, &delivery);
        let envelope = body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
        let envelope = envelope.unwrap_or_default();
        let happened = envelope["time"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
        let attempts = delivery.attempts.into_iter().zip(1..);
        let attempts: Vec<_> =
            attempts.map(|(attempt, number)| AttemptRow::new(attempt, number, now)).collect();
        Self {
            frame,
            tenant,
            is_test: envelope["detail"]["test"] == true,
            happened: happened.map(|time| Moment::new(time, now)),
            held: delivery.held,
            next,
            received: Moment::new(delivery.created_at, now),
            badge,
            explanation,
            was_sent: !attempts.is_empty(),
            ended,
            attempts,
            url: breakable_url(&webhook.url),
            headers,
            body: body.map(|body| ShownBody::new(&body)),
            webhook: other,
            redelivery,
            event_type: breakable(&delivery.event_type),
            event_id: delivery.event_id,
        }
    }
}

impl AttemptRow {
    fn new(attempt: Attempt, number: usize, now: Timestamp) -> Self {
        Self {
            number,
            at: Moment::new(attempt.at, now),
            status: attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            duration: spoken_duration(attempt.duration_milliseconds),
            // `answered 404` says no more than the status beside it.
            error: attempt.error.map(|error| error.to_string()).filter(|error| {
                !attempt.status.is_some_and(|status| error.ends_with(&format!("answered {status}")))
            }),
            excerpt: attempt.excerpt.map(|excerpt| excerpt.to_string()),
        }
    }
}

impl ShownBody {
    fn new(body: &str) -> Self {
        let text = printable_json(lay_out(body));
        Self { is_tall: text.lines().count() > TALL || text.len() > TALL * 80, text }
    }
}

/// Returns the headers of the last request, or of the first that will be made. What proves that a request is ours is
/// blanked.
fn request_headers(webhook: &Webhook, delivery: &Delivery) -> Vec<(String, String)> {
    let timestamp = match delivery.attempts.last() {
        Some(attempt) => attempt.at.seconds().to_string(),
        None => "the time of the attempt, in seconds since 1970".to_owned(),
    };
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "SmartphoneKey-Webhooks/1".to_owned()),
        ("webhook-id", delivery.event_id.as_str().to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", format!("v1,{BLANKED}")),
    ];
    match &webhook.auth {
        Authentication::None => {}
        Authentication::ApiKeyHeader { header_name } => {
            headers.push((header_name.as_str(), BLANKED.to_owned()))
        }
        Authentication::BearerToken => headers.push(("authorization", format!("Bearer {BLANKED}"))),
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns a sentence on the state of the delivery and what happens next.
fn explanation(delivery: &Delivery) -> String {
    let because = |outcome: &str| match &delivery.reason {
        Some(reason) => format!("{outcome}: {}. We do not try it again by ourselves.", in_words(reason)),
        None => format!("{outcome}. We do not try it again by ourselves."),
    };
    match delivery.state {
        DeliveryState::Delivered => "Your endpoint accepted the event.".to_owned(),
        DeliveryState::Pending if delivery.held => {
            "The event waits. We send it as soon as your endpoint is verified or answers again.".to_owned()
        }
        DeliveryState::Pending if delivery.attempts.is_empty() => {
            "We are sending the event. Your endpoint has 15 seconds to answer.".to_owned()
        }
        DeliveryState::Pending => "We will try the event again.".to_owned(),
        DeliveryState::Failed => because("The event failed"),
        DeliveryState::Dead => because("We gave up on the event"),
    }
}

/// Makes a sentence of the reason why a delivery ended.
fn in_words(reason: &str) -> String {
    if let Some(last) = reason.strip_prefix("retries spent; ") {
        return format!(
            "no attempt succeeded in 72 hours; {}",
            last.replace(": answered", ": your endpoint answered")
        );
    }
    match reason.strip_prefix("webhook ") {
        Some(change) => format!("the webhook was {change}"),
        None if reason.starts_with("answered ") => format!("your endpoint {reason}"),
        None => reason.to_owned(),
    }
}

/// Returns whether the endpoint accepted the event, if there was an attempt or an end since `since`.
pub(super) fn outcome(delivery: &Delivery, since: Timestamp) -> Option<bool> {
    if let Some(attempt) = delivery.attempts.last().filter(|attempt| attempt.at >= since) {
        return Some(attempt.error.is_none());
    }
    let ended = delivery.ended_at.is_some_and(|at| at >= since);
    ended.then_some(delivery.state == DeliveryState::Delivered)
}

pub(super) fn not_found() -> Problem {
    let message = "Your webhook has no event with this id. Events are kept for 30 days.";
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::DeliveryNotFound, message)
}

/// Returns the path of the page of a delivery that a form has just changed.
pub(super) fn page_of(event_id: &EventId, field: &str) -> String {
    page_path(event_id.as_str(), field.parse().ok())
}
