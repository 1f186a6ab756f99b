//! The last stop of a message: written down, for admins to see and put back.

use std::time::Duration;

use serde_json::json;

use super::{Courier, Message, Settlement};
use crate::dead_letter::{DeadLetterId, bucket};
use crate::event::message::EventMessage;
use crate::shard::Shards;
use crate::shared_text::SharedText;
use crate::store::dead_letters;

/// After this queue there is no other: with the hundred retries that Queues allow, a day of outage loses nothing.
const UNTIL_STORES_ARE_BACK: Settlement = Settlement::Retry(Duration::from_secs(900));

impl Shards<Courier> {
    /// Writes dead letters down, those of large events with the envelope that they point to; says for each, in order,
    /// what to do with it. A letter that waits here already is not written twice.
    pub async fn keep_dead_letters(&self, messages: &[Message]) -> Vec<Settlement> {
        let any = &self.all()[0];
        let mut settlements = Vec::with_capacity(messages.len());
        for message in messages {
            settlements.push(match self.keep_dead_letter(&message.body).await {
                Ok(()) => Settlement::Acknowledge,
                Err(detail) => {
                    any.line("dead letter not settled", json!({"level": "error", "detail": detail}));
                    UNTIL_STORES_ARE_BACK
                }
            });
        }
        let kept = settlements.iter().filter(|settlement| **settlement == Settlement::Acknowledge).count();
        if kept > 0 {
            any.line("dead letters", json!({"level": "error", "messages": kept}));
        }
        settlements
    }

    /// A letter without its envelope would be of no use: it waits until the envelope can be read.
    async fn keep_dead_letter(&self, body: &SharedText) -> Result<(), String> {
        let envelope = match EventMessage::decode(body) {
            Ok(EventMessage::StoredAt(key)) => {
                self.all()[0].bodies.get(&key).await.map_err(|error| error.to_string())?
            }
            // Requeued in vain: the letter before has the envelope.
            Ok(EventMessage::DeadLetter(id)) => {
                self.of(id.bucket()).letter(id).await.map_err(|error| error.to_string())?
            }
            _ => None,
        };
        let bucket = bucket(body, envelope.as_deref());
        let courier = self.of(bucket);
        let mut bytes = [0; 16];
        courier.random.fill(&mut bytes);
        let id = DeadLetterId::from_random_bytes(bucket, bytes);
        let statement = dead_letters::insert(id, body, envelope.as_deref(), courier.now());
        courier.run(vec![statement]).await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
