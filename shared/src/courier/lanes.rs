//! Lanes: each webhook's part in a batch. [`super::turns`] says which goes next.

use std::sync::Arc;

use super::attempt::Endpoint;
use super::pipeline::Parcel;
use super::turns::{TakesTurns, Turn, Turns};
use crate::delivery::Attempt;
use crate::time::Timestamp;
use crate::webhook::health::{Condition, Ended};
use crate::webhook::target::Target;

/// The lanes of a batch.
pub(super) type Lanes = Turns<Lane>;

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
    pub(super) turn: Turn<Parcel>,
    /// Attempts that the stored condition does not know of yet.
    pub(super) ended: Vec<(Ended, Attempt)>,
    /// The type of an event of this batch, for people.
    pub(super) event_type: Option<String>,
}

impl Lane {
    pub(super) fn new(shard: usize, target: Target, endpoint: Endpoint, parcels: Vec<Parcel>) -> Self {
        let event_type = parcels.first().map(|parcel| parcel.event_type.clone());
        Self {
            shard,
            stored: target.condition.clone(),
            target,
            endpoint: Arc::new(endpoint),
            turn: Turn::new(parcels.into()),
            ended: Vec::new(),
            event_type,
        }
    }
}

impl TakesTurns for Lane {
    type Parcel = Parcel;

    fn rank(&self) -> (u32, Option<Timestamp>) {
        (self.target.condition.trouble(), self.target.last_error_at)
    }

    fn turn(&self) -> &Turn<Parcel> {
        &self.turn
    }

    fn turn_mut(&mut self) -> &mut Turn<Parcel> {
        &mut self.turn
    }
}

impl Lanes {
    /// Begins no further attempt for a shard's webhooks.
    pub(super) fn stop(&mut self, shard: usize) {
        self.all.iter_mut().filter(|lane| lane.shard == shard).for_each(|lane| lane.turn.stop());
    }
}
