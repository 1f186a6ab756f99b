//! Turns: which delivery of a batch is attempted next. Six requests at a time, and no webhook takes them all.
//!
//! Pure: [`Turns`] knows of a webhook's part in a batch no more than [`TakesTurns`] tells.

use std::collections::VecDeque;

use crate::delivery::policy::DeliveryPolicy;
use crate::sets::in_order;
use crate::time::Timestamp;
use crate::webhook::health::Effect;

/// Requests in flight per invocation: the platform lets six wait for headers (limits of Workers).
pub const MOST_IN_FLIGHT: usize = 6;
/// Requests in flight to one webhook that has answered well in this batch. One that has not yet gets one: it may hang.
const MOST_PER_PROVEN_WEBHOOK: usize = 4;

/// How far a webhook's part in a batch is.
#[derive(Debug)]
pub struct Turn<P> {
    /// What is still to be attempted.
    pub parcels: VecDeque<P>,
    in_flight: usize,
    proven: bool,
    stopped: bool,
    began: Option<Timestamp>,
}

/// A webhook's part in a batch.
pub trait TakesTurns {
    /// A delivery.
    type Parcel;

    /// How much trouble the webhook was lately, and when an attempt last failed: the lowest goes first.
    fn rank(&self) -> (u32, Option<Timestamp>);

    /// How far the part is.
    fn turn(&self) -> &Turn<Self::Parcel>;

    /// The same, to be changed.
    fn turn_mut(&mut self) -> &mut Turn<Self::Parcel>;
}

impl<P> Turn<P> {
    /// A part with these deliveries, of which none is attempted yet.
    pub fn new(parcels: VecDeque<P>) -> Self {
        Self { parcels, in_flight: 0, proven: false, stopped: false, began: None }
    }

    /// Begins no further attempt in this batch.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    fn has_room(&self) -> bool {
        self.in_flight < if self.proven { MOST_PER_PROVEN_WEBHOOK } else { 1 }
    }
}

/// The webhooks of a batch. They take turns; those with the least trouble go first.
#[derive(Debug)]
pub struct Turns<L> {
    /// All of them, by rank as it was at the beginning.
    pub all: Vec<L>,
    began: Timestamp,
    /// Where the next turn begins.
    next: usize,
}

impl<L: TakesTurns> Turns<L> {
    /// Orders the webhooks: the well first, then by how much trouble they were lately.
    pub fn new(all: Vec<L>, now: Timestamp) -> Self {
        Self { all: in_order(all, TakesTurns::rank), began: now, next: 0 }
    }

    /// The next delivery to attempt, with its place. A webhook with more trouble waits until those with less have begun
    /// all they have.
    pub fn next(&mut self, now: Timestamp, policy: &DeliveryPolicy) -> Option<(usize, L::Parcel)> {
        if now.since(self.began) >= policy.time_per_batch() {
            return None;
        }
        let count = self.all.len();
        let most = policy.time_per_webhook();
        let is_spent =
            |turn: &Turn<L::Parcel>| turn.stopped || turn.began.is_some_and(|began| now.since(began) >= most);
        let ready = |lane: &L| !lane.turn().parcels.is_empty() && !is_spent(lane.turn());
        let trouble = |lane: &L| lane.rank().0;
        let least = self.all.iter().filter(|lane| ready(lane)).map(trouble).min()?;
        let place = (0..count).map(|offset| (self.next + offset) % count).find(|place| {
            let lane = &self.all[*place];
            ready(lane) && trouble(lane) == least && lane.turn().has_room()
        })?;
        self.next = place + 1;
        let turn = self.all[place].turn_mut();
        turn.in_flight += 1;
        turn.began.get_or_insert(now);
        turn.parcels.pop_front().map(|parcel| (place, parcel))
    }

    /// Notes how an attempt ended.
    pub fn ended(&mut self, place: usize, effect: Effect, timed_out: bool) {
        let turn = self.all[place].turn_mut();
        turn.in_flight -= 1;
        turn.proven |= effect == Effect::Success;
        turn.stopped |= timed_out;
    }

    /// What no attempt begins for any more in this batch, each with the place of its webhook.
    pub fn rest(&mut self) -> Vec<(usize, L::Parcel)> {
        let all = self.all.iter_mut().enumerate();
        all.flat_map(|(place, lane)| lane.turn_mut().parcels.drain(..).map(move |parcel| (place, parcel)))
            .collect()
    }
}
