//! Consumes the queues: each batch goes to the use case of its queue, which settles every message by itself.

use std::sync::Arc;
use std::time::Duration;

use edge::cost::Cost;
use serde_json::json;
use shared::courier::{Message, Settlement};

use crate::journal::Journal;
use crate::service::WebhookDelivery;

/// The queues that the Worker consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumedQueue {
    /// Fresh events.
    Events,
    /// Messages that wake what is due in the database.
    Retries,
    /// Messages of the other two that could not be handled.
    DeadLetters,
}

impl ConsumedQueue {
    /// Every consumed queue.
    pub const ALL: [Self; 3] = [Self::Events, Self::Retries, Self::DeadLetters];

    /// The queue's name on Cloudflare.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "webhook-events",
            Self::Retries => "webhook-retries",
            Self::DeadLetters => "webhook-dead-letters",
        }
    }

    /// The queue of this name, or of a further pair (`webhook-events-2`), if the Worker knows how to consume it.
    pub fn named(name: &str) -> Option<Self> {
        let pair = |rest: &str| {
            rest.is_empty()
                || rest
                    .strip_prefix('-')
                    .is_some_and(|pair| pair.bytes().all(|byte| byte.is_ascii_digit()) && !pair.is_empty())
        };
        Self::ALL.into_iter().find(|queue| name.strip_prefix(queue.name()).is_some_and(pair))
    }
}

/// Says what becomes of a message that the Worker cannot handle before somebody mends its configuration.
pub fn postpone(queue: &str) -> Settlement {
    let seconds = match ConsumedQueue::named(queue) {
        // Dead letters have no queue to go to after theirs: a longer pause leaves more time for the repair.
        Some(ConsumedQueue::DeadLetters) => 900,
        Some(ConsumedQueue::Events | ConsumedQueue::Retries) | None => 60,
    };
    Settlement::Retry(Duration::from_secs(seconds))
}

/// Consumes a batch, given the queue's name and the messages. Returns a settlement for each message, in order,
/// and writes the log lines of the batch.
pub async fn consume(delivery: WebhookDelivery, queue: &str, messages: &[Message]) -> Vec<Settlement> {
    let cost = Cost::default();
    let mut couriers = delivery.couriers.clone();
    let clock = couriers.all()[0].clock.clone();
    let journal = Journal::new(couriers.all()[0].log.clone());
    for courier in couriers.all_mut() {
        courier.database = cost.meter(courier.database.clone());
        courier.log = Arc::new(journal.clone());
    }
    let started = clock.now();
    let known = ConsumedQueue::named(queue);
    let settlements = match known {
        // Running twice writes each delivery once: a batch begins by reading which of them exist.
        Some(ConsumedQueue::Events) => couriers.deliver_events(messages).await,
        // Running twice sends nothing twice: only what the database says is due is leased and attempted.
        Some(ConsumedQueue::Retries) => couriers.deliver_retries(messages).await,
        // Running twice writes each dead letter once, until somebody requeues the letter.
        Some(ConsumedQueue::DeadLetters) => couriers.keep_dead_letters(messages).await,
        None => vec![postpone(queue); messages.len()],
    };
    let acknowledged =
        settlements.iter().filter(|settlement| **settlement == Settlement::Acknowledge).count();
    let mut line = json!({
        "message": "batch", "queue": queue, "messages": messages.len(), "acknowledged": acknowledged,
        "milliseconds": clock.now().since(started).as_millis(), "d1RoundTrips": cost.round_trips(),
        "d1RowsRead": cost.rows_read(), "d1RowsWritten": cost.rows_written(),
    });
    if known.is_none() {
        line["message"] = "unknown queue".into();
        line["level"] = "error".into();
    }
    journal.close(&line);
    settlements
}
