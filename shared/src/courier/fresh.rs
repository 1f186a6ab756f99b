//! A batch of fresh events: one read that matches them, then the pipeline.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;

use super::pipeline::{Bundle, Parcel};
use super::{Courier, Message, Settlement, UNDECODABLE};
use crate::dead_letter::{DeadLetter, DeadLetterId};
use crate::delivery::progress::Origin;
use crate::error::Error;
use crate::event::envelope::Event;
use crate::event::id::EventId;
use crate::event::message::EventMessage;
use crate::join::join_all;
use crate::shard::Shards;
use crate::store::dead_letters::{self, DeadLetterRow};
use crate::store::deliveries::{self, ExistingRow};
use crate::store::targets::{self, TargetRow};

/// How long a message waits whose body is not there yet: KV may take a minute to show it everywhere.
const UNTIL_KV_SHOWS: Duration = Duration::from_secs(30);

/// Bodies taken into an isolate's 128 MB at a time; each is there several times on its way to the database.
const MOST_BYTES: usize = 7 * 1024 * 1024;

/// A tenant's id as an event gives it, at most as long as ids are: whoever sends events may write anything there.
fn excerpt_of(org_id: &str) -> String {
    org_id.chars().take(63).collect()
}

/// A message, read as far as it can be.
enum Received<'a> {
    Event(&'a Message, Event),
    Unsettled(Settlement),
}

impl Shards<Courier> {
    /// Delivers a batch of messages from the events queue; says for each, in order, what to do with it. Of each shard one
    /// read and one write, unless the batch takes long or there are many large events in it.
    pub async fn deliver_events(&self, messages: &[Message]) -> Vec<Settlement> {
        let open = join_all(self.all().iter().map(Courier::may_attempt)).await;
        let mut settlements = Vec::with_capacity(messages.len());
        let (mut group, mut bytes) = (Vec::with_capacity(messages.len()), 0);
        for message in messages {
            let received = self.receive(message).await;
            if let Received::Event(_, event) = &received {
                bytes += event.body.len();
            }
            group.push(received);
            if bytes >= MOST_BYTES {
                settlements.extend(self.deliver_group(&std::mem::take(&mut group), &open).await);
                bytes = 0;
            }
        }
        settlements.extend(self.deliver_group(&group, &open).await);
        self.all()[0].write_metrics();
        settlements
    }

    async fn receive<'a>(&self, message: &'a Message) -> Received<'a> {
        let any = &self.all()[0];
        let body = match EventMessage::decode(&message.body) {
            Ok(EventMessage::Envelope(body)) => body,
            Ok(EventMessage::StoredAt(key)) => match any.bodies.get(&key).await {
                Ok(Some(body)) => body.into(),
                Ok(None) | Err(_) => {
                    any.line("body not there yet", json!({"key": key}));
                    return Received::Unsettled(Settlement::Retry(UNTIL_KV_SHOWS));
                }
            },
            Ok(EventMessage::DeadLetter(id)) => {
                let courier = self.of(id.bucket());
                match courier.letter(id).await {
                    Ok(Some(body)) => body.into(),
                    Ok(None) => return any.undecodable("the dead letter is no longer kept"),
                    Err(error) => {
                        courier.line("dead letter not read", json!({"detail": error.to_string()}));
                        return Received::Unsettled(courier.outage.wait(message, any.now()));
                    }
                }
            }
            Err(error) => return any.undecodable(&error.to_string()),
        };
        match Event::parse(body) {
            Ok(event) => Received::Event(message, event),
            Err(fault) => any.undecodable(&fault.to_string()),
        }
    }

    /// The events of a shard that is not open wait: its database takes no writes.
    async fn deliver_group(&self, received: &[Received<'_>], open: &[bool]) -> Vec<Settlement> {
        // The same event twice in a batch is one event.
        let mut seen = HashSet::new();
        let mut of_shard: Vec<Vec<&Event>> = self.all().iter().map(|_| Vec::new()).collect();
        for event in received.iter().filter_map(Received::event) {
            if seen.insert((&event.partner_id, &event.id)) {
                of_shard[self.place(event)].push(event);
            }
        }
        let shards = self.all().iter().zip(&of_shard).zip(open);
        let matched = join_all(shards.map(|((courier, events), open)| async move {
            if !open {
                return Err(());
            }
            courier.match_batch(events).await.map_err(|error| {
                courier
                    .line("events not settled", json!({"detail": error.to_string(), "events": events.len()}));
            })
        }))
        .await;
        let read: Vec<bool> = matched.iter().map(Result::is_ok).collect();
        let bundles = matched.into_iter().enumerate().flat_map(|(shard, bundles)| {
            bundles.unwrap_or_default().into_iter().map(move |bundle| (shard, bundle))
        });
        let undone = self.deliver(bundles.collect()).await.into_iter();
        let undone: HashSet<_> = undone.map(|key| (String::from(key.org_id), key.event_id)).collect();
        let settle = |received: &Received<'_>| match received {
            Received::Unsettled(settlement) => *settlement,
            Received::Event(message, event) => {
                let shard = self.place(event);
                if read[shard] && !undone.contains(&(event.partner_id.clone(), event.id.clone())) {
                    return Settlement::Acknowledge;
                }
                let courier = &self.all()[shard];
                courier.outage.wait(message, courier.now())
            }
        };
        received.iter().map(settle).collect()
    }
}

