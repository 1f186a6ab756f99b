//! The last stop of a message: written down, for admins to see and put back.

use std::time::Duration;

use serde_json::json;

use super::{Courier, Message, Settlement};
use crate::event::message::EventMessage;
use crate::store::dead_letters;

/// After this queue there is no other: with the hundred retries that Queues allow, a day of outage loses nothing.
const UNTIL_DATABASE_IS_BACK: Settlement = Settlement::Retry(Duration::from_secs(900));

impl Courier {
    /// Writes dead letters down, those of large events with the envelope that they point to; says for each, in order,
    /// what to do with it. Running twice writes each once.
    pub async fn keep_dead_letters(&self, messages: &[Message]) -> Vec<Settlement> {
        let now = self.now();
        let mut settlements = Vec::with_capacity(messages.len());
        for message in messages {
            let body = &message.body;
            let envelope = match EventMessage::decode(body) {
                Ok(EventMessage::StoredAt(key)) => self.bodies.get(&key).await.ok().flatten(),
                // One that was requeued in vain: the letter before has it.
                Ok(EventMessage::DeadLetter(id)) => self.letter(id).await.ok().flatten(),
                _ => None,
            };
            settlements.push(
                match self.run(vec![dead_letters::insert(body, envelope.as_deref(), now)]).await {
                    Ok(_) => Settlement::Acknowledge,
                    Err(error) => {
                        let detail = error.to_string();
                        self.line("dead letter not settled", json!({"level": "error", "detail": detail}));
                        UNTIL_DATABASE_IS_BACK
                    }
                },
            );
        }
        let kept = settlements.iter().filter(|settlement| **settlement == Settlement::Acknowledge).count();
        if kept > 0 {
            self.line("dead letters", json!({"level": "error", "messages": kept}));
        }
        settlements
    }
}
