//! Six requests at a time, and no webhook takes them all: which delivery is attempted next.

use std::collections::VecDeque;
use std::sync::Arc;

use super::attempt::Endpoint;
use super::pipeline::Parcel;
use crate::delivery::Attempt;
use crate::delivery::policy::DeliveryPolicy;
use crate::time::Timestamp;
use crate::webhook::health::{Condition, Effect, Ended};
use crate::webhook::target::Target;

/// Requests in flight per invocation: the platform lets six wait for headers (limits of Workers).
pub(super) const MOST_IN_FLIGHT: usize = 6;
/// Requests in flight to one webhook that has answered well in this batch. One that has not yet gets one: it may hang.
const MOST_PER_PROVEN_WEBHOOK: usize = 4;

/// One webhook's part in a batch.
pub(super) struct Lane {
    /// The place of its shard.
    pub(super) shard: usize,
    /// The webhook, with its condition as its attempts leave it.
    pub(super) target: Target,
    /// Its condition as the database has it.
    pub(super) stored: Condition,
    /// Where its events go.
    pub(super) endpoint: Arc<Endpoint>,
    /// What is still to be attempted.
    pub(super) parcels: VecDeque<Parcel>,
    /// Attempts that the stored condition does not know of yet.
    pub(super) ended: Vec<(Ended, Attempt)>,
    /// The type of an event of this batch, for people.
    pub(super) event_type: Option<String>,
    in_flight: usize,
    proven: bool,
    stopped: bool,
    began: Option<Timestamp>,
}

impl Lane {
    pub(super) fn new(shard: usize, target: Target, endpoint: Endpoint, parcels: Vec<Parcel>) -> Self {
        let event_type = parcels.first().map(|parcel| parcel.event_type.clone());
        Self {
            shard,
            stored: target.condition.clone(),
            target,
            endpoint: Arc::new(endpoint),
            parcels: parcels.into(),
            ended: Vec::new(),
            event_type,
            in_flight: 0,
            proven: false,
            stopped: false,
            began: None,
        }
    }

    /// Begins no further attempt in this batch.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    fn room(&self) -> bool {
        self.in_flight < if self.proven { MOST_PER_PROVEN_WEBHOOK } else { 1 }
    }
}

/// The lanes of a batch. They take turns; those with the least trouble go first.
pub(super) struct Lanes {
    pub(super) all: Vec<Lane>,
    began: Timestamp,
    /// Where the next turn begins.
    turn: usize,
}

impl Lanes {
    /// Orders the lanes: the well first, then by how much trouble they were lately.
    pub(super) fn new(mut all: Vec<Lane>, now: Timestamp) -> Self {
        all.sort_by_key(|lane| (lane.target.condition.trouble(), lane.target.last_error_at));
        Self { all, began: now, turn: 0 }
    }

    /// The next delivery to attempt, with its lane. A lane with more trouble waits until those with less have begun all
    /// they have.
    pub(super) fn next(&mut self, now: Timestamp, policy: &DeliveryPolicy) -> Option<(usize, Parcel)> {
        let count = self.all.len();
        let spent = |lane: &Lane| {
            lane.stopped
                || now.since(self.began) >= policy.time_per_batch()
                || lane.began.is_some_and(|began| now.since(began) >= policy.time_per_webhook())
        };
        let ready = |lane: &Lane| !lane.parcels.is_empty() && !spent(lane);
        let trouble = |lane: &Lane| lane.target.condition.trouble();
        let least = self.all.iter().filter(|lane| ready(lane)).map(trouble).min()?;
        let place = (0..count).map(|offset| (self.turn + offset) % count).find(|index| {
            let lane = &self.all[*index];
            ready(lane) && trouble(lane) == least && lane.room()
        })?;
        self.turn = place + 1;
        let lane = &mut self.all[place];
        lane.in_flight += 1;
        lane.began.get_or_insert(now);
        lane.parcels.pop_front().map(|parcel| (place, parcel))
    }

    /// Notes how an attempt ended.
    pub(super) fn ended(&mut self, lane: usize, effect: Effect, timed_out: bool) {
        let lane = &mut self.all[lane];
        lane.in_flight -= 1;
        lane.proven |= effect == Effect::Success;
        lane.stopped |= timed_out;
    }

    /// Begins no further attempt for a shard's webhooks.
    pub(super) fn stop(&mut self, shard: usize) {
        self.all.iter_mut().filter(|lane| lane.shard == shard).for_each(Lane::stop);
    }

    /// What no attempt begins for any more in this batch, each with the place of its shard.
    pub(super) fn rest(&mut self) -> Vec<(usize, Parcel)> {
        let rest = |lane: &mut Lane| {
            let shard = lane.shard;
            lane.parcels.drain(..).map(move |parcel| (shard, parcel)).collect::<Vec<_>>()
        };
        self.all.iter_mut().flat_map(rest).collect()
    }
}
