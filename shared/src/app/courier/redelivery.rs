//! Redelivery of a range, a slice at a time, so that neither fresh events nor other retries wait for it.

use std::time::Duration;

use serde_json::json;

use super::{AFTER_OUTAGE, Courier, Settlement};
use crate::error::Error;
use crate::event::message::{DeliveryKey, RedeliveryRange, RetryMessage};
use crate::ports::QueuedMessage;
use crate::store::deliveries::KeyRow;
use crate::store::redelivery::{self, LastRow};

/// Between two slices of one range.
const BETWEEN_SLICES: Duration = Duration::from_secs(1);

impl Courier {
    /// Makes a slice of the range pending, wakes it, and sends the message on for the rest. Running twice makes
    /// the next slice pending as well.
    pub(super) async fn redeliver_slice(&self, range: &RedeliveryRange) -> Settlement {
        match self.try_redeliver_slice(range).await {
            Ok(()) => Settlement::Acknowledge,
            Err(error) => {
                self.line("redelivery not settled", json!({"detail": error.to_string()}));
                AFTER_OUTAGE
            }
        }
    }

    async fn try_redeliver_slice(&self, range: &RedeliveryRange) -> Result<(), Error> {
        let statements = vec![redelivery::last_of_slice(range), redelivery::make_pending(range, self.now())];
        let mut batch = self.database.batch(statements).await?;
        let keys: Vec<DeliveryKey> = batch.take::<KeyRow>(1)?.into_iter().map(Into::into).collect();
        self.line(
            "redelivery",
            json!({"orgId": range.webhook.org_id, "webhookId": range.webhook.webhook_id, "pending": keys.len()}),
        );
        self.send(keys.into_iter().map(|key| (RetryMessage::Deliver(key), Duration::ZERO)).collect()).await;
        let last = batch.first::<LastRow>(0)?;
        if let Some(last) = last {
            let rest = RedeliveryRange { after: (last.created_at, last.event_id), ..range.clone() };
            let body = RetryMessage::Redeliver(rest).encode();
            // Nothing in the database remembers the rest: where the queue refuses, this message is not acknowledged.
            self.retries.send(vec![QueuedMessage { body, delay: BETWEEN_SLICES }]).await?;
        }
        Ok(())
    }
}
