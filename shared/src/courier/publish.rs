//! `POST /events`: from EventBridge to the events queue.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::Courier;
use crate::error::Error;
use crate::event::envelope::{EnvelopeFault, Event};
use crate::event::message::{EventMessage, LONGEST_MESSAGE};
use crate::ports::{Queue, QueuedMessage};
use crate::shard::Shards;
use crate::shared_text::SharedText;

/// The most events one request may hold.
pub(super) const MOST_EVENTS: usize = 100;
/// How long a large body is kept: as long as a Queue keeps its messages.
pub(super) const BODY_KEPT: Duration = Duration::from_secs(14 * 86_400);

/// Why a request was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishFault {
    /// Neither an envelope nor an array of them.
    #[error("must be one EventBridge envelope or an array of 1 to {MOST_EVENTS}")]
    Shape,
    /// One of them is no envelope.
    #[error("event {index}: {fault}")]
    Envelope {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        fault: EnvelopeFault,
    },
    /// The queue, or the store of large bodies, did not take them all.
    #[error(transparent)]
    NotQueued(#[from] Error),
}

impl Shards<Courier> {
    /// Puts one envelope, or up to a hundred, on the queue, byte for byte and without a copy. Gives back how many, once all are safe.
    ///
    /// # Errors
    /// [`PublishFault`]; then none is taken on purpose, though after an outage of the queue some may be delivered:
    /// the sender tries again, and deliveries are unique by event.
    pub async fn publish(&self, body: impl Into<SharedText>) -> Result<usize, PublishFault> {
        let body = body.into();
        let envelopes: Vec<&RawValue> = if body.trim_start().starts_with('[') {
            serde_json::from_str(&body).map_err(|_| PublishFault::Shape)?
        } else {
            vec![serde_json::from_str(&body).map_err(|_| PublishFault::Shape)?]
        };
        if !(1..=MOST_EVENTS).contains(&envelopes.len()) {
            return Err(PublishFault::Shape);
        }
        let parsed = envelopes.iter().enumerate().map(|(index, envelope)| {
            Event::parse(body.part(envelope.get())).map_err(|fault| PublishFault::Envelope { index, fault })
        });
        let events = parsed.collect::<Result<Vec<_>, _>>()?;
        let count = events.len();
        // Each shard's events go on the Queue of its group.
        let mut messages: Vec<Vec<QueuedMessage>> = self.all().iter().map(|_| Vec::new()).collect();
        for event in events {
            let shard = self.place(&event);
            let body = self.all()[shard].message(event).await?;
            messages[shard].push(QueuedMessage { body, delay: Duration::ZERO });
        }
        for (queue, messages) in by_queue(self.all(), messages) {
            queue.send(messages).await.map_err(Error::from)?;
        }
        Ok(count)
    }
}

/// Puts together what goes on the same Queue: shards of one group share it.
fn by_queue(
    couriers: &[Courier],
    messages: Vec<Vec<QueuedMessage>>,
) -> Vec<(Arc<dyn Queue>, Vec<QueuedMessage>)> {
    let mut queues: Vec<(Arc<dyn Queue>, Vec<QueuedMessage>)> = Vec::new();
    for (courier, messages) in couriers.iter().zip(messages).filter(|(_, messages)| !messages.is_empty()) {
        match queues.iter_mut().find(|(queue, _)| Arc::ptr_eq(queue, &courier.events)) {
            Some((_, all)) => all.extend(messages),
            None => queues.push((courier.events.clone(), messages)),
        }
    }
    queues
}

impl Courier {
    /// A key of its own for a large body.
    pub(super) fn body_key(&self, event_id: &str) -> String {
        format!("events/{event_id}/{:016x}", self.random_number())
    }

    async fn message(&self, event: Event) -> Result<SharedText, Error> {
        if event.body.len() <= LONGEST_MESSAGE {
            return Ok(EventMessage::Envelope(event.body).encode());
        }
        let key = self.body_key(event.id.as_str());
        self.bodies.put(&key, &event.body, BODY_KEPT).await?;
        Ok(EventMessage::StoredAt(key).encode())
    }
}
