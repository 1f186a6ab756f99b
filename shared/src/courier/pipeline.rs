//! The stages that every delivery goes through, fresh, retried, released or a probe:
//! gate → lanes → attempts → progress → write → wake.

use std::collections::{HashSet, VecDeque};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::Courier;
use super::attempt::{Endpoint, Made};
use super::lanes::{Lane, Lanes};
use super::ledger::Ledger;
use super::pace::{AFTER_DEFERRAL, BETWEEN_WRITES, Pace};
use super::turns::MOST_IN_FLIGHT;
use crate::delivery::progress::{Origin, Progress};
use crate::delivery::standing::{Standing, Tries};
use crate::event::message::DeliveryKey;
use crate::join::join_all;
use crate::shard::Shards;
use crate::shared_text::SharedText;
use crate::time::Timestamp;
use crate::webhook::health::{Effect, Gate, Health};
use crate::webhook::target::Target;

/// A delivery on its way through the stages.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    /// Tenant, webhook and event.
    pub(super) key: DeliveryKey,
    /// The envelope's `detail-type`.
    pub(super) event_type: String,
    /// The envelope; absent where it is no longer kept.
    pub(super) body: Option<SharedText>,
    /// Failures before.
    pub(super) failures: u32,
    /// The retry window counts from here.
    pub(super) tries_since: Timestamp,
    /// Its webhook let it go, as a probe or as one of a release.
    pub(super) released: bool,
    /// Where the delivery comes from.
    pub(super) origin: Origin,
}

/// What a batch has for one webhook. `None` where there is no such webhook any more.
pub(super) type Bundle = (Option<Target>, Vec<Parcel>);

impl Parcel {
    fn progress(&self, standing: Standing, made: Option<&Made>) -> Progress {
        Progress {
            key: self.key.clone(),
            event_type: self.event_type.clone(),
            standing,
            attempt: made.map(|made| made.attempt.clone()),
            origin: self.origin,
            body: self.body.clone(),
        }
    }

    /// How often it has been tried in vain, and since when.
    pub(super) fn tries(&self) -> Tries {
        Tries { failures: self.failures, since: self.tries_since }
    }

    /// What its webhook does with it now.
    fn gate(&self, health: &Health) -> Gate {
        health.gate(&self.key.event_id, self.released)
    }

    /// How it stands when a batch had no time for it.
    fn deferred(&self, next: Timestamp) -> Standing {
        Standing::deferred(self.released, next, self.failures)
    }
}

impl Shards<Courier> {
    /// Takes a batch through all stages: of each webhook with the place of its shard, because the six connections are one
    /// for all. Gives back the deliveries of which nothing was done or written down: those of fresh events, whose messages
    /// have to come again, while their database takes no writes.
    pub(super) async fn deliver(&self, bundles: Vec<(usize, Bundle)>) -> HashSet<DeliveryKey> {
        let couriers = self.all();
        let any = &couriers[0];
        let mut ledgers: Vec<Ledger> = couriers.iter().map(|_| Ledger::new()).collect();
        let mut lanes = Vec::new();
        for (shard, (target, parcels)) in bundles {
            let lane = couriers[shard].gate(target, parcels, &mut ledgers[shard]).await;
            lanes.extend(lane.map(|(target, endpoint, open)| Lane::new(shard, target, endpoint, open)));
        }
        let mut lanes = Lanes::new(lanes, any.now());
        let mut attempts = FuturesUnordered::new();
        let mut pace = Pace::new(any.now());
        let mut pause = any.clock.sleep(BETWEEN_WRITES);
        loop {
            while attempts.len() < MOST_IN_FLIGHT {
                let Some((lane, parcel)) = lanes.next(any.now(), &any.policy) else { break };
                let (endpoint, courier) =
                    (lanes.all[lane].endpoint.clone(), &couriers[lanes.all[lane].shard]);
                attempts.push(async move {
                    let made = courier.attempt_parcel(&endpoint, &parcel).await;
                    (lane, parcel, made)
                });
            }
            if attempts.is_empty() {
                break;
            }
            // A crash from here until the write has the event handed over, or the delivery leased, again: partners may
            // see the event twice, with the same webhook-id.
            let paused = match select(attempts.next(), &mut pause).await {
                Either::Left((ended, _)) => {
                    if let Some((lane, parcel, made)) = ended {
                        let shard = lanes.all[lane].shard;
                        couriers[shard].note(&mut lanes, lane, &parcel, made, &mut ledgers[shard]);
                        pace.ended(any.now());
                    }
                    false
                }
                Either::Right(((), _)) => true,
            };
            if paused || pace.is_due(any.now()) {
                if pace.hangs(attempts.len(), any.now()) {
                    self.defer_rest(&mut lanes, &mut ledgers);
                }
                // Unique by webhook and event, or bound to its lease: writing twice changes nothing.
                self.write(&mut ledgers, &mut lanes).await;
                pace.written(any.now());
                pause = any.clock.sleep(BETWEEN_WRITES);
            }
        }
        self.defer_rest(&mut lanes, &mut ledgers);
        self.write(&mut ledgers, &mut lanes).await;
        ledgers.into_iter().flat_map(Ledger::undone).collect()
    }

