//! The log of all deliveries: filtered, in pages, and an event looked up by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use http::StatusCode;
use shared::delivery::DeliveryState;
use shared::event::catalogue::{catalogue, find};
use shared::event::id::EventId;
use shared::tenant::Tenant;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::delivery::place_of;
use super::delivery_log::{DeliveryRow, page_path};
use super::event_types::{meant, unknown_event_type};
use super::field::Field;
use super::frame::{Frame, Renewal};
use super::moment::{CHOOSE_TIME, Moment, read_field};
use super::redelivery::UNDER_WAY_FIELD;
use super::selection::{ORGANIZATION_FIELD, select};
use super::webhook_state::WebhookState;
use crate::admin_client::{AdminFault, LogQuery, LoggedDeliveries, Webhook};
use crate::draft::Draft;
use crate::paths::{WEBHOOK_FIELD, with_query};
use crate::respond::{PageResult, page, see_other, with_cookies};
use crate::visit::{SignedIn, Submitted};

/// The path of the log.
const PATH: &str = "/deliveries";
/// The deliveries on a page.
const PER_PAGE: u32 = 50;
/// The age of the deliveries that the field for sending again offers first: a day.
const DAY: Duration = Duration::from_secs(86_400);

/// The states that the filter offers, as the Admin API takes them and as people read them. What did not arrive is one choice,
/// as it is one number on the dashboard.
const STATES: [(&str, &str); 3] =
    [("pending", "Waiting or retrying"), ("delivered", "Delivered"), ("failed,dead", "Failed or gave up")];

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    frame: Frame,
    tenant: Tenant,
    webhooks: Vec<WebhookChoice>,
    /// The webhook's id, unless it is the organization's first.
    webhook: Option<WebhookId>,
    filter: FilterFields,
    event_id: Field,
    rows: Vec<DeliveryRow>,
    is_first_page: bool,
    newest: String,
    /// The path of the log without a filter.
    everything: String,
    older: Option<String>,
    range: RangeFields,
    is_disabled: bool,
}

/// A webhook whose deliveries can be listed.
struct WebhookChoice {
    id: WebhookId,
    url: String,
    is_chosen: bool,
}

/// The fields of the filter.
struct FilterFields {
    state: String,
    event_type: Field,
    since: Field,
    until: Field,
}

/// The fields of the form that sends deliveries again.
pub struct RangeFields {
    /// The beginning.
    pub since: Field,
    /// The end.
    pub until: Field,
}

impl RangeFields {
    /// Returns whether the first faulty field is that of the beginning.
    fn is_first_fault_since(&self) -> bool {
        self.since.fault.is_some()
    }
}

impl FilterFields {
    fn read(query: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| query.get(name).map_or("", String::as_str).trim();
        let time = |name: &str| {
            let typed = text(name);
            let fault = (!typed.is_empty() && read_field(typed).is_none())
                .then(|| format!("{CHOOSE_TIME}, or leave the field empty."));
            Field::new(typed).with_fault("The time", fault)
        };
        let (since, mut until) = (time("since"), time("until"));
        if read_field(&since.value).zip(read_field(&until.value)).is_some_and(|(since, until)| since >= until)
        {
            until = until.with_fault("The time", Some("Choose a time after the first.".to_owned()));
        }
        let event_type = text("eventType");
        let event_type = meant(event_type).map_or(event_type, |entry| entry.name);
        let state = STATES.iter().any(|(state, _)| *state == text("state"));
        Self {
            state: if state { text("state").to_owned() } else { String::new() },
            event_type: Field::new(event_type),
            since,
            until,
        }
    }

    fn has_fault(&self) -> bool {
        self.event_type.fault.is_some() || self.since.fault.is_some() || self.until.fault.is_some()
    }

    /// Says so beside the field if the list is empty because there is no such event type.
    fn blame_event_type(&mut self) {
        let typed = &self.event_type.value;
        if typed.is_empty() || find(typed).is_some() {
            return;
        }
        let fault = unknown_event_type(typed);
        self.event_type = Field::new(typed.clone()).with_fault("The type", Some(fault));
    }

