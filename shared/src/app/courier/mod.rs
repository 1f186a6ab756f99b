//! Takes events in and delivers them.
//!
//! An event's way: [`Courier::publish`] puts it on the events queue; [`Courier::deliver_events`] matches a batch with
//! one read, makes the first attempts, and writes how they ended with one write; what failed comes back through the
//! retries queue to [`Courier::deliver_retries`], or, should its message be lost, through [`Courier::sweep`].

mod attempt;
mod events;
mod fairness;
mod publish;
mod retries;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sealer::Sealer;
use crate::delivery::retry::RetryPolicy;
use crate::event::message::{DeliveryKey, RetryMessage};
use crate::ports::{BodyStore, Clock, Database, HttpClient, Log, Queue, QueuedMessage, Random};
use crate::time::Timestamp;
use crate::webhook::url::UrlRules;

pub use publish::PublishFault;

/// For one whole exchange with an endpoint.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// What delivery works with. Cheap to clone.
#[derive(Clone)]
pub struct Courier {
    /// Webhooks and deliveries.
    pub database: Arc<dyn Database>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Jitter and keys of large bodies.
    pub random: Arc<dyn Random>,
    /// Opens webhook secrets and tokens.
    pub sealer: Sealer,
    /// Sends the requests.
    pub http: Arc<dyn HttpClient>,
    /// Fresh events.
    pub events: Arc<dyn Queue>,
    /// Retries.
    pub retries: Arc<dyn Queue>,
    /// Bodies too large for a message.
    pub bodies: Arc<dyn BodyStore>,
    /// One line per attempt and change of state.
    pub log: Arc<dyn Log>,
    /// When failed deliveries are tried again.
    pub policy: RetryPolicy,
    /// Which URLs this environment allows, checked again before each request.
    pub url_rules: UrlRules,
}

/// What a consumer does with a message it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// All it asked for is done, or safely written down.
    Acknowledge,
    /// Hand it over again after this long.
    Retry(Duration),
}

/// How long a message waits that met an outage of ours.
const AFTER_OUTAGE: Settlement = Settlement::Retry(Duration::from_secs(10));

impl Courier {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random_number(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Wakes a consumer for each of these deliveries when it is due. The database has the schedule: should the queue
    /// refuse, the sweep does it a little later.
    async fn wake(&self, due: Vec<(DeliveryKey, Duration)>) {
        if due.is_empty() {
            return;
        }
        let messages = due
            .into_iter()
            .map(|(key, delay)| QueuedMessage { body: RetryMessage::Deliver(key).encode(), delay });
        if let Err(error) = self.retries.send(messages.collect()).await {
            self.line("retries not queued; the sweep will", json!({"detail": error.to_string()}));
        }
    }

    fn line(&self, message: &str, mut fields: Value) {
        if let Some(map) = fields.as_object_mut() {
            map.insert("message".to_owned(), json!(message));
        }
        self.log.write(fields);
    }
}
