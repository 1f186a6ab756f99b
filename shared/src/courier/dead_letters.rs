//! The last stop of a message: written down, for admins to see and put back.

use std::time::Duration;

use serde_json::json;

use super::{Courier, Message, Settlement};
use crate::event::message::EventMessage;
use crate::store::dead_letters;

/// After this queue there is no other: with the hundred retries that Queues allow, a day of outage loses nothing.
const UNTIL_STORES_ARE_BACK: Settlement = Settlement::Retry(Duration::from_secs(900));

impl Courier {
    /// Writes dead letters down, those of large events with the envelope that they point to; says for each, in order,
    /// what to do with it. A letter that waits here already is not written twice.
    pub async fn keep_dead_letters(&self, messages: &[Message]) -> Vec<Settlement> {
        let mut settlements = Vec::with_capacity(messages.len());
        for message in messages {
            settlements.push(match self.keep_dead_letter(&message.body).await {
                Ok(()) => Settlement::Acknowledge,
                Err(detail) => {
                    self.line("dead letter not settled", json!({"level": "error", "detail": detail}));
                    UNTIL_STORES_ARE_BACK
                }
            });
        }
        let kept = settlements.iter().filter(|settlement| **settlement == Settlement::Acknowledge).count();
        if kept > 0 {
            self.line("dead letters", json!({"level": "error", "messages": kept}));
        }
        settlements
    }

    /// A letter without its envelope would be of no use: it waits until the envelope can be read.
    async fn keep_dead_letter(&self, body: &str) -> Result<(), String> {
        let envelope = match EventMessage::decode(body) {
            Ok(EventMessage::StoredAt(key)) => {
                self.bodies.get(&key).await.map_err(|error| error.to_string())?
            }
            // Requeued in vain: the letter before has the envelope.
            Ok(EventMessage::DeadLetter(id)) => self.letter(id).await.map_err(|error| error.to_string())?,
            _ => None,
        };
        let statement = dead_letters::insert(body, envelope.as_deref(), self.now());
        self.run(vec![statement]).await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
