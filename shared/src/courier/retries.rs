//! A batch from the retries queue: what each message wakes, and deliveries leased for the pipeline.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::pipeline::{Bundle, Parcel};
use super::{Courier, Message, Settlement, UNDECODABLE};
use crate::delivery::progress::Origin;
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, RetryMessage, WebhookKey};
use crate::store::bodies::{self, BodyRow};
use crate::store::deliveries::{self, LeasedRow};
use crate::store::targets::{self, TargetRow};
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Queues count whole seconds, so a message may come a little before its delivery is due.
const EARLY: Duration = Duration::from_secs(1);
/// A batch whose bodies do not fit an isolate is leased in so many parts; the sweep wakes what is beyond.
const MOST_PARTS: usize = 20;

impl Courier {
    /// Delivers a batch of messages from the retries queue; says for each, in order, what to do with it.
    ///
    /// A message only wakes: what the database does not say is due is left alone, so that a message handed over
    /// twice, or one that the sweep has repeated, sends nothing twice.
    pub async fn deliver_retries(&self, messages: &[Message]) -> Vec<Settlement> {
        let decoded: Vec<_> = messages.iter().map(|message| RetryMessage::decode(&message.body)).collect();
        let mut keys: Vec<&DeliveryKey> = Vec::new();
        let mut webhooks: Vec<&WebhookKey> = Vec::new();
        let mut records = Vec::new();
        let mut redeliver = false;
        for message in &decoded {
            match message {
                Ok(RetryMessage::Deliver(key)) if !keys.contains(&key) => keys.push(key),
                Ok(RetryMessage::Tend(key)) if !webhooks.contains(&key) => webhooks.push(key),
                Ok(RetryMessage::Record(record)) => records.push(record.clone()),
                Ok(RetryMessage::Redeliver(_)) => redeliver = true,
                Ok(_) => {}
                Err(error) => self.line("undecodable message", json!({"detail": error.to_string()})),
            }
        }
        // First, so that nothing is attempted again for want of a record that is here.
        let recorded = self.write_records(records).await;
        if redeliver {
            // What is not held here is held in the cron run.
            self.settled(&self.redeliver_ranges().await);
        }
        // Releases and probes are let go before anything that an endpoint can hold up.
        let tending = self.tend(&webhooks).await;
        let delivered = self.settled(&self.retry(keys).await);
        let tended = self.settled(&tending);
        self.challenge_all(tending.unwrap_or_default()).await;
        let wanted = decoded.iter().any(|message| matches!(message, Ok(RetryMessage::Notify {})));
        if wanted {
            // What nobody was told now is told in the cron run.
            self.settled(&self.tell_people().await);
        }
        self.write_metrics();
        let now = self.now();
        let settle = |done: bool, message: &Message| {
            if done { Settlement::Acknowledge } else { self.outage.wait(message, now) }
        };
        let settled = decoded.iter().zip(messages).map(|(decoded, message)| match decoded {
            Ok(RetryMessage::Deliver(_)) => settle(delivered, message),
            Ok(RetryMessage::Tend(_)) => settle(tended, message),
            Ok(RetryMessage::Record(_)) => settle(recorded, message),
            Ok(RetryMessage::Notify {} | RetryMessage::Redeliver(_)) => Settlement::Acknowledge,
            Err(_) => UNDECODABLE,
        });
        settled.collect()
    }

    fn settled<T>(&self, done: &Result<T, Error>) -> bool {
        if let Err(error) = done {
            self.line("retries not settled", json!({"detail": error.to_string()}));
        }
        done.is_ok()
    }

    async fn retry(&self, keys: Vec<&DeliveryKey>) -> Result<(), Error> {
        let mut keys = keys;
        for _ in 0..MOST_PARTS {
            if keys.is_empty() {
                break;
            }
            let now = self.now();
            let until = now.plus(self.policy.lease());
            let (leased, bundles) = self.lease(&keys, now, until).await?;
            if leased.is_empty() {
                break;
            }
            // The progress of leased deliveries that cannot be written travels as a record; a lost one ends with its lease.
            self.deliver(bundles).await;
            keys.retain(|key| !leased.contains(key));
        }
        Ok(())
    }

    /// Takes what is due of these deliveries. A lease that a crash leaves behind ends by itself; the sweep then wakes the
    /// delivery again.
    async fn lease(
        &self,
        keys: &[&DeliveryKey],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(Vec<DeliveryKey>, Vec<Bundle>), Error> {
        let statements = vec![
            deliveries::lease(keys, now, now.plus(EARLY), until),
            targets::of_deliveries(keys),
            bodies::leased(keys, until),
        ];
        let mut batch = match self.run(statements).await {
            Ok(batch) => batch,
            // A row that cannot be written does not hold up the others.
            Err(error) if keys.len() > 1 && self.can_write().await => {
                self.line("leases not written", json!({"detail": error.to_string()}));
                let (first, second) = keys.split_at(keys.len() / 2);
                let mut leased = Box::pin(self.lease(first, now, until)).await.unwrap_or_default();
                let rest = Box::pin(self.lease(second, now, until)).await.unwrap_or_default();
                leased.0.extend(rest.0);
                leased.1.extend(rest.1);
                return Ok(leased);
            }
            Err(error) => return Err(error.into()),
        };
        let mut bodies: HashMap<(OrgId, EventId), Arc<str>> = HashMap::new();
        for row in batch.take::<BodyRow>(2)? {
            let (Some(packed), Ok(event_id)) = (row.packed(), EventId::try_from(row.event.clone())) else {
                continue;
            };
            bodies.insert((row.org_id, event_id), packed.unpack(self.compressor.as_ref()).await?);
        }
        let mut targets = HashMap::new();
        for row in batch.take::<TargetRow>(1)? {
            let target = row.into_target(now)?;
            targets.insert(target.key(), target);
        }
        let mut leased = Vec::new();
        // By webhook, in the order in which each first appears. Another tenant's webhook counts as none.
        let mut places: HashMap<WebhookKey, usize> = HashMap::new();
        let mut bundles: Vec<Bundle> = Vec::new();
        for row in batch.take::<LeasedRow>(0)? {
            let Some(key) = row.key.key() else { continue };
            leased.push(key.clone());
            let webhook = key.webhook();
            let place = *places.entry(webhook.clone()).or_insert_with(|| {
                bundles.push((targets.remove(&webhook), Vec::new()));
                bundles.len() - 1
            });
            let released = row.is_released();
            bundles[place].1.push(Parcel {
                body: bodies.get(&(key.org_id.clone(), key.event_id.clone())).cloned(),
                key,
                event_type: row.event_type,
                failures: row.failures,
                tries_since: Timestamp::from_milliseconds(row.tries_since),
                released,
                origin: Origin::Leased { until },
            });
        }
        Ok((leased, bundles))
    }
}
