//! A batch of fresh events: one read, the first attempts, one write.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde_json::json;

use super::attempt::{Endpoint, Made, Parcel, Verdict};
use super::fairness::{Answered, Ran, run};
use super::follow_up::Tended;
use super::{AFTER_OUTAGE, Courier, Settlement, UNDECODABLE, standings};
use crate::delivery::{Attempt, DeliveryState};
use crate::error::Error;
use crate::event::envelope::Event;
use crate::event::message::{DeliveryKey, EventMessage};
use crate::ports::Statement;
use crate::store::deliveries::{self, ExistingRow, NewDelivery, Standing};
use crate::store::tending;
use crate::store::webhook_targets::{self, Gate, Target, TargetRow};
use crate::time::Timestamp;

/// How long a message waits whose body is not there yet: KV may take a minute to show it everywhere.
const UNTIL_KV_SHOWS: Duration = Duration::from_secs(30);
/// How long a delivery waits that a batch had no time for.
const AFTER_DEFERRAL: Duration = Duration::from_secs(1);

/// Bodies taken into an isolate's 128 MB at a time; each is there several times on its way to the database.
const MOST_BYTES: usize = 7 * 1024 * 1024;

/// A message, read as far as it can be.
enum Received {
    Event(Event),
    Unsettled(Settlement),
}

