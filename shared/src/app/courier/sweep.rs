//! The cron run: what is overdue goes back on the queue, so that a lost message strands nothing.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::store::deliveries::{self, KeyRow};

/// How long a delivery may be overdue before its message counts as lost.
const OVERDUE: Duration = Duration::from_secs(30);
/// Deliveries woken by one run; the next run goes on.
const WOKEN_AT_ONCE: u32 = 500;

impl Courier {
    /// Wakes overdue deliveries, the longest overdue first. Gives back how many. Running twice wakes some twice, and
    /// a delivery is leased only once.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let now = self.now();
        let mut batch =
            self.database.batch(vec![deliveries::overdue(now.minus(OVERDUE), now, WOKEN_AT_ONCE)]).await?;
        let rows = batch.take::<KeyRow>(0)?;
        let count = rows.len();
        if count > 0 {
            self.line("sweep", json!({"woken": count}));
        }
        self.wake(rows.into_iter().map(|row| (row.into(), Duration::ZERO)).collect()).await;
        Ok(count)
    }
}
