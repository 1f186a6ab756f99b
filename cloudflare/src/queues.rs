//! Queues: sends in as many calls as the limits ask for, and settles the messages of a batch.

use async_trait::async_trait;
use shared::courier::Settlement;
use shared::ports::{Queue, QueueError, QueuedMessage};
use wasm_bindgen::JsValue;
use worker::send::{SendFuture, SendWrapper};
use worker::{
    BatchMessageBuilder, MessageExt, QueueContentType, QueueRetryOptionsBuilder, RawMessage,
    RawMessageBuilder,
};

/// Messages per `sendBatch`.
const MOST_MESSAGES: usize = 100;
/// Bytes per `sendBatch`: 256 KB, less the platform's own bytes.
const MOST_BYTES: usize = 250_000;

/// A Queue.
pub struct WorkerQueue(SendWrapper<worker::Queue>);

impl WorkerQueue {
    /// The queue bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &worker::Env, name: &str) -> worker::Result<Self> {
        Ok(Self(SendWrapper(env.queue(name)?)))
    }

    async fn send_batch(&self, messages: Vec<QueuedMessage>) -> worker::Result<()> {
        let messages = messages.into_iter().map(|message| {
            // As text: a body that holds a serde_json value would arrive as `{}`.
            let builder = RawMessageBuilder::new(JsValue::from_str(&message.body));
            let delay = u32::try_from(message.delay.as_secs()).unwrap_or(u32::MAX);
            builder.delay_seconds(delay).build_with_content_type(QueueContentType::Text)
        });
        self.0.send_raw_batch(BatchMessageBuilder::new().messages(messages).build()).await
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
            let sent = SendFuture::new(self.send_batch(batch)).await;
            sent.map_err(|error| QueueError(error.to_string()))?;
        }
        Ok(())
    }
}

/// Acknowledges a message, or asks the Queue to hand it over again.
pub(crate) fn settle(message: &RawMessage, settlement: Settlement) {
    match settlement {
        Settlement::Acknowledge => message.ack(),
        Settlement::Retry(delay) => {
            let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
            message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(seconds).build());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(bytes: usize) -> QueuedMessage {
        QueuedMessage { body: "x".repeat(bytes), delay: Duration::ZERO }
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