impl Courier {
    /// Delivers a batch of messages from the events queue; says for each, in order, what to do with it. One read and
    /// one write, unless there are many large events among them.
    pub async fn deliver_events(&self, messages: &[String]) -> Vec<Settlement> {
        let mut settlements = Vec::with_capacity(messages.len());
        let (mut group, mut bytes) = (Vec::with_capacity(messages.len()), 0);
        for message in messages {
            let received = self.receive(message).await;
            if let Received::Event(event) = &received {
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

    async fn deliver_group(&self, received: &[Received]) -> Vec<Settlement> {
        // The same event twice in a batch is one event.
        let mut seen = HashSet::new();
        let events: Vec<&Event> = received
            .iter()
            .filter_map(|received| match received {
                Received::Event(event) => Some(event),
                Received::Unsettled(_) => None,
            })
            .filter(|event| seen.insert((event.partner_id.as_str(), event.id.as_str())))
            .collect();
        let settlement = match self.deliver(&events).await {
            Ok(()) => Settlement::Acknowledge,
            Err(error) => {
                self.line("events not settled", json!({"detail": error.to_string(), "events": events.len()}));
                AFTER_OUTAGE
            }
        };
        let settle = |received: &Received| match received {
            Received::Event(_) => settlement,
            Received::Unsettled(settlement) => *settlement,
        };
        received.iter().map(settle).collect()
    }

    async fn receive(&self, message: &str) -> Received {
        let body = match EventMessage::decode(message) {
            Ok(EventMessage::Envelope(body)) => body,
            Ok(EventMessage::StoredAt(key)) => match self.bodies.get(&key).await {
                Ok(Some(body)) => body,
                Ok(None) | Err(_) => {
                    self.line("body not there yet", json!({"key": key}));
                    return Received::Unsettled(Settlement::Retry(UNTIL_KV_SHOWS));
                }
            },
            Err(error) => return self.undecodable(&error.to_string()),
        };
        match Event::parse(&body) {
            Ok(event) => Received::Event(event),
            Err(fault) => self.undecodable(&fault.to_string()),
        }
    }

    /// Its batch mates go on.
    fn undecodable(&self, detail: &str) -> Received {
        self.line("undecodable message", json!({"detail": detail}));
        Received::Unsettled(UNDECODABLE)
    }

    async fn deliver(&self, events: &[&Event]) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        // Reading twice changes nothing.
        let (targets, existing) = self.match_batch(events).await?;
        let mut new = Vec::new();
        let (mut lanes, mut endpoints) = (Vec::<(&Target, Vec<&Event>)>::new(), Vec::new());
        let mut holding = Vec::new();
        for target in &targets {
            let matching = events.iter().copied().filter(|event| {
                event.partner_id == target.org_id
                    && target.events.matches(&event.event_type)
                    && !existing
                        .contains(&ExistingRow { webhook_id: target.id.clone(), event_id: event.id.clone() })
            });
            let matching: Vec<&Event> = matching.collect();
            if matching.is_empty() {
                continue;
            }
            match target.gate() {
                Gate::Open => match self.try_open_endpoint(target).await {
                    Some(endpoint) => {
                        endpoints.push(endpoint);
                        lanes.push((target, matching));
                    }
                    None => new.extend(matching.iter().map(|event| {
                        let now = self.now();
                        let standing = standings::sealed(now.plus(self.policy.retry.window()), 0, now);
                        row(target, event, now, standing, None)
                    })),
                },
                Gate::Held | Gate::Shut => {
                    holding.push(target.id.as_str());
                    new.extend(matching.iter().map(|event| self.unattempted(target, event)));
                }
            }
        }
        // A crash from here until the write has the events handed over again: partners may see one twice, with the
        // same webhook-id.
        let ran = self.first_attempts(&endpoints, &lanes).await;
        let mut made_by_lane: Vec<Vec<&Made>> = vec![Vec::new(); lanes.len()];
        for (lane, place, ran) in &ran {
            let (target, event) = (lanes[*lane].0, lanes[*lane].1[*place]);
            new.push(match ran {
                Ran::Done(made) => {
                    made_by_lane[*lane].push(made);
                    row(target, event, made.attempt.at, standings::after(made, 0), Some(made.attempt.clone()))
                }
                Ran::Deferred => {
                    let now = self.now();
                    row(target, event, now, standings::waiting(now.plus(AFTER_DEFERRAL), 0), None)
                }
            });
        }
        let tended = lanes.iter().zip(&made_by_lane).map(|((target, events), made)| {
            Tended::new(target, made, events.first().map(|event| event.event_type.as_str()))
        });
        let mut writes = inserts(&new);
        if !holding.is_empty() {
            writes.push(tending::tend_if_not_holding(&holding, self.now()));
        }
        // Unique by webhook and event: writing twice leaves one row.
        self.write(writes, tended.collect()).await?;
        self.wake(new.iter().map(|new| (&new.key, &new.standing))).await;
        Ok(())
    }

    /// While a webhook is pending or its circuit open, its deliveries wait for it, as long as their window lasts; a
    /// disabled one's are dead at once, and can be redelivered.
    fn unattempted(&self, target: &Target, event: &Event) -> NewDelivery {
        let now = self.now();
        let standing = match target.gate() {
            Gate::Shut => standings::buried(0, now),
            Gate::Open | Gate::Held => standings::held(now.plus(self.policy.retry.window()), 0),
        };
        row(target, event, now, standing, None)
    }

    async fn match_batch(&self, events: &[&Event]) -> Result<(Vec<Target>, HashSet<ExistingRow>), Error> {
        let org_ids: BTreeSet<&str> = events.iter().map(|event| event.partner_id.as_str()).collect();
        let org_ids: Vec<&str> = org_ids.into_iter().collect();
        let ids: Vec<_> = events.iter().map(|event| (event.partner_id.as_str(), event.id.as_str())).collect();
        let statements = vec![webhook_targets::of_tenants(&org_ids), deliveries::existing_of_events(&ids)];
        let mut batch = self.database.batch(statements).await?;
        let now = self.now();
        let rows = batch.take::<TargetRow>(0)?;
        let targets = rows.into_iter().map(|row| row.into_target(now)).collect::<Result<_, _>>()?;
        Ok((targets, batch.take(1)?.into_iter().collect()))
    }

    async fn first_attempts(
        &self,
        endpoints: &[Endpoint],
        lanes: &[(&Target, Vec<&Event>)],
    ) -> Vec<(usize, usize, Ran<Made>)> {
        let jobs = lanes.iter().map(|(_, events)| (0..events.len()).collect()).collect();
        let begin = |lane: usize, place: usize| async move {
            let event = lanes[lane].1[place];
            let parcel = Parcel {
                event_id: &event.id,
                event_type: event.event_type.as_str(),
                body: &event.body,
                failures: 0,
                tries_since: self.now(),
            };
            self.attempt(&endpoints[lane], &parcel).await
        };
        run(&*self.clock, &self.policy, jobs, begin, answered).await
    }
}

pub(super) fn answered(made: &Made) -> Answered {
    match &made.verdict {
        _ if made.timed_out => Answered::TimedOut,
        Verdict::Delivered => Answered::Well,
        _ if made.definite => Answered::Somehow,
        Verdict::Again(_) | Verdict::Ended(..) => Answered::Missed,
    }
}

fn row(
    target: &Target,
    event: &Event,
    at: Timestamp,
    standing: Standing,
    attempt: Option<Attempt>,
) -> NewDelivery {
    NewDelivery {
        key: DeliveryKey {
            org_id: target.org_id.clone(),
            webhook_id: target.id.clone(),
            event_id: event.id.clone(),
        },
        event_type: event.event_type.to_string(),
        created_at: at.milliseconds(),
        body: (standing.state != DeliveryState::Delivered).then(|| event.body.clone()),
        standing,
        attempts: attempt.into_iter().collect(),
    }
}

fn inserts(new: &[NewDelivery]) -> Vec<Statement> {
    let (delivered, undelivered): (Vec<_>, Vec<_>) =
        new.iter().partition(|new| new.standing.state == DeliveryState::Delivered);
    let mut statements: Vec<Statement> =
        undelivered.into_iter().map(deliveries::insert_undelivered).collect();
    if !delivered.is_empty() {
        statements.push(deliveries::insert_delivered(&delivered));
    }
    statements
}

/// Deliveries grouped by webhook, in the order in which each webhook first appears.
pub(super) fn by_webhook<T>(items: Vec<T>, webhook: impl Fn(&T) -> &str) -> Vec<Vec<T>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut lanes: Vec<Vec<T>> = Vec::new();
    for item in items {
        let place = *places.entry(webhook(&item).to_owned()).or_insert_with(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        lanes[place].push(item);
    }
    lanes
}