    /// Returns the filter as a person reads it, one text for each field.
    fn in_words(&self) -> Vec<String> {
        let state = STATES.iter().find(|(state, _)| *state == self.state);
        let state = state.map(|(_, words)| (*words).to_owned());
        let said = |before: &str, text: &str| (!text.is_empty()).then(|| format!("{before}{text}"));
        let time = |before: &str, typed: &str| {
            read_field(typed).map(|_| format!("{before} {} UTC", typed.replace('T', " ")))
        };
        let all = [
            state,
            said("", &self.event_type.value),
            time("since", &self.since.value),
            time("before", &self.until.value),
        ];
        all.into_iter().flatten().collect()
    }

    fn is_empty(&self) -> bool {
        [&self.state, &self.event_type.value, &self.since.value, &self.until.value]
            .iter()
            .all(|text| text.is_empty())
    }
}

/// `GET /deliveries`
pub async fn show(signed_in: SignedIn, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    render(&signed_in, &query, None).await
}

/// Shows the log again, with what is wrong with the form that sends deliveries again.
///
/// # Errors
/// As [`show`].
pub async fn show_refused(submitted: &Submitted, range: RangeFields) -> PageResult {
    let webhook = submitted.field(WEBHOOK_FIELD).to_owned();
    render(submitted, &BTreeMap::from([(WEBHOOK_FIELD.to_owned(), webhook)]), Some(range)).await
}

