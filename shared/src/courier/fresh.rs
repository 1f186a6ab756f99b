//! A batch of fresh events: one read that matches them, then the pipeline.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use serde_json::json;

use super::pipeline::{Bundle, Parcel};
use super::{Courier, Message, Settlement, UNDECODABLE};
use crate::dead_letter::DeadLetter;
use crate::delivery::progress::Origin;
use crate::error::Error;
use crate::event::envelope::Event;
use crate::event::id::EventId;
use crate::event::message::EventMessage;
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

impl Courier {
    /// Delivers a batch of messages from the events queue; says for each, in order, what to do with it. One read and
    /// one write, unless the batch takes long or there are many large events in it.
    pub async fn deliver_events(&self, messages: &[Message]) -> Vec<Settlement> {
        if !self.may_attempt().await {
            let now = self.now();
            return messages.iter().map(|message| self.outage.wait(message, now)).collect();
        }
        let mut settlements = Vec::with_capacity(messages.len());
        let (mut group, mut bytes) = (Vec::with_capacity(messages.len()), 0);
        for message in messages {
            let received = self.receive(message).await;
            if let Received::Event(_, event) = &received {
                bytes += event.body.len();
            }
            group.push(received);
            if bytes >= MOST_BYTES {
                settlements.extend(self.deliver_group(&std::mem::take(&mut group)).await);
                bytes = 0;
            }
        }
        settlements.extend(self.deliver_group(&group).await);
        self.write_metrics();
        settlements
    }

    async fn receive<'a>(&self, message: &'a Message) -> Received<'a> {
        let body = match EventMessage::decode(&message.body) {
            Ok(EventMessage::Envelope(body)) => body,
            Ok(EventMessage::StoredAt(key)) => match self.bodies.get(&key).await {
                Ok(Some(body)) => body,
                Ok(None) | Err(_) => {
                    self.line("body not there yet", json!({"key": key}));
                    return Received::Unsettled(Settlement::Retry(UNTIL_KV_SHOWS));
                }
            },
            Ok(EventMessage::DeadLetter(id)) => match self.letter(id).await {
                Ok(Some(body)) => body,
                Ok(None) => return self.undecodable("the dead letter is no longer kept"),
                Err(error) => {
                    self.line("dead letter not read", json!({"detail": error.to_string()}));
                    return Received::Unsettled(self.outage.wait(message, self.now()));
                }
            },
            Err(error) => return self.undecodable(&error.to_string()),
        };
        match Event::parse(&body) {
            Ok(event) => Received::Event(message, event),
            Err(fault) => self.undecodable(&fault.to_string()),
        }
    }

    /// The envelope that a requeued dead letter holds.
    pub(super) async fn letter(&self, id: i64) -> Result<Option<String>, Error> {
        let mut batch = self.run(vec![dead_letters::select(id)]).await?;
        Ok(batch.first::<DeadLetterRow>(0)?.and_then(|row| DeadLetter::from(row).envelope))
    }

    /// Its batch mates go on.
    fn undecodable<'a>(&self, detail: &str) -> Received<'a> {
        self.line("undecodable message", json!({"detail": detail}));
        Received::Unsettled(UNDECODABLE)
    }

    async fn deliver_group(&self, received: &[Received<'_>]) -> Vec<Settlement> {
        // The same event twice in a batch is one event.
        let mut seen = HashSet::new();
        let events: Vec<&Event> = received
            .iter()
            .filter_map(|received| match received {
                Received::Event(_, event) => Some(event),
                Received::Unsettled(_) => None,
            })
            .filter(|event| seen.insert((&event.partner_id, &event.id)))
            .collect();
        let undone = match self.match_batch(&events).await {
            Ok(bundles) => {
                let undone = self.deliver(bundles).await.into_iter();
                Ok(undone.map(|key| (String::from(key.org_id), key.event_id)).collect::<HashSet<_>>())
            }
            Err(error) => {
                self.line("events not settled", json!({"detail": error.to_string(), "events": events.len()}));
                Err(())
            }
        };
        let now = self.now();
        let settle = |received: &Received<'_>| match received {
            Received::Unsettled(settlement) => *settlement,
            Received::Event(message, event) => match &undone {
                Ok(undone) if !undone.contains(&(event.partner_id.clone(), event.id.clone())) => {
                    Settlement::Acknowledge
                }
                Ok(_) | Err(()) => self.outage.wait(message, now),
            },
        };
        received.iter().map(settle).collect()
    }

    /// Which webhooks get which of these events, without the deliveries that exist already.
    async fn match_batch(&self, events: &[&Event]) -> Result<Vec<Bundle>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let org_ids: BTreeSet<&str> = events.iter().map(|event| event.partner_id.as_str()).collect();
        let org_ids: Vec<&str> = org_ids.into_iter().collect();
        let ids: Vec<(&str, &EventId)> =
            events.iter().map(|event| (event.partner_id.as_str(), &event.id)).collect();
        // Reading twice changes nothing.
        let mut batch = self.run(vec![targets::of_tenants(&org_ids), deliveries::existing(&ids)]).await?;
        let now = self.now();
        let existing: HashSet<ExistingRow> = batch.take(1)?.into_iter().collect();
        let (mut bundles, mut wanted) = (Vec::new(), HashSet::new());
        for row in batch.take::<TargetRow>(0)? {
            let target = row.into_target(now)?;
            let takes = |event: &&&Event| {
                event.partner_id == target.org_id.as_str() && target.events.matches(&event.event_type)
            };
            let matches = |event: &&&Event| {
                takes(event)
                    && !existing.contains(&ExistingRow { webhook_id: target.id, event: (&event.id).into() })
            };
            let parcel = |event: &&Event| Parcel {
                key: target.key().delivery(event.id.clone()),
                event_type: event.event_type.to_string(),
                body: Some(event.body.clone()),
                failures: 0,
                tries_since: now,
                released: false,
                origin: Origin::Fresh { at: now },
            };
            let parcels: Vec<Parcel> = events.iter().filter(matches).map(parcel).collect();
            wanted.extend(
                events
                    .iter()
                    .filter(|event| takes(event))
                    .map(|event| (event.partner_id.as_str(), &event.id)),
            );
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
