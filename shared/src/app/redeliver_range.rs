//! `POST …/redeliver`

use std::ops::Range;

use serde_json::{Value, json};

use super::App;
use super::deliveries::{check_webhook, webhook_checks};
use super::idempotency::{KeptAnswer, RequestDigest};
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::ports::Batch;
use crate::store::CountRow;
use crate::store::kept_answers::AnsweredChange;
use crate::store::redelivery;
use crate::store::tending::{self, DueAtRow};
use crate::store::webhooks::StatusRow;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::id::WebhookId;

/// Which deliveries to deliver again.
#[derive(Clone, Debug)]
pub struct RequestedRange {
    /// Created at or after.
    pub since: Timestamp,
    /// Created before; now where absent.
    pub until: Option<Timestamp>,
    /// In one of these states.
    pub states: Vec<DeliveryState>,
}

/// How many deliveries go out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeliveredRange {
    /// As many as were counted, 10,000 at most.
    pub count: u32,
    /// Whether there are more: they go out as well.
    pub more: bool,
}

impl App {
    /// Makes every such delivery pending again: held, so that the webhook's release sets the pace. Up to 10,000 at once,
    /// the rest, and those delivered, by the delivery Worker. Bodies that are no longer kept cannot be sent again and do not count. One round trip; two where the
    /// caller may repeat the request.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`]; [`Error::WebhookDisabled`].
    pub async fn redeliver_range(
        &self,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        requested: RequestedRange,
    ) -> Result<RedeliveredRange, Error> {
        let asked = self.asked(|| {
            let RequestedRange { since, until, states } = &requested;
            json!(["redeliver range", tenant.org_id(), webhook_id, since, until, states])
        });
        self.once(&asked, self.redeliver_many(&asked, tenant, webhook_id, requested)).await
    }

    async fn redeliver_many(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        requested: RequestedRange,
    ) -> Result<RedeliveredRange, Error> {
        let now = self.now();
        let stages = DeliveryState::stages_of(&requested.states);
        let range =
            redelivery::Range { since: requested.since, until: requested.until.unwrap_or(now), stages };
        let webhook = WebhookKey::new(tenant.org_id(), webhook_id);
        let (delivered, rest) = range.split();
        let mut statements = webhook_checks(tenant, webhook_id);
        let counted = statements.len();
        statements.extend(rest.iter().map(|range| redelivery::count(tenant, webhook_id, range)));
        statements
            .extend(delivered.iter().map(|range| redelivery::count_delivered(tenant, webhook_id, range)));
        let counted = counted..statements.len();
        let mut told_before = None;
        if asked.may_be_repeated() {
            // The answer is kept with the change, and so has to be known before.
            let mut batch = self.run(statements.clone()).await?;
            let answer = read_range(&mut batch, counted.clone())?;
            statements.extend(
                self.keep(asked, tenant, &answer, &AnsweredChange::WorkingWebhook(webhook_id)).await?,
            );
            told_before = Some(answer);
        }
        if let Some(range) = &rest {
            statements.push(redelivery::hold_slice(
                tenant,
                webhook_id,
                range,
                now,
                now.plus(self.retry_window),
            ));
            statements.push(redelivery::note_rest(tenant, webhook_id, range));
        }
        // The delivery Worker holds these: their bodies are packed together with others.
        statements
            .extend(delivered.iter().map(|range| redelivery::note_delivered(tenant, webhook_id, range)));
        let due = statements.len();
        statements.push(tending::due_while_any_waits(&[*webhook_id], now, self.fresh_stamp()));
        let mut batch = self.run(statements).await?;
        let redelivered = read_range(&mut batch, counted)?;
        if delivered.is_some() {
            self.wake(RetryMessage::Redeliver(webhook), std::time::Duration::ZERO).await;
        }
        if let Some(due) = batch.first::<DueAtRow>(due)? {
            self.wake(RetryMessage::Tend(due.into_parts().0), std::time::Duration::ZERO).await;
        }
        // What is kept is told, should a delivery have ended between the two.
        Ok(told_before.unwrap_or(redelivered))
    }
}

/// Reads how many deliveries a batch counted that begins with [`webhook_checks`].
fn read_range(batch: &mut Batch, counted: Range<usize>) -> Result<RedeliveredRange, Error> {
    check_webhook(batch)?;
    if batch.first::<StatusRow>(1)?.is_some_and(|row| row.status == WebhookStatus::Disabled) {
        return Err(Error::WebhookDisabled);
    }
    let mut total = 0;
    for index in counted {
        total += batch.first::<CountRow>(index)?.map_or(0, |row| row.total);
    }
    Ok(RedeliveredRange { count: total.min(redelivery::SLICE), more: total > redelivery::SLICE })
}

impl KeptAnswer for RedeliveredRange {
    fn to_kept(&self) -> Value {
        json!({"count": self.count, "more": self.more})
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        let count = kept.get("count")?.as_u64()?.try_into().ok()?;
        Some(Self { count, more: kept.get("more")?.as_bool()? })
    }
}
