//! Takes events in and delivers them.
//!
//! An event's way: [`Courier::publish`] puts it on the events queue; [`Courier::deliver_events`] matches a batch with
//! one read; [`pipeline`] takes what matches through its stages. What failed comes back through the retries queue to
//! [`Courier::deliver_retries`] and goes through the same stages; should its message be lost, [`Courier::sweep`] finds it.

mod attempt;
mod bodies;
mod dead_letters;
mod fresh;
mod lanes;
mod ledger;
mod mails;
mod meter;
mod notices;
mod operators;
mod outage;
pub mod pace;
mod pipeline;
mod publish;
mod record;
mod redelivery;
mod retention;
mod retries;
mod room;
mod seal_anew;
mod sweep;
mod tending;
#[cfg(test)]
mod tests;
pub mod turns;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::delivery::policy::DeliveryPolicy;
use crate::ports::{
    Batch, BodyStore, Clock, Compressor, Database, DatabaseError, HttpClient, Log, Queue, Random, Statement,
};
use crate::sealer::Sealer;
use crate::shared_text::SharedText;
use crate::time::Timestamp;
use crate::webhook::url::UrlRules;

pub use mails::Mailing;
pub use meter::Meter;
pub use operators::Operators;
pub use outage::{FirstAttempts, Outage};
pub use publish::PublishFault;
pub use record::MOST_IN_A_RECORD;
pub use wake::queued_delay;

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
    /// Packs envelopes for the database.
    pub compressor: Arc<dyn Compressor>,
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
    /// Who is told when a webhook is failing, is disabled, or recovers.
    pub operators: Option<Operators>,
    /// How members are told by e-mail; `None` where nobody is.
    pub mailing: Option<Mailing>,
    /// What this isolate knows of trouble with the database.
    pub outage: Outage,
}

/// A message as a queue hands it over.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its text.
    pub body: SharedText,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// What a consumer does with a message it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// All it asked for is done, or safely written down.
    Acknowledge,
    /// Hand it over again after this long.
    Retry(Duration),
}

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

    /// A stamp for a webhook's condition: no other writer has the same.
    fn fresh_stamp(&self) -> i64 {
        crate::webhook::health::stamp(self.random_number())
    }

    /// Runs statements, and remembers that the database can be read.
    async fn run(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        let batch = self.database.batch(statements).await?;
        self.outage.read_at(self.now());
        Ok(batch)
    }

    fn line(&self, message: &str, mut fields: Value) {
        if let Some(map) = fields.as_object_mut() {
            map.insert("message".to_owned(), json!(message));
        }
        self.log.write(fields);
    }
}
