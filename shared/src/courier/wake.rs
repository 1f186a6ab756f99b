//! Wake-ups on the retries queue.

use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::delivery::progress::Progress;
use crate::delivery::standing::Stage;
use crate::event::message::RetryMessage;
use crate::ports::QueuedMessage;

impl Courier {
    /// Wakes a consumer for each delivery that has a time of its own. What is held needs none.
    pub(super) async fn wake(&self, progress: &[Progress]) {
        let now = self.now();
        let timed = |one: &&Progress| matches!(one.standing.stage, Stage::Scheduled | Stage::Released);
        let due = progress.iter().filter(timed).filter_map(|one| {
            let delay = one.standing.next_attempt_at?.since(now);
            Some((RetryMessage::Deliver(one.key.clone()), delay))
        });
        self.send(due.collect()).await;
    }

    /// Puts wake-ups on the retries queue. The database has the schedule: should the queue refuse, the sweep sends what is
    /// overdue.
    pub(super) async fn send(&self, messages: Vec<(RetryMessage, Duration)>) {
        if messages.is_empty() {
            return;
        }
        let messages = messages
            .into_iter()
            .map(|(message, delay)| QueuedMessage { body: message.encode(), delay: queued_delay(delay) });
        if let Err(error) = self.retries.send(messages.collect()).await {
            self.line("wake-ups not queued; the sweep will", json!({"detail": error.to_string()}));
        }
    }
}

/// The delay of a message that is to come after this time. Queues count whole seconds: rather late than early, when there
/// would be nothing to do yet.
pub fn queued_delay(delay: Duration) -> Duration {
    Duration::from_secs(delay.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
}
