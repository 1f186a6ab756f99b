//! `POST …/redeliver`

use std::time::Duration;

use super::App;
use super::deliveries::{check_webhook, webhook_checks};
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::event::message::{RedeliveryRange, RetryMessage, WebhookKey};
use crate::ports::QueuedMessage;
use crate::store::{CountRow, redelivery};
use crate::tenant::OrgId;
use crate::time::Timestamp;

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

impl App {
    /// Makes every such delivery pending again, in batches, and says how many there are. Bodies that are no longer kept
    /// cannot be sent again and do not count.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`]; [`Error::Unavailable`] where the queue refuses: then
    /// nothing was changed.
    pub async fn redeliver_range(
        &self,
        org_id: &OrgId,
        webhook_id: &str,
        requested: RequestedRange,
    ) -> Result<u32, Error> {
        let since = requested.since.milliseconds();
        let until = requested.until.unwrap_or_else(|| self.now()).milliseconds();
        let count = redelivery::count(org_id, webhook_id, since, until, &requested.states);
        let mut batch = self.run(webhook_checks(org_id, webhook_id, count)).await?;
        check_webhook(&batch)?;
        let total = batch.first::<CountRow>(2)?.map_or(0, |row| row.total);
        if total > 0 {
            let webhook = WebhookKey { org_id: org_id.to_string(), webhook_id: webhook_id.to_owned() };
            // The place before the first of the range.
            let range =
                RedeliveryRange { webhook, states: requested.states, after: (since, String::new()), until };
            let body = RetryMessage::Redeliver(range).encode();
            self.retries.send(vec![QueuedMessage { body, delay: Duration::ZERO }]).await?;
        }
        Ok(total)
    }
}
