//! Sending deliveries again.

use edge::parameters::EventPath;
use shared::code::ErrorCode;
use shared::delivery::DeliveryState;
use shared::event::id::EventId;
use shared::time::Timestamp;

use super::delivery::{not_found, outcome, page_of};
use super::field::Field;
use super::log::{RangeFields, show_refused};
use super::moment::{CHOOSE_TIME, read_field};
use super::webhook::logged_webhook;
use super::webhook_state::WebhookState;
use crate::admin_client::{AdminFault, LogQuery, Redelivered};
use crate::count::Count;
use crate::notice::PageNotice;
use crate::outcome::wait_for;
use crate::paths::{WEBHOOK_FIELD, with_query};
use crate::respond::{PageResult, see_other_with};
use crate::visit::{Submitted, SubmittedTo};

/// The query parameter of the log while what was sent again is under way.
pub const UNDER_WAY_FIELD: &str = "underWay";

/// `POST /deliveries/{eventId}/redeliver`
pub async fn one(SubmittedTo(submitted, EventPath(event_id)): SubmittedTo<EventPath>) -> PageResult {
    let (tenant, Some(webhook)) = logged_webhook(&submitted).await? else { return Err(not_found().into()) };
    let (admin, now) = (submitted.admin(), submitted.visit.now);
    let asked = admin.redeliver(&tenant.org_id, webhook.id, &event_id).await;
    // The button was pressed twice, or a colleague was faster: the person waits for the same attempt.
    let is_under_way = asked.as_ref().is_err_and(|fault| fault.is(ErrorCode::DeliveryPending));
    let notice = match asked {
        Ok(_) if WebhookState::of(&webhook).holds_events() => PageNotice::RedeliveryWaits,
        Err(fault) if !is_under_way => return refused(&submitted, &event_id, fault),
        _ => {
            let look = || admin.delivery(&tenant.org_id, webhook.id, &event_id);
            let clock = &*submitted.visit.service.clock;
            let seen = wait_for(clock, look, |seen| outcome(&seen.delivery, now).is_some()).await;
            match seen.and_then(|seen| outcome(&seen.delivery, now)) {
                Some(true) => PageNotice::SentAgainWell,
                Some(false) => PageNotice::SentAgainInVain,
                None if is_under_way => PageNotice::StillPending,
                None => PageNotice::Redelivering,
            }
        }
    };
    Ok(see_other_with(&page_of(&event_id, submitted.field(WEBHOOK_FIELD)), notice))
}

/// Leads to the page of the delivery that was not sent again, which says why.
///
/// # Errors
/// 404 if the webhook has no such delivery; 503 if the Admin API does not answer.
fn refused(submitted: &Submitted, event_id: &EventId, fault: AdminFault) -> PageResult {
    let notice = match fault {
        fault if fault.is(ErrorCode::WebhookDisabled) => PageNotice::RedeliveryRefused,
        fault if fault.is(ErrorCode::BodyNotKept) => PageNotice::BodyNotKept,
        AdminFault::Refused(_) => return Err(not_found().into()),
        fault => return Err(fault.into()),
    };
    Ok(see_other_with(&page_of(event_id, submitted.field(WEBHOOK_FIELD)), notice))
}

/// `POST /deliveries/redeliver`: sends again all deliveries that failed from one time to another, in UTC.
pub async fn range(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = logged_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let read = read_range(&submitted);
    let (since, until) = match read {
        Ok(range) => range,
        Err(fields) => return show_refused(&submitted, *fields).await,
    };
    let (admin, state) = (submitted.admin(), WebhookState::of(&webhook));
    let field = |name: &str| submitted.field(name).trim().to_owned();
    let (log, typed_since, typed_until) = (field(WEBHOOK_FIELD), field("since"), field("until"));
    let parameters = [(WEBHOOK_FIELD, log.as_str()), ("since", &typed_since), ("until", &typed_until)];
    let range = with_query("/deliveries", &parameters);
    let under_way = with_query("/deliveries", &[&parameters[..], &[(UNDER_WAY_FIELD, "1")]].concat());
    let (page, notice) = match admin.redeliver_range(&tenant.org_id, webhook.id, since, until).await {
        Ok(Redelivered { count, .. }) if count > 0 && state.holds_events() => {
            (range, PageNotice::RedeliveriesWait)
        }
        Ok(Redelivered { count, more }) => {
            if count > 0 {
                let query = LogQuery {
                    state: Some(DeliveryState::Pending.as_str()),
                    since: Some(since),
                    until,
                    limit: 1,
                    ..LogQuery::default()
                };
                let look = || admin.deliveries(&tenant.org_id, webhook.id, &query);
                let clock = &*submitted.visit.service.clock;
                let _ = wait_for(clock, look, |seen| seen.deliveries.is_empty()).await;
            }
            (under_way, PageNotice::RedeliveringMany(Count { number: count, more }))
        }
        Err(fault) if fault.is(ErrorCode::WebhookDisabled) => (range, PageNotice::RedeliveryRefused),
        Err(fault) if fault.is(ErrorCode::WebhookNotFound) => (range, PageNotice::NoWebhook),
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with(&page, notice))
}

/// Reads the two times of the form.
fn read_range(submitted: &Submitted) -> Result<(Timestamp, Option<Timestamp>), Box<RangeFields>> {
    let (typed_since, typed_until) = (submitted.field("since").trim(), submitted.field("until").trim());
    let (since, until) = (read_field(typed_since), read_field(typed_until));
    let is_read = until.is_some() || typed_until.is_empty();
    let in_order = since.zip(until).is_none_or(|(since, until)| since < until);
    match since {
        Some(since) if is_read && in_order => Ok((since, until)),
        _ => {
            let since_fault = since.is_none().then(|| format!("{CHOOSE_TIME}."));
            let until_fault = match (is_read, in_order) {
                (false, _) => Some(format!("{CHOOSE_TIME}, or leave the field empty.")),
                (true, false) => Some("Choose a time after the first.".to_owned()),
                (true, true) => None,
            };
            Err(Box::new(RangeFields {
                since: Field::new(typed_since).with_fault("The time", since_fault),
                until: Field::new(typed_until).with_fault("The time", until_fault),
            }))
        }
    }
}
