//! The delivery log, and redelivery.

use std::time::Duration;

use serde_json::json;

use super::App;
use super::idempotency::RequestDigest;
use crate::cursor::Cursor;
use crate::delivery::policy::Retention;
use crate::delivery::{Delivery, DeliveryState};
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::packing::{Packed, unpack_all};
use crate::ports::{Batch, Statement};
use crate::shared_text::SharedText;
use crate::store::bodies::{self, BodyRow, DeliveredRow};
use crate::store::delivery_log::{self, EventRow, LogRow};
use crate::store::kept_answers::AnsweredChange;
use crate::store::redelivery;
use crate::store::webhooks::StatusRow;
use crate::store::{tenants, webhooks};
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::id::WebhookId;

/// A place in the log: creation time in milliseconds, and event id.
pub type LogCursor = Cursor<(i64, String)>;

/// Rows that one request looks at, at most: a filter that few match costs no more than one that all do.
const MOST_EXAMINED: u32 = 1_000;

/// Which deliveries of a webhook.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// In one of these states; in any where there are none.
    pub states: Vec<DeliveryState>,
    /// Of this event type.
    pub event_type: Option<String>,
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Created before.
    pub until: Option<Timestamp>,
    /// From here on.
    pub cursor: Option<LogCursor>,
}

/// A stretch of the log. It may be shorter than asked for, even empty, and still have a next one.
#[derive(Debug)]
pub struct LogPage {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Where to go on.
    pub next: Option<LogCursor>,
}