impl Received<'_> {
    fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(_, event) => Some(event),
            Self::Unsettled(_) => None,
        }
    }
}

impl Courier {
    /// The envelope that a requeued dead letter holds.
    pub(super) async fn letter(&self, id: DeadLetterId) -> Result<Option<String>, Error> {
        let mut batch = self.run(vec![dead_letters::select(id)]).await?;
        Ok(batch.first::<DeadLetterRow>(0)?.and_then(|row| DeadLetter::from(row).envelope))
    }

    /// Its batch mates go on.
    fn undecodable<'a>(&self, detail: &str) -> Received<'a> {
        self.line("undecodable message", json!({"detail": detail}));
        Received::Unsettled(UNDECODABLE)
    }

    /// Which webhooks get which of these events, without the deliveries that exist already.
    async fn match_batch(&self, events: &[&Event]) -> Result<Vec<Bundle>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut of_tenant: HashMap<&str, Vec<&Event>> = HashMap::new();
        for event in events {
            of_tenant.entry(&event.partner_id).or_default().push(event);
        }
        let org_ids: Vec<&str> = of_tenant.keys().copied().collect();
        let ids: Vec<(&str, &EventId)> =
            events.iter().map(|event| (event.partner_id.as_str(), &event.id)).collect();
        // Reading twice changes nothing.
        let mut batch = self.run(vec![targets::of_tenants(&org_ids), deliveries::existing(&ids)]).await?;
        let now = self.now();
        let existing: HashSet<ExistingRow> = batch.take(1)?.into_iter().collect();
        let (mut bundles, mut wanted) = (Vec::new(), HashSet::new());
        for row in batch.take::<TargetRow>(0)? {
            let target = row.into_target(now)?;
            let of_tenant = of_tenant.get(target.org_id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let mut parcels = Vec::with_capacity(of_tenant.len());
            for event in of_tenant.iter().filter(|event| target.events.matches(&event.event_type)) {
                wanted.insert((event.partner_id.as_str(), &event.id));
                if !existing.is_empty()
                    && existing.contains(&ExistingRow { webhook_id: target.id, event: (&event.id).into() })
                {
                    continue;
                }
                parcels.push(Parcel {
                    key: target.key().delivery(event.id.clone()),
                    event_type: event.event_type.to_string(),
                    body: Some(event.body.clone()),
                    failures: 0,
                    tries_since: now,
                    released: false,
                    origin: Origin::Fresh { at: now },
                });
            }
            if !parcels.is_empty() {
                bundles.push((Some(target), parcels));
            }
        }
        let unwanted = ids.iter().filter(|id| !wanted.contains(*id));
        let unwanted: Vec<_> = unwanted.map(|(org_id, id)| json!([excerpt_of(org_id), id])).collect();
        if !unwanted.is_empty() {
            self.line("events without a webhook", json!({"events": unwanted}));
        }
        Ok(bundles)
    }
}