async fn render(
    signed_in: &SignedIn,
    query: &BTreeMap<String, String>,
    refused: Option<RangeFields>,
) -> PageResult {
    let SignedIn { visit, .. } = signed_in;
    let (admin, now) = (signed_in.admin(), visit.now);
    let tenant = select(signed_in, &admin.tenants().await?).await?;
    let webhooks = admin.webhooks(&tenant.org_id).await?;
    let wanted = query.get(WEBHOOK_FIELD).and_then(|id| id.parse::<WebhookId>().ok());
    let chosen = webhooks.iter().position(|webhook| Some(webhook.id) == wanted).unwrap_or_default();
    let Some(webhook) = webhooks.get(chosen) else { return Ok(see_other("/dashboard")) };
    let other = (chosen > 0).then_some(webhook.id);
    let mut event_id = Field::new("");
    let typed_id = query.get("eventId").map(|typed| typed.trim().trim_matches('"'));
    if let Some(typed) = typed_id.filter(|typed| !typed.is_empty()) {
        match look_up(signed_in, &tenant, &webhooks, typed).await? {
            Some(path) => return Ok(see_other(&path)),
            None => event_id = Field::new(typed).with_fault("The event", Some(no_event(typed))),
        }
    }
    let mut filter = FilterFields::read(query);
    let cursor = query.get("cursor").map(String::as_str).filter(|_| !filter.has_fault());
    let logged = list(signed_in, &tenant, webhook, &filter, cursor).await?;
    if logged.deliveries.is_empty() && logged.next_cursor.is_none() {
        filter.blame_event_type();
    }
    let under_way = query.contains_key(UNDER_WAY_FIELD)
        && logged.deliveries.iter().any(|delivery| delivery.state == DeliveryState::Pending);
    let older = logged.next_cursor.map(|cursor| path_of(other, &filter, &cursor));
    let newest = path_of(other, &filter, "");
    let renewal = under_way.then(|| Renewal {
        seconds: 5,
        still: newest.clone(),
        until: "each of these events is delivered or has failed",
    });
    let mut frame = Frame::of("Deliveries", signed_in).renewed(renewal);
    let mut status = StatusCode::OK;
    let draft = if refused.is_none() { visit.draft(PATH).await } else { None };
    let draft = draft.filter(|draft| draft.field(ORGANIZATION_FIELD) == Some(tenant.org_id.as_str()));
    if refused.is_some() || filter.has_fault() || event_id.fault.is_some() {
        frame = frame.refused();
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let range = refused.unwrap_or_else(|| offered_range(&filter, draft.as_ref(), now));
    let shown = LogPage {
        webhooks: webhooks.iter().map(|one| WebhookChoice::new(one, webhook.id)).collect(),
        is_disabled: matches!(WebhookState::of(webhook), WebhookState::Disabled { .. }),
        frame,
        tenant,
        webhook: other,
        filter,
        event_id,
        rows: logged.deliveries.into_iter().map(|delivery| DeliveryRow::new(delivery, other, now)).collect(),
        is_first_page: cursor.is_none(),
        newest,
        everything: with_query(PATH, &[(WEBHOOK_FIELD, &other.map(|id| id.to_string()).unwrap_or_default())]),
        older,
        range,
    };
    let response = page(status, shown.frame.notice, &shown)?;
    Ok(with_cookies(response, [draft.and_then(|_| Draft::clear())]))
}

/// Returns the part of the log that the filter asks for; nothing if the filter is wrong.
async fn list(
    signed_in: &SignedIn,
    tenant: &Tenant,
    webhook: &Webhook,
    filter: &FilterFields,
    cursor: Option<&str>,
) -> Result<LoggedDeliveries, AdminFault> {
    if filter.has_fault() {
        return Ok(LoggedDeliveries { deliveries: Vec::new(), next_cursor: None });
    }
    let event_type = Some(filter.event_type.value.as_str()).filter(|text| !text.is_empty());
    let query = LogQuery {
        state: Some(filter.state.as_str()).filter(|text| !text.is_empty()),
        event_type,
        since: read_field(&filter.since.value),
        until: read_field(&filter.until.value),
        cursor,
        limit: PER_PAGE,
    };
    let admin = signed_in.admin();
    match admin.deliveries(&tenant.org_id, webhook.id, &query).await {
        // The cursor is none of ours: begin at the newest.
        Err(AdminFault::Refused(refusal)) if refusal.fields.contains_key("cursor") => {
            admin.deliveries(&tenant.org_id, webhook.id, &LogQuery { cursor: None, ..query }).await
        }
        listed => listed,
    }
}

/// Returns the path of the page of the delivery with this event id.
async fn look_up(
    signed_in: &SignedIn,
    tenant: &Tenant,
    webhooks: &[Webhook],
    typed: &str,
) -> Result<Option<String>, AdminFault> {
    let Ok(event_id) = EventId::parse(typed) else { return Ok(None) };
    let deliveries = signed_in.admin().event(&tenant.org_id, &event_id).await?;
    Ok(place_of(webhooks, &deliveries, None).map(|place| {
        let is_first = webhooks.first().is_some_and(|first| first.id == place.webhook_id);
        page_path(place.event_id.as_str(), (!is_first).then_some(place.webhook_id))
    }))
}

fn no_event(typed: &str) -> String {
    match EventId::parse(typed) {
        Ok(_) => "No event with this id was sent to your webhooks in the last 30 days. The id is in the header webhook-id \
                  and in the body as id."
            .to_owned(),
        Err(_) => "An event id has 1 to 128 letters, digits and signs, and no spaces.".to_owned(),
    }
}

fn path_of(webhook: Option<WebhookId>, filter: &FilterFields, cursor: &str) -> String {
    let webhook = webhook.map(|id| id.to_string()).unwrap_or_default();
    let FilterFields { state, event_type, since, until } = filter;
    with_query(
        PATH,
        &[
            (WEBHOOK_FIELD, webhook.as_str()),
            ("state", state),
            ("eventType", &event_type.value),
            ("since", &since.value),
            ("until", &until.value),
            ("cursor", cursor),
        ],
    )
}

/// The times that the form for sending again offers: what was typed before signing in, or else those of the filter, or
/// else the last day.
fn offered_range(filter: &FilterFields, draft: Option<&Draft>, now: Timestamp) -> RangeFields {
    let (since, until) = match (filter.has_fault(), filter.since.value.as_str(), filter.until.value.clone()) {
        (true, ..) => (Moment::field(now.minus(DAY)), String::new()),
        (false, "", until) => (Moment::field(now.minus(DAY)), until),
        (false, since, until) => (since.to_owned(), until),
    };
    let (mut since, mut until) = (Field::new(since), Field::new(until));
    if let Some(draft) = draft {
        since.restore(draft.field("since"));
        until.restore(draft.field("until"));
    }
    RangeFields { since, until }
}

impl WebhookChoice {
    fn new(webhook: &Webhook, chosen: WebhookId) -> Self {
        Self { id: webhook.id, url: webhook.url.clone(), is_chosen: webhook.id == chosen }
    }
}

impl LogPage {
    /// Returns whether a field of the filter or of the look-up has a fault, which the page has to show.
    fn is_finder_open(&self) -> bool {
        self.filter.has_fault() || self.event_id.fault.is_some()
    }

    fn states(&self) -> [(&'static str, &'static str); 3] {
        STATES
    }

    /// Returns the names of the event types that partners get.
    fn event_types(&self) -> impl Iterator<Item = &'static str> {
        catalogue().iter().filter(|entry| entry.republished).map(|entry| entry.name)
    }
}
