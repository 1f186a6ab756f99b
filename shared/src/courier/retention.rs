//! A part of the cron run: what is old is deleted.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::store::retention::{self, BodiesRow};
use crate::store::rounds::{self, BODIES, CLEAN, PositionRow};
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

const DAY: Duration = Duration::from_secs(86_400);
/// How long ended deliveries are kept.
const KEPT: Duration = DAY.saturating_mul(30);
/// How long the body of a delivered event is kept that was not delivered at once.
const BODY_KEPT: Duration = DAY;
/// How long operators are tried to be told of a change.
const NOTICES_KEPT: Duration = DAY.saturating_mul(3);
/// Slices that one run deletes.
const SLICES_PER_RUN: usize = 20;

impl Courier {
    /// Deletes old deliveries, never pending ones, a few slices, webhook by webhook; bodies that nothing needs; dead
    /// letters. The next run goes on from there. Gives back how many deliveries. Running twice deletes further slices.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn clean(&self) -> Result<u64, Error> {
        let now = self.now();
        let deleted = self.clean_deliveries(now.minus(KEPT)).await?;
        let bodies = self.clean_bodies(now.minus(BODY_KEPT)).await?;
        let notices = retention::delete_notices(now.minus(NOTICES_KEPT));
        self.run(vec![retention::delete_dead_letters(now), notices]).await?;
        if deleted + bodies > 0 {
            self.line("old deliveries deleted", json!({"deleted": deleted, "bodies": bodies}));
        }
        Ok(deleted)
    }

    async fn position(&self, round: &str) -> Result<String, Error> {
        let mut batch = self.run(vec![rounds::position(round)]).await?;
        Ok(batch.first::<PositionRow>(0)?.map(|row| row.position).unwrap_or_default())
    }

    async fn clean_deliveries(&self, before: Timestamp) -> Result<u64, Error> {
        let mut position = self.position(CLEAN).await?;
        let mut deleted = 0;
        for _ in 0..SLICES_PER_RUN {
            let mut batch = self.run(vec![retention::next_webhook(&position)]).await?;
            let next = batch.first::<PositionRow>(0)?.map(|row| row.position).unwrap_or_default();
            let Ok(webhook) = WebhookId::parse(&next) else {
                // Around: from the first again, in the next run.
                position = String::new();
                break;
            };
            let statements = vec![
                retention::keep_last_delivered(&webhook, before),
                retention::delete_slice(&webhook, before),
            ];
            let slice = self.run(statements).await?.count(1);
            deleted += slice;
            // A busy webhook has more than one slice a round; one whose oldest are kept for now is not waited for.
            if slice < u64::from(retention::SLICE / 2) {
                position = next;
            }
        }
        self.run(vec![rounds::remember(CLEAN, &position)]).await?;
        Ok(deleted)
    }

    async fn clean_bodies(&self, before: Timestamp) -> Result<u64, Error> {
        let mut position: i64 = self.position(BODIES).await?.parse().unwrap_or(0);
        let mut deleted = 0;
        for _ in 0..SLICES_PER_RUN {
            let statements =
                vec![retention::next_bodies(position, before), retention::delete_bodies(position, before)];
            let mut batch = self.run(statements).await?;
            deleted += batch.count(1);
            let slice = batch.first::<BodiesRow>(0)?;
            let full = slice.as_ref().is_some_and(|slice| slice.total >= retention::SLICE);
            position = slice.and_then(|slice| slice.last).filter(|_| full).unwrap_or(0);
            if !full {
                break;
            }
        }
        self.run(vec![rounds::remember(BODIES, &position.to_string())]).await?;
        Ok(deleted)
    }
}
