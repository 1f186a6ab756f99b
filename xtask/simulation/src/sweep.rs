//! The cron run: what is overdue goes back on the Queue, and what is old is deleted.

use shared::delivery::standing::Stage;
use shared::store::retention::SLICE;

use crate::database::Row;
use crate::engine::Run;
use crate::queue::Content;
use crate::time::instant;

/// Rows that the product's cron run takes at a time, and how often in a run.
const AT_ONCE: usize = 1_000;
/// Slices of a run, at most.
const MOST_SLICES: usize = 100;
/// What a run asks a database besides, with nothing to do: reads, and writes.
const READS: usize = 6;
/// See [`READS`].
const WRITES: usize = 6;

impl Run<'_> {
    pub(crate) fn sweep(&mut self) {
        let now = instant(self.now);
        let before = now.minus(self.policy.overdue());
        for shard in 0..self.databases.len() {
            for _ in 0..READS {
                self.databases[shard].read(self.now);
            }
            // As many deliveries end their time as were delivered, once the log is full.
            let delivered = std::mem::take(&mut self.delivered_of_shard[shard]);
            let slices = usize::try_from(delivered.div_ceil(u64::from(SLICE))).unwrap_or_default();
            for _ in 0..WRITES + slices {
                self.databases[shard].write(self.now);
            }
            if self.databases[shard].takes_writes(self.now) {
                self.wake_overdue(shard, before);
            }
        }
        for id in 0..self.webhooks.all.len() {
            let webhook = &self.webhooks.all[id];
            if webhook.condition.due.is_some_and(|due| due <= before) {
                let shard = webhook.shard;
                self.wake(shard, Content::Tend(u32::try_from(id).unwrap_or(u32::MAX)), now);
            }
        }
    }

    fn wake_overdue(&mut self, shard: usize, before: shared::time::Timestamp) {
        let now = instant(self.now);
        let timed = self.databases[shard].timed.range(..=(before, u32::MAX));
        let overdue: Vec<u32> = timed.take(AT_ONCE * MOST_SLICES).map(|(_, place)| *place).collect();
        for _ in 0..overdue.len().div_ceil(AT_ONCE) {
            self.databases[shard].write(self.now);
        }
        for place in overdue {
            let Some(row) = self.rows.at(place).copied() else { continue };
            debug_assert!(row.stage != Stage::Held, "what is held has no time of its own");
            self.take_out(place, shard);
            self.put_in(place, Row { next: now, ..row }, shard);
            self.wake(shard, Content::Deliver { row: place, event: row.event }, now);
        }
    }
}
