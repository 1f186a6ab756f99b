//! Queues: sends in as many calls as the limits ask for, and settles the messages of a batch.

use async_trait::async_trait;
use shared::courier::Settlement;
use shared::ports::{Backlog, Queue, QueueError, QueuedMessage};
use shared::time::Timestamp;

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call};

/// Messages per `sendBatch`.
const MOST_MESSAGES: usize = 100;
/// Bytes per `sendBatch`: 256 KB, less the platform's own bytes.
const MOST_BYTES: usize = 250_000;

/// A Queue.
pub struct WorkerQueue(Bound);

impl WorkerQueue {
    /// The queue bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "sendBatch").map(Self)
    }

    /// The texts are read where they lie.
    fn send_batch(&self, messages: &[QueuedMessage]) -> Call {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let layout = messages.iter().flat_map(|QueuedMessage { body, delay }| {
            [number(body.as_ptr().addr() as u64), number(body.len() as u64), number(delay.as_secs())]
        });
        let layout: Vec<u32> = layout.collect();
        Call::make(|call| glue::send(call, self.0.place(), &layout))
    }
}

/// Cuts messages into batches within both limits.
fn batches(messages: Vec<QueuedMessage>) -> Vec<Vec<QueuedMessage>> {
    let mut batches: Vec<Vec<QueuedMessage>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let fits = batches
            .last()
            .is_some_and(|batch| batch.len() < MOST_MESSAGES && bytes + message.body.len() <= MOST_BYTES);
        if !fits {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += message.body.len();
        if let Some(batch) = batches.last_mut() {
            batch.push(message);
        }
    }
    batches
}

#[async_trait]
impl Queue for WorkerQueue {
    async fn send(&self, messages: Vec<QueuedMessage>) -> Result<(), QueueError> {
        for batch in batches(messages) {
            self.send_batch(&batch).await.or_thrown().map_err(QueueError)?;
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, QueueError> {
        let told =
            Call::make(|call| glue::backlog(call, self.0.place())).await.or_thrown().map_err(QueueError)?;
        backlog(&told.text).ok_or_else(|| QueueError(format!("no metrics: {}", told.text)))
    }
}

/// A Queue's metrics as they cross: the number of messages, and the milliseconds of the oldest message, 0 where there is none.
fn backlog(text: &str) -> Option<Backlog> {
    let (messages, oldest) = text.split_once(' ')?;
    let oldest = oldest.parse().ok().filter(|oldest| *oldest > 0).map(Timestamp::from_milliseconds);
    Some(Backlog { messages: messages.parse().ok()?, oldest })
}

/// A settlement as it crosses: -1 acknowledges a message, any other number asks the Queue to hand the message over again after
/// so many seconds.
pub(crate) fn delay(settlement: Settlement) -> i32 {
    match settlement {
        Settlement::Acknowledge => -1,
        Settlement::Retry(delay) => i32::try_from(delay.as_secs()).unwrap_or(i32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(bytes: usize) -> QueuedMessage {
        QueuedMessage { body: "x".repeat(bytes).into(), delay: Duration::ZERO }
    }

    #[test]
    fn a_backlog_has_a_number_of_messages_and_perhaps_an_oldest() {
        let oldest = Timestamp::from_milliseconds(1_900_000_000_000);
        assert_eq!(backlog("7 1900000000000"), Some(Backlog { messages: 7, oldest: Some(oldest) }));
        for text in ["0 0", "0 NaN"] {
            assert_eq!(backlog(text), Some(Backlog::default()), "{text}");
        }
        assert_eq!(backlog("undefined NaN"), None);
    }

    #[test]
    fn batches_keep_both_limits_and_the_order() {
        let sizes: Vec<usize> = (0..250).map(|index| if index % 10 == 0 { 100_000 } else { 10 }).collect();
        let batches = batches(sizes.iter().copied().map(message).collect());
        for batch in &batches {
            assert!(batch.len() <= MOST_MESSAGES);
            assert!(batch.iter().map(|message| message.body.len()).sum::<usize>() <= MOST_BYTES);
        }
        let flat: Vec<usize> = batches.iter().flatten().map(|message| message.body.len()).collect();
        assert_eq!(flat, sizes);
    }
}
