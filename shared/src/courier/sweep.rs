//! The cron run: what is overdue goes back on the queue, so that a lost message strands nothing; what waited too long
//! ends.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::event::message::RetryMessage;
use crate::ports::{Batch, Statement};
use crate::store::CountRow;
use crate::store::deliveries::{self, KeyRow, Slice};
use crate::store::notices;
use crate::store::tending::{self, DeletedRow, DueAtRow};

/// Rows taken at a time.
const AT_ONCE: u32 = 1_000;
/// How long one run takes slice after slice; the next goes on from there.
const TIME_PER_RUN: Duration = Duration::from_secs(30);
/// How long a deleted webhook is remembered: longer than a consumer takes that read the webhook before.
const DELETED_KEPT: Duration = Duration::from_secs(86_400);
/// How long after a look at a deleted webhook the next is.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3_600);
/// Slices that one part of a run takes at most.
const MOST_SLICES: u32 = 100;

impl Courier {
    /// Wakes overdue deliveries and webhooks, the longest overdue first; ends what waited too long or belongs to deleted
    /// webhooks; goes on with redeliveries. Gives back how many rows were dealt with. Running twice wakes some twice, and each is
    /// leased only once.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sweep(&self) -> Result<usize, Error> {
        // Each part by itself: what stops one does not stop the others.
        let parts = [
            self.end_expired().await,
            self.end_deleted().await,
            self.redeliver_ranges().await,
            self.wake_webhooks().await,
            self.wake_deliveries().await,
            self.notify().await.map(|()| 0),
            self.mail().await.map(|()| 0),
        ];
        let [ended, deleted, redelivered, webhooks, deliveries, ..] =
            parts.each_ref().map(|part| *part.as_ref().unwrap_or(&0));
        let woken = webhooks + deliveries;
        if woken + ended + deleted + redelivered > 0 {
            let fields = json!({"woken": woken, "ended": ended + deleted, "redelivered": redelivered});
            self.line("sweep", fields);
        }
        parts.into_iter().sum()
    }

    /// Takes slices until nothing is left, or the time of a run is over. Where a slice cannot be written, it is made
    /// smaller until the row in its way is alone, and that row is passed over.
    async fn in_slices(
        &self,
        statement: impl Fn(Slice) -> Statement,
        mut taken: impl AsyncFnMut(&mut Batch) -> Result<usize, Error>,
    ) -> Result<usize, Error> {
        let began = self.now();
        let (mut slice, mut count) = (Slice { limit: AT_ONCE, offset: 0 }, 0);
        for _ in 0..MOST_SLICES {
            match self.run(vec![statement(slice)]).await {
                Ok(mut batch) => {
                    let found = taken(&mut batch).await?;
                    count += found;
                    if found < slice.limit as usize || self.now().since(began) >= TIME_PER_RUN {
                        break;
                    }
                }
                Err(_) if slice.limit > 1 && self.can_write().await => slice.limit /= 2,
                Err(error) if slice.limit == 1 && self.can_write().await => {
                    self.line("row passed over", json!({"level": "error", "detail": error.to_string()}));
                    slice = Slice { limit: AT_ONCE, offset: slice.offset + 1 };
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }

    /// Tells people of circuits that have been open for a while, and what waits to be told.
    async fn notify(&self) -> Result<(), Error> {
        let now = self.now();
        let open_since = now.minus(self.policy.health.told_after);
        let statements = vec![
            notices::note_failing(open_since, now),
            notices::failing_told(open_since, self.fresh_stamp()),
            notices::waiting(now.minus(self.policy.overdue())),
        ];
        let mut batch = self.run(statements).await?;
        let waiting = batch.first::<CountRow>(2)?.is_some_and(|row| row.total > 0);
        if batch.any(0) || waiting {
            self.tell_people().await?;
        }
        Ok(())
    }

    async fn wake_deliveries(&self) -> Result<usize, Error> {
        let before = self.now().minus(self.policy.overdue());
        // Those taken are due now, and so no longer overdue.
        let take = |slice| deliveries::take_overdue(before, self.now(), slice);
        let wake = async |batch: &mut Batch| {
            let keys = batch.take::<KeyRow>(0)?;
            let count = keys.len();
            let messages =
                keys.iter().filter_map(KeyRow::key).map(|key| (RetryMessage::Deliver(key), Duration::ZERO));
            self.send(messages.collect()).await;
            Ok(count)
        };
        self.in_slices(take, wake).await
    }

    async fn wake_webhooks(&self) -> Result<usize, Error> {
        let before = self.now().minus(self.policy.overdue());
        let (mut woken, mut after) = (0, -1);
        loop {
            let rows = self.run(vec![tending::overdue(before, after, AT_ONCE)]).await?.take::<DueAtRow>(0)?;
            let due: Vec<_> = rows.into_iter().map(DueAtRow::into_parts).collect();
            let count = due.len();
            after = due.last().map_or(after, |(_, due)| due.milliseconds());
            let messages = due.into_iter().map(|(webhook, _)| (RetryMessage::Tend(webhook), Duration::ZERO));
            self.send(messages.collect()).await;
            woken += count;
            if count < AT_ONCE as usize {
                return Ok(woken);
            }
        }
    }

    /// Ends held deliveries whose window is over.
    async fn end_expired(&self) -> Result<usize, Error> {
        let now = self.now();
        let count = async |batch: &mut Batch| Ok(usize::try_from(batch.count(0)).unwrap_or(usize::MAX));
        self.in_slices(|slice| deliveries::end_expired(now, slice), count).await
    }

    /// Ends what is pending of deleted webhooks.
    async fn end_deleted(&self) -> Result<usize, Error> {
        let began = self.now();
        let mut ended = 0;
        for _ in 0..MOST_SLICES {
            let deleted = tending::deleted(began, AT_ONCE / 10);
            let webhooks = self.run(vec![deleted]).await?.take::<DeletedRow>(0)?;
            for DeletedRow { sequence } in &webhooks {
                loop {
                    let count = self.run(vec![tending::end_deleted(*sequence, began)]).await?.count(0);
                    ended += usize::try_from(count).unwrap_or(usize::MAX);
                    if self.now().since(began) >= TIME_PER_RUN {
                        return Ok(ended);
                    }
                    if count < u64::from(tending::BURIED_AT_ONCE) {
                        break;
                    }
                }
                let statements = vec![
                    tending::forget_deleted(*sequence, began.minus(DELETED_KEPT)),
                    tending::look_again(*sequence, began.plus(BETWEEN_LOOKS)),
                ];
                self.run(statements).await?;
            }
            if webhooks.len() < (AT_ONCE / 10) as usize {
                break;
            }
        }
        Ok(ended)
    }
}