    /// Writes what was entered of each shard, side by side. Where a database takes no write, nothing further is attempted
    /// for its webhooks.
    async fn write(&self, ledgers: &mut [Ledger], lanes: &mut Lanes) {
        let mut of_shard: Vec<Vec<&mut Lane>> = ledgers.iter().map(|_| Vec::new()).collect();
        for lane in &mut lanes.all {
            of_shard[lane.shard].push(lane);
        }
        let shards = self.all().iter().zip(ledgers.iter_mut()).zip(of_shard);
        join_all(
            shards
                .map(|((courier, ledger), mut lanes)| async move { courier.write(ledger, &mut lanes).await }),
        )
        .await;
        for (shard, _) in ledgers.iter().enumerate().filter(|(_, ledger)| ledger.is_stuck()) {
            lanes.stop(shard);
        }
    }

    /// What the batch had no time for comes back by a message of its own. While nothing can be written, fresh events of
    /// which nothing was attempted are left to their own messages.
    fn defer_rest(&self, lanes: &mut Lanes, ledgers: &mut [Ledger]) {
        for (place, parcel) in lanes.rest() {
            let shard = lanes.all[place].shard;
            let ledger = &mut ledgers[shard];
            if ledger.is_stuck() && parcel.origin.is_fresh() && !ledger.knows_event(&parcel.key) {
                ledger.leave(parcel.key);
            } else {
                let standing = parcel.deferred(self.all()[shard].now().plus(AFTER_DEFERRAL));
                ledger.enter(parcel.progress(standing, None));
            }
        }
    }
}

impl Courier {
    /// Stage one: gives back what the webhook lets through, for a lane of its own; the rest waits, or ends.
    async fn gate(
        &self,
        target: Option<Target>,
        parcels: Vec<Parcel>,
        ledger: &mut Ledger,
    ) -> Option<(Target, Endpoint, Vec<Parcel>)> {
        let Some(target) = target else {
            for parcel in parcels {
                let standing = Standing::failed("webhook deleted", parcel.failures, self.now());
                ledger.enter(parcel.progress(standing, None));
            }
            return None;
        };
        let (open, shut): (Vec<_>, Vec<_>) =
            parcels.into_iter().partition(|parcel| parcel.gate(&target.condition.health) == Gate::Open);
        for parcel in shut {
            self.keep_back(&target, &parcel, ledger);
        }
        if open.is_empty() {
            return None;
        }
        if let Some(endpoint) = self.try_open_endpoint(&target).await {
            return Some((target, endpoint, open));
        }
        // The webhook waits for its sealing key, not each delivery by itself.
        for parcel in &open {
            let standing = Standing::held(parcel.tries().end(&self.policy.retry), parcel.failures);
            ledger.enter(parcel.progress(standing, None));
        }
        None
    }

    /// While a webhook is being verified or its circuit is open, its deliveries wait for it, as long as their window
    /// lasts; a disabled one's are dead, and can be redelivered.
    fn keep_back(&self, target: &Target, parcel: &Parcel, ledger: &mut Ledger) {
        let health = &target.condition.health;
        let standing =
            Standing::kept_back(health, parcel.gate(health), parcel.tries(), self.now(), &self.policy.retry);
        ledger.enter(parcel.progress(standing, None));
    }

    /// The attempt of a leased delivery does not begin where its request could outlive the lease: another consumer might
    /// then begin the same one.
    async fn attempt_parcel(&self, endpoint: &Endpoint, parcel: &Parcel) -> Option<Made> {
        let body = parcel.body.as_ref()?;
        if let Origin::Leased { until } = parcel.origin
            && self.now().plus(self.policy.attempt_timeout) >= until
        {
            return None;
        }
        Some(self.attempt(endpoint, parcel, body).await)
    }

    /// Stage four: what became of a delivery, and of its webhook.
    fn note(
        &self,
        lanes: &mut Lanes,
        index: usize,
        parcel: &Parcel,
        made: Option<Made>,
        ledger: &mut Ledger,
    ) {
        let Some(made) = made else {
            lanes.ended(index, Effect::Refusal, false);
            let standing = match parcel.body {
                Some(_) => parcel.deferred(self.now().plus(AFTER_DEFERRAL)),
                None => Standing::dead("the event is no longer kept", parcel.failures, self.now()),
            };
            ledger.enter(parcel.progress(standing, None));
            return;
        };
        lanes.ended(index, made.ended.effect, made.timed_out);
        let lane = &mut lanes.all[index];
        let (condition, _) = lane.target.condition.after(&made.ended, &self.policy.health);
        lane.target.condition = condition;
        let health = &lane.target.condition.health;
        let standing =
            made.standing.clone().beside(health, made.ended.effect, parcel.tries().end(&self.policy.retry));
        ledger.enter(parcel.progress(standing, Some(&made)));
        lane.ended.push((made.ended, made.attempt));
        // A circuit that just opened, or a webhook that was just disabled, lets nothing more through.
        let (open, shut): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut lane.turn.parcels)
            .into_iter()
            .partition(|parcel| parcel.gate(health) == Gate::Open);
        lane.turn.parcels = open;
        for parcel in shut {
            self.keep_back(&lane.target, &parcel, ledger);
        }
    }
}
