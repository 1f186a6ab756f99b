//! A batch from the retries queue: what each message wakes, and deliveries leased for the pipeline.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter};
use serde_json::json;

use super::pipeline::{Bundle, Parcel};
use super::tending::Step;
use super::turns::MOST_IN_FLIGHT;
use super::{Courier, Message, Settlement, UNDECODABLE};
use crate::delivery::progress::Origin;
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, Record, RetryMessage, WebhookKey};
use crate::join::join_all;
use crate::shard::Shards;
use crate::shared_text::SharedText;
use crate::store::bodies::{self, BodyRow};
use crate::store::deliveries::{self, LeasedRow};
use crate::store::targets::{self, TargetRow};
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Queues count whole seconds, so a message may come a little before its delivery is due.
const EARLY: Duration = Duration::from_secs(1);
/// A batch whose bodies do not fit an isolate is leased in so many parts; the sweep wakes what is beyond.
const MOST_PARTS: usize = 20;

/// What the messages of a batch ask of one shard.
#[derive(Default)]
struct Asked<'a> {
    deliveries: Vec<&'a DeliveryKey>,
    webhooks: Vec<&'a WebhookKey>,
    records: Vec<Record>,
    redeliver: bool,
    notify: bool,
}

/// What became of what was asked of one shard.
struct Done {
    recorded: bool,
    tended: bool,
    delivered: bool,
}

impl Shards<Courier> {
    /// Delivers a batch of messages from the retries queue; says for each, in order, what to do with it.
    ///
    /// A message only wakes: what the database does not say is due is left alone, so that a message handed over
    /// twice, or one that the sweep has repeated, sends nothing twice.
    pub async fn deliver_retries(&self, messages: &[Message]) -> Vec<Settlement> {
        let any = &self.all()[0];
        let decoded: Vec<_> = messages.iter().map(|message| RetryMessage::decode(&message.body)).collect();
        let mut asked: Vec<Asked<'_>> = self.all().iter().map(|_| Asked::default()).collect();
        for message in &decoded {
            match message {
                Ok(RetryMessage::Deliver(key)) => push_once(&mut asked[self.place(key)].deliveries, key),
                Ok(RetryMessage::Tend(key)) => push_once(&mut asked[self.place(key)].webhooks, key),
                Ok(RetryMessage::Record(record)) => {
                    for (shard, part) in record.clone().by_shard(self.count()) {
                        asked[shard].records.push(part);
                    }
                }
                Ok(RetryMessage::Redeliver(key)) => asked[self.place(key)].redeliver = true,
                Ok(RetryMessage::Notify(org_id)) => asked[self.place(org_id)].notify = true,
                Err(error) => any.line("undecodable message", json!({"detail": error.to_string()})),
            }
        }
        let shards = self.all().iter().zip(&mut asked);
        let before = join_all(shards.map(|(courier, asked)| courier.before_attempts(asked))).await;
        let keys = asked.iter().map(|asked| asked.deliveries.clone()).collect();
        let delivered = self.retry(keys).await;
        let (mut done, mut challenges) = (Vec::new(), Vec::new());
        for ((shard, (recorded, tending)), delivered) in before.into_iter().enumerate().zip(delivered) {
            let courier = &self.all()[shard];
            let tended = courier.settled(&tending);
            done.push(Done { recorded, tended, delivered: courier.settled(&delivered) });
            challenges.extend(tending.unwrap_or_default().into_iter().map(|step| courier.challenge(step)));
        }
        iter(challenges).buffer_unordered(MOST_IN_FLIGHT).collect::<Vec<()>>().await;
        for (courier, _) in self.all().iter().zip(&asked).filter(|(_, asked)| asked.notify) {
            // What nobody was told now is told in the cron run.
            courier.settled(&courier.tell_people().await);
        }
        any.write_metrics();
        let settle = |shard: usize, done: bool, message: &Message| {
            let courier = &self.all()[shard];
            if done { Settlement::Acknowledge } else { courier.outage.wait(message, courier.now()) }
        };
        let settled = decoded.iter().zip(messages).map(|(decoded, message)| match decoded {
            Ok(RetryMessage::Deliver(key)) => {
                settle(self.place(key), done[self.place(key)].delivered, message)
            }
            Ok(RetryMessage::Tend(key)) => settle(self.place(key), done[self.place(key)].tended, message),
            Ok(RetryMessage::Record(record)) => {
                let shards = record.progress.iter().map(|one| self.place(&one.key));
                let unwritten = shards.clone().find(|shard| !done[*shard].recorded);
                settle(unwritten.unwrap_or_default(), unwritten.is_none(), message)
            }
            Ok(RetryMessage::Notify(_) | RetryMessage::Redeliver(_)) => Settlement::Acknowledge,
            Err(_) => UNDECODABLE,
        });
        settled.collect()
    }

    /// Leases and attempts what is due of these deliveries, given by shard.
    async fn retry(&self, mut keys: Vec<Vec<&DeliveryKey>>) -> Vec<Result<(), Error>> {
        let mut done: Vec<Result<(), Error>> = keys.iter().map(|_| Ok(())).collect();
        for _ in 0..MOST_PARTS {
            let shards = self.all().iter().zip(&keys);
            let leases = join_all(shards.map(|(courier, keys)| courier.lease_next(keys))).await;
            let mut bundles = Vec::new();
            for (shard, lease) in leases.into_iter().enumerate() {
                match lease {
                    Ok((leased, parts)) if !leased.is_empty() => {
                        keys[shard].retain(|key| !leased.contains(key));
                        bundles.extend(parts.into_iter().map(|bundle| (shard, bundle)));
                    }
                    other => {
                        done[shard] = other.map(drop);
                        keys[shard].clear();
                    }
                }
            }
            if bundles.is_empty() {
                break;
            }
            // The progress of leased deliveries that cannot be written travels as a record; a lost one ends with its lease.
            self.deliver(bundles).await;
        }
        done
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

impl Courier {
    /// Writes records down, holds what is to be sent again, and lets releases and probes go, before anything that an
    /// endpoint can hold up. Gives back whether all records are written or queued, and the challenges to be sent.
    async fn before_attempts(&self, asked: &mut Asked<'_>) -> (bool, Result<Vec<Step>, Error>) {
        // First, so that nothing is attempted again for want of a record that is here.
        let recorded = self.write_records(std::mem::take(&mut asked.records)).await;
        if asked.redeliver {
            // What is not held here is held in the cron run.
            self.settled(&self.redeliver_ranges().await);
        }
        (recorded, self.tend(&asked.webhooks).await)
    }

    fn settled<T>(&self, done: &Result<T, Error>) -> bool {
        if let Err(error) = done {
            self.line("retries not settled", json!({"detail": error.to_string()}));
        }
        done.is_ok()
    }

    async fn lease_next(&self, keys: &[&DeliveryKey]) -> Result<(Vec<DeliveryKey>, Vec<Bundle>), Error> {
        if keys.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let now = self.now();
        self.lease(keys, now, now.plus(self.policy.lease())).await
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
        let mut bodies: HashMap<(OrgId, EventId), SharedText> = HashMap::new();
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
