//! A part of the cron run: operators are told before a database is full, and when events wait on their Queue.

use std::time::Duration;

use serde_json::{Value, json};

use super::Courier;
use crate::delivery::outcome::Outcome;
use crate::error::Error;
use crate::store::rounds::{self, BACKLOG_TOLD, PositionRow, SIZE_TOLD};
use crate::text::json_text;
use crate::time::Timestamp;

/// The size of a database above which operators are told, in bytes. D1 takes 10 GB.
const MOST_BYTES: u64 = 7_000_000_000;
/// The number of messages on the events Queue above which operators are told.
const MOST_MESSAGES: u64 = 10_000;
/// The age of the oldest event on the Queue above which operators are told.
const OLDEST: Duration = Duration::from_secs(300);
/// How long operators are left alone after they were told.
const BETWEEN: Duration = Duration::from_secs(3_600);

impl Courier {
    /// Tells operators, once an hour while it lasts, that the database at this place is filling up, and, if `with_queue`, that
    /// events wait on the Queue. Running twice at the same time may tell twice, under the same id.
    ///
    /// # Errors
    /// Where the database or the Queue does not answer.
    pub async fn watch_room(&self, place: usize, with_queue: bool) -> Result<(), Error> {
        let now = self.now();
        let mut batch = self.run(vec![rounds::position(SIZE_TOLD), rounds::position(BACKLOG_TOLD)]).await?;
        let told = [batch.first::<PositionRow>(0)?, batch.first::<PositionRow>(1)?];
        let [size_due, backlog_due] = told.map(|row| is_due(row, now));
        if let Some(bytes) = batch.size.filter(|bytes| size_due && *bytes > MOST_BYTES) {
            let id = alarm_id("size", place, now);
            let fields = json!({"level": "error", "id": id, "database": place, "bytes": bytes, "at": now});
            self.line("database is filling up", fields.clone());
            self.alarm(SIZE_TOLD, &id, "database.filling", fields).await?;
        }
        if !with_queue || !backlog_due {
            return Ok(());
        }
        let backlog = self.events.backlog().await?;
        let age = backlog.oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        if backlog.messages > MOST_MESSAGES || (backlog.messages > 0 && age > OLDEST) {
            let id = alarm_id("backlog", place, now);
            let fields = json!({
                "level": "error", "id": id, "messages": backlog.messages, "oldestSeconds": age.as_secs(), "at": now,
            });
            self.line("events wait on the queue", fields.clone());
            self.alarm(BACKLOG_TOLD, &id, "queue.backlog", fields).await?;
        }
        Ok(())
    }

    /// Tells operators, where there are any, and remembers for an hour that they were told. Where that fails, the next run tells them.
    async fn alarm(&self, round: &str, id: &str, event_type: &str, data: Value) -> Result<(), Error> {
        if let Some(operators) = &self.operators {
            let body = json_text(&json!({"type": event_type, "data": data}));
            let result = self.tell_operators(operators, id, body).await;
            if result.outcome(self.now().milliseconds()) != Outcome::Delivered {
                let fields = json!({"level": "error", "error": result.error(), "notice": id});
                self.line("operators not told", fields);
                return Ok(());
            }
        }
        self.run(vec![rounds::remember(round, &self.now().milliseconds().to_string())]).await?;
        Ok(())
    }
}

/// Whether operators were told long enough ago.
fn is_due(row: Option<PositionRow>, now: Timestamp) -> bool {
    let told = row.and_then(|row| row.position.parse().ok()).map(Timestamp::from_milliseconds);
    told.is_none_or(|told| now.since(told) >= BETWEEN)
}

/// The id of an alarm, the same for all runs of an hour: receivers dedupe by the id.
fn alarm_id(what: &str, place: usize, now: Timestamp) -> String {
    let hour = now.milliseconds() / 3_600_000;
    format!("{what}-{place}-{hour}")
}
