//! The cron run: what is overdue goes back on the queue, so that a lost message strands nothing; what is old goes.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::store::deliveries::{self, KeyRow};
use crate::store::retention;
use crate::store::rounds::{self, CLEAN, PositionRow};
use crate::store::tending;

/// Deliveries, and webhooks, woken by one run; the next run goes on.
const WOKEN_AT_ONCE: u32 = 500;
/// How long ended deliveries are kept.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Slices of old deliveries that one run deletes.
const SLICES_PER_RUN: usize = 20;

impl Courier {
    /// Wakes overdue deliveries and webhooks, the longest overdue first. Gives back how many. Running twice wakes some
    /// twice, and each is leased only once.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.now();
        let before = now.minus(self.policy.overdue());
        let statements = vec![
            deliveries::overdue(before, now, WOKEN_AT_ONCE),
            tending::overdue(before, now, WOKEN_AT_ONCE),
        ];
        let mut batch = self.database.batch(statements).await?;
        let deliveries = batch.take::<KeyRow>(0)?.into_iter().map(|row| RetryMessage::Deliver(row.into()));
        let webhooks = batch.take::<WebhookKeyRow>(1)?.into_iter().map(|row| RetryMessage::Tend(row.into()));
        let messages: Vec<_> = deliveries.chain(webhooks).map(|message| (message, Duration::ZERO)).collect();
        let count = messages.len();
        if count > 0 {
            self.line("sweep", json!({"woken": count}));
        }
        self.send(messages).await;
        Ok(count)
    }

    /// Deletes old deliveries, never pending ones, a few slices, webhook by webhook; the next run goes on from there.
    /// Gives back how many. Running twice deletes further slices.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn clean(&self) -> Result<u64, Error> {
        let before = self.now().minus(KEPT);
        let mut batch = self.database.batch(vec![rounds::position(CLEAN)]).await?;
        let mut position = batch.first::<PositionRow>(0)?.map(|row| row.position).unwrap_or_default();
        let mut deleted = 0;
        for _ in 0..SLICES_PER_RUN {
            let mut batch = self.database.batch(vec![retention::next_webhook(&position)]).await?;
            let next = batch.first::<PositionRow>(0)?.map(|row| row.position).unwrap_or_default();
            if next.is_empty() {
                // Around: from the first again, in the next run.
                position = next;
                break;
            }
            let statements =
                vec![retention::keep_last_delivered(&next, before), retention::delete_slice(&next, before)];
            let slice = self.database.batch(statements).await?.count(1);
            deleted += slice;
            // A busy webhook has more than one slice a round; one whose oldest are kept for now is not waited for.
            if slice < u64::from(retention::SLICE / 2) {
                position = next;
            }
        }
        self.database.batch(vec![rounds::remember(CLEAN, &position)]).await?;
        if deleted > 0 {
            self.line("old deliveries deleted", json!({"deleted": deleted}));
        }
        Ok(deleted)
    }
}

#[derive(serde::Deserialize)]
struct WebhookKeyRow {
    org_id: String,
    webhook_id: String,
}

impl From<WebhookKeyRow> for WebhookKey {
    fn from(row: WebhookKeyRow) -> Self {
        Self { org_id: row.org_id, webhook_id: row.webhook_id }
    }
}