impl App {
    /// A page of a webhook's log, newest first, in constant time whatever the history.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn list_deliveries(
        &self,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        filter: LogFilter,
        limit: u32,
    ) -> Result<LogPage, Error> {
        let stages = DeliveryState::stages_of(&filter.states);
        // Every row that the statement gives back is wanted, unless it had to go through the log of all.
        let through_all = filter.states.contains(&DeliveryState::Delivered) || filter.event_type.is_some();
        let examined = if through_all { MOST_EXAMINED } else { limit + 1 };
        let newest = filter.until.map_or(i64::MAX >> 11, Timestamp::milliseconds);
        // "Before the cursor" or, on the first page, before `until`, whatever the event id.
        let from = match filter.cursor {
            Some(Cursor(place)) => place.min((newest, String::new())),
            None => (newest, String::new()),
        };
        let since = filter.since.unwrap_or(Timestamp::from_milliseconds(0));
        let mut statements = webhook_checks(tenant, webhook_id);
        statements.push(delivery_log::newest(tenant, Some(webhook_id), &stages, since, &from, examined));
        let mut batch = self.run(statements).await?;
        check_webhook(&batch)?;
        let rows = batch.take::<LogRow>(2)?;
        let exhausted = rows.len() < examined as usize;
        let last_examined = rows.last().map(LogRow::place);
        let wanted = |row: &LogRow| {
            (filter.states.is_empty() || row.is_in(&filter.states))
                && filter.event_type.as_deref().is_none_or(|event_type| row.event_type() == event_type)
        };
        let mut matching: Vec<LogRow> = rows.into_iter().filter(wanted).collect();
        let full = matching.len() > limit as usize;
        matching.truncate(limit as usize);
        let next = match (full, exhausted) {
            (true, _) => matching.last().map(LogRow::place),
            (false, false) => last_examined,
            (false, true) => None,
        };
        let deliveries = matching.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
        Ok(LogPage { deliveries, next: next.map(Cursor) })
    }

    /// An event's delivery to each webhook of the tenant, in the order of the webhooks' creation, those that were deleted lately
    /// among them. The id is taken in any case.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn find_event(
        &self,
        tenant: &TenantScope,
        event_id: &EventId,
    ) -> Result<Vec<(WebhookId, Delivery)>, Error> {
        for event_id in event_id.spellings() {
            let statements = vec![tenants::registered(tenant), delivery_log::of_event(tenant, &event_id)];
            let mut batch = self.run(statements).await?;
            if !batch.any(0) {
                return Err(Error::TenantNotRegistered);
            }
            let rows = batch.take::<EventRow>(1)?;
            if !rows.is_empty() {
                let rows = rows.into_iter().map(|row| Ok((row.webhook_id, row.delivery.try_into()?)));
                return rows.collect();
            }
        }
        Ok(Vec::new())
    }

    /// One delivery, and its body where it is kept. The event's id is taken in any case.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`]; [`Error::DeliveryNotFound`].
    pub async fn get_delivery(
        &self,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        event_id: &EventId,
    ) -> Result<(Delivery, Option<String>), Error> {
        for event_id in event_id.spellings() {
            let mut batch = self.run(one_delivery(tenant, webhook_id, &event_id)).await?;
            check_webhook(&batch)?;
            if let Some(row) = batch.first::<LogRow>(2)? {
                let body = self.body(&mut batch, tenant.org_id(), &event_id).await?;
                return Ok((row.try_into()?, body.map(|body| body.as_ref().to_owned())));
            }
        }
        Err(Error::DeliveryNotFound)
    }

    /// The event's envelope among what [`one_delivery`] read, kept by itself or with its batch.
    async fn body(
        &self,
        batch: &mut Batch,
        org_id: &OrgId,
        event_id: &EventId,
    ) -> Result<Option<SharedText>, Error> {
        let compressor = self.compressor.as_ref();
        if let Some(packed) = batch.first::<BodyRow>(3)?.and_then(|row| row.packed()) {
            return Ok(Some(packed.unpack(compressor).await?));
        }
        for row in batch.take::<DeliveredRow>(4)? {
            let bodies = unpack_all(compressor, &row.deflated()).await?.into_iter();
            let mut found = bodies.filter(|(of, event, _)| of == org_id && event == event_id);
            if let Some((_, _, body)) = found.next() {
                return Ok(Some(body));
            }
        }
        Ok(None)
    }

    /// Makes an ended delivery pending again, with a fresh retry window, and wakes it. The database has it from
    /// then on: should the queue refuse, the sweep wakes it. The event's id is taken in any case; returns the id as the
    /// delivery has it.
    ///
    /// # Errors
    /// As [`App::get_delivery`]; [`Error::DeliveryPending`]; [`Error::BodyNotKept`]; [`Error::WebhookDisabled`].
    pub async fn redeliver(
        &self,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        event_id: &EventId,
    ) -> Result<EventId, Error> {
        let asked = self.asked(|| json!(["redeliver", tenant.org_id(), webhook_id, event_id]));
        let act = async {
            for event_id in event_id.spellings() {
                if self.redeliver_one(&asked, tenant, webhook_id, &event_id).await? {
                    return Ok(event_id);
                }
            }
            Err(Error::DeliveryNotFound)
        };
        self.once(&asked, act).await
    }

    /// Returns whether there is such a delivery.
    async fn redeliver_one(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        event_id: &EventId,
    ) -> Result<bool, Error> {
        let now = self.now();
        let keep = self.keep(asked, tenant, event_id, &AnsweredChange::Redelivered(webhook_id)).await?;
        let mut statements = one_delivery(tenant, webhook_id, event_id);
        statements.push(redelivery::redeliver(tenant, webhook_id, event_id, now));
        statements.extend(keep.clone());
        let mut batch = self.run(statements).await?;
        check_webhook(&batch)?;
        // As it was just before, in the same transaction.
        let Some(row) = batch.first::<LogRow>(2)? else { return Ok(false) };
        if row.is_in(&[DeliveryState::Pending]) {
            return Err(Error::DeliveryPending);
        }
        let kept_by_itself = batch.any(3);
        let body = self.body(&mut batch, tenant.org_id(), event_id).await?.ok_or(Error::BodyNotKept)?;
        if batch.first::<StatusRow>(1)?.is_some_and(|row| row.status == WebhookStatus::Disabled) {
            return Err(Error::WebhookDisabled);
        }
        if !kept_by_itself {
            // Delivered at once: the body leaves its batch for a place of its own.
            let packed = Packed::pack(self.compressor.as_ref(), &body).await;
            let until = now.plus(Retention::default().delivered_bodies);
            let keep_body = bodies::keep_of(tenant, webhook_id, event_id, &packed, Some(until));
            let redeliver = redelivery::redeliver(tenant, webhook_id, event_id, now);
            self.run([keep_body, redeliver].into_iter().chain(keep).collect()).await?;
        }
        let key = WebhookKey::new(tenant.org_id(), webhook_id).delivery(event_id.clone());
        self.wake(RetryMessage::Deliver(key), Duration::ZERO).await;
        Ok(true)
    }
}

/// The statements that tell whether tenant and webhook are there.
pub(super) fn webhook_checks(tenant: &TenantScope, webhook_id: &WebhookId) -> Vec<Statement> {
    vec![tenants::registered(tenant), webhooks::exists(tenant, webhook_id)]
}

/// The same, and one delivery with its body.
fn one_delivery(tenant: &TenantScope, webhook_id: &WebhookId, event_id: &EventId) -> Vec<Statement> {
    let mut statements = webhook_checks(tenant, webhook_id);
    statements.push(delivery_log::select(tenant, webhook_id, event_id));
    statements.push(bodies::select(tenant, event_id));
    statements.push(bodies::delivered_with(tenant, webhook_id, event_id));
    statements
}

pub(super) fn check_webhook(batch: &Batch) -> Result<(), Error> {
    if !batch.any(0) {
        return Err(Error::TenantNotRegistered);
    }
    if batch.any(1) { Ok(()) } else { Err(Error::WebhookNotFound) }
}
