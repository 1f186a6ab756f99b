//! What the platform allows, as Cloudflare documents it, and how the Workers are configured.

use anyhow::{Context, Result};

use crate::time::{MILLISECOND, Micros, SECOND};

/// Consumers of one Queue at the same time (limits of Queues).
pub(crate) const CONSUMERS: usize = 250;
/// Messages that a Queue takes in a second (limits of Queues).
pub(crate) const MESSAGES_A_SECOND: u64 = 5_000;
/// The time of one read of D1, which answers one query at a time.
pub(crate) const D1_READ: Micros = MILLISECOND;
/// The time of one batch of writes of D1.
pub(crate) const D1_WRITE: Micros = 5 * MILLISECOND;

/// How a Queue is consumed.
#[derive(Clone, Copy, Debug)]
pub struct Consumption {
    /// Messages in a batch, at most.
    pub batch_size: usize,
    /// How long a batch waits to fill.
    pub batch_timeout: Micros,
}

/// The consumer's configuration.
const CONFIGURATION: &str = include_str!("../../../webhook-delivery/wrangler.toml");

impl Consumption {
    /// As webhook-delivery consumes this Queue in production.
    ///
    /// # Errors
    /// Where the configuration says nothing of it.
    pub(crate) fn deployed(queue: &str) -> Result<Self> {
        let document: toml::Table = toml::from_str(CONFIGURATION)?;
        let consumers = document["env"]["prod"]["queues"]["consumers"].as_array();
        let consumer = consumers
            .and_then(|all| all.iter().find(|one| one["queue"].as_str() == Some(queue)))
            .with_context(|| format!("webhook-delivery/wrangler.toml has no consumer of {queue} in prod"))?;
        let number = |name: &str| {
            let number = consumer.get(name).and_then(toml::Value::as_integer);
            number
                .and_then(|number| u64::try_from(number).ok())
                .with_context(|| format!("{queue} has no {name} in prod"))
        };
        let batch_size = usize::try_from(number("max_batch_size")?)?;
        Ok(Self { batch_size, batch_timeout: number("max_batch_timeout")? * SECOND })
    }
}
