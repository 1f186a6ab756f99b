//! A part of the cron run: what is old is deleted.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::store::bodies::{self, OldRow};
use crate::store::kept_answers;
use crate::store::mails;
use crate::store::moved;
use crate::store::retention::{self, Kept, Position, SLICE};
use crate::store::rounds::{self, BODIES, CLEAN};
use crate::text::json_text;
use crate::time::Timestamp;

/// How long operators are tried to be told of a change.
const NOTICES_KEPT: Duration = Duration::from_secs(3 * 86_400);
/// How long a mail is kept: longer than a circuit is open, so that its end is told as well.
const MAILS_KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How long one part of a run deletes slice after slice; the next run goes on from there.
const TIME_PER_PART: Duration = Duration::from_secs(15);
/// Slices that one part of a run deletes at most: D1 allows an invocation a thousand queries.
const MOST_SLICES: usize = 60;

impl Courier {
    /// Deletes old deliveries, never pending ones, webhook after webhook; bodies that nothing needs; dead letters. The next
    /// run goes on from there. Gives back how many deliveries. Running twice deletes further slices.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn clean(&self) -> Result<u64, Error> {
        let now = self.now();
        let retention = &self.policy.retention;
        let kept =
            Kept { delivered: now.minus(retention.delivered), undelivered: now.minus(retention.undelivered) };
        // Each part by itself: what stops one does not stop the others.
        let moved = self.clean_moved().await;
        let deliveries = self.clean_deliveries(kept).await;
        let bodies = self.clean_bodies(now).await;
        let packed = self.clean_delivered_bodies(now.minus(retention.delivered_bodies)).await;
        let notices = retention::delete_notices(now.minus(NOTICES_KEPT));
        let mails = mails::delete_old(now.minus(MAILS_KEPT), SLICE);
        let answers = kept_answers::delete_old(now, SLICE);
        let others = self.run(vec![retention::delete_dead_letters(now), notices, mails, answers]).await;
        let (moved, deleted, bodies, packed) = (moved?, deliveries?, bodies?, packed?);
        others?;
        if moved + deleted + bodies + packed > 0 {
            let fields =
                json!({"moved": moved, "deleted": deleted, "bodies": bodies, "delivered_bodies": packed});
            self.line("old deliveries deleted", fields);
        }
        Ok(deleted)
    }

    async fn position(&self, round: &str) -> Result<String, Error> {
        let mut batch = self.run(vec![rounds::position(round)]).await?;
        Ok(batch.first::<rounds::PositionRow>(0)?.map(|row| row.position).unwrap_or_default())
    }

    fn may_go_on(&self, began: Timestamp) -> bool {
        self.now().since(began) < TIME_PER_PART
    }

    async fn clean_deliveries(&self, kept: Kept) -> Result<u64, Error> {
        let began = self.now();
        let mut position: Position = serde_json::from_str(&self.position(CLEAN).await?).unwrap_or_default();
        let mut deleted = 0;
        for _ in 0..MOST_SLICES {
            let statements = vec![
                retention::next_position(&position, kept),
                retention::keep_last_delivered(&position, kept),
                retention::delete_slice(&position, kept),
            ];
            let mut batch = self.run(statements).await?;
            deleted += batch.count(2);
            let next = batch.first::<retention::PositionRow>(0)?.and_then(|row| row.next());
            position = next.clone().unwrap_or_default();
            // Around: from the first again, in the next run.
            if next.is_none() || !self.may_go_on(began) {
                break;
            }
        }
        self.run(vec![rounds::remember(CLEAN, &json_text(&position))]).await?;
        Ok(deleted)
    }

    /// Deletes what a split of shards left behind. Gives back how many rows.
    async fn clean_moved(&self) -> Result<u64, Error> {
        let began = self.now();
        let mut deleted = 0;
        for _ in 0..MOST_SLICES {
            let statements = vec![
                moved::delete_deliveries(SLICE),
                moved::forget_webhooks(),
                moved::delete_bodies(SLICE),
                moved::delete_transitions(SLICE),
                moved::forget_tenants(),
            ];
            let batch = self.run(statements).await?;
            let rows: u64 = (0..5).map(|index| batch.count(index)).sum();
            deleted += rows;
            if rows == 0 || !self.may_go_on(began) {
                break;
            }
        }
        Ok(deleted)
    }

    async fn clean_bodies(&self, now: Timestamp) -> Result<u64, Error> {
        let began = self.now();
        let mut position: i64 = self.position(BODIES).await?.parse().unwrap_or(0);
        let mut deleted = 0;
        for _ in 0..MOST_SLICES {
            let statements =
                vec![bodies::next_old(position, now, SLICE), bodies::delete_old(position, now, SLICE)];
            let mut batch = self.run(statements).await?;
            deleted += batch.count(1);
            let slice = batch.first::<OldRow>(0)?;
            let full = slice.as_ref().is_some_and(|slice| slice.total >= SLICE);
            position = slice.and_then(|slice| slice.last).filter(|_| full).unwrap_or(0);
            if !full || !self.may_go_on(began) {
                break;
            }
        }
        self.run(vec![rounds::remember(BODIES, &position.to_string())]).await?;
        Ok(deleted)
    }

    async fn clean_delivered_bodies(&self, before: Timestamp) -> Result<u64, Error> {
        let began = self.now();
        let mut deleted = 0;
        for _ in 0..MOST_SLICES {
            let slice = self.run(vec![bodies::delete_delivered(before, SLICE)]).await?.count(0);
            deleted += slice;
            if slice < u64::from(SLICE) || !self.may_go_on(began) {
                break;
            }
        }
        Ok(deleted)
    }
}
