//! Takes events in and delivers them.
//!
//! An event's way: [`Courier::publish`] puts it on the events queue; [`Courier::deliver_events`] matches a batch with
//! one read, makes the first attempts, and writes how they ended with one write; what failed comes back through the
//! retries queue to [`Courier::deliver_retries`], or, should its message be lost, through [`Courier::sweep`].

mod attempt;
mod dead_letters;
mod events;
mod fairness;
mod follow_up;
mod meter;
mod operators;
mod publish;
mod redelivery;
mod retries;
mod seal_anew;
mod standings;
mod sweep;
mod tend;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sealer::Sealer;
use crate::delivery::policy::DeliveryPolicy;
use crate::ports::{BodyStore, Clock, Database, HttpClient, Log, Queue, Random};
use crate::time::Timestamp;
use crate::webhook::url::UrlRules;

pub use meter::Meter;
pub use operators::Operators;
pub use publish::PublishFault;

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
    /// Each attempt's outcome and duration, where metrics are bound.
    pub meter: Meter,
    /// Every number that delivery goes by.
    pub policy: DeliveryPolicy,
    /// Which URLs this environment allows, checked again before each request.
    pub url_rules: UrlRules,
    /// Who is told when a webhook starts failing, is disabled, or recovers.
    pub operators: Option<Operators>,
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

/// A message that this version cannot read: another might, for the length of a deployment. Then it is a dead letter.
const UNDECODABLE: Settlement = Settlement::Retry(Duration::from_secs(2));

impl Courier {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random_number(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn line(&self, message: &str, mut fields: Value) {
        if let Some(map) = fields.as_object_mut() {
            map.insert("message".to_owned(), json!(message));
        }
        self.log.write(fields);
    }
}
