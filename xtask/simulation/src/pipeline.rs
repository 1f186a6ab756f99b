//! The stages of a batch: attempts, progress, write, wake, in the order and by the rules of the product's own functions.

use std::collections::VecDeque;

use shared::courier::pace::{AFTER_DEFERRAL, BETWEEN_WRITES, Pace};
use shared::courier::turns::MOST_IN_FLIGHT;
use shared::delivery::standing::{Stage, Standing};
use shared::webhook::health::{Effect, Gate};

use crate::batch::{Asked, Batch, Entry, NewCondition, Parcel, Places, Request};
use crate::engine::{Happening, Run, is_of_events};
use crate::time::{instant, micros};

impl Run<'_> {
    /// The database has answered a batch.
    pub(crate) fn answered(&mut self, place: usize) {
        let Some(batch) = self.take(place) else { return };
        match batch.asked {
            Asked::FirstAttempts(asks) => self.first_attempts(place, batch, asks),
            Asked::Webhooks => self.match_events(place, batch),
            Asked::Records(asked) => self.records_asked(place, batch, asked),
            Asked::RecordsWritten => self.records_written(place, batch),
            Asked::Due => self.due_read(place, batch),
            Asked::Claims => self.claimed(place, batch),
            Asked::Leases => self.leased(place, batch),
            Asked::Results => self.results_written(place, batch),
            Asked::Conflicts => self.go_on_after_write(place, batch),
        }
    }

    /// The first attempts of a batch.
    pub(crate) fn begin_attempts(&mut self, place: usize, mut batch: Box<Batch>) {
        batch.pace = Pace::new(instant(self.now));
        self.start_timer(place, &mut batch);
        self.attempt(place, batch);
    }

    fn start_timer(&mut self, place: usize, batch: &mut Batch) {
        self.timers += 1;
        batch.timer = self.timers;
        self.agenda.enter(self.now + micros(BETWEEN_WRITES), Happening::Paused(place, batch.timer));
    }

    /// Begins as many requests as there is room for.
    fn attempt(&mut self, place: usize, mut batch: Box<Batch>) {
        let now = instant(self.now);
        while batch.in_flight < MOST_IN_FLIGHT {
            let Some((lane, parcel)) = batch.lanes.next(now, &self.policy) else { break };
            // The request could outlive the lease.
            if parcel.row.is_some() && now.plus(self.policy.attempt_timeout) >= parcel.leased_until {
                batch.lanes.ended(lane, Effect::Refusal, false);
                self.defer(&mut batch, lane, parcel);
                continue;
            }
            let webhook = &self.webhooks.all[parcel.webhook as usize];
            let timeout = self.policy.attempt_timeout;
            let (takes, result) = webhook.answer(&self.dice, self.now, self.scenario, timeout);
            self.measured.requests += 1;
            let Some(slot) = batch.requests.iter().position(Option::is_none) else { break };
            batch.requests[slot] = Some(Request { lane, parcel, result });
            batch.in_flight += 1;
            self.agenda.enter(self.now + takes, Happening::Ended(place, slot));
        }
        if batch.in_flight > 0 {
            return self.put(place, batch);
        }
        batch.ends = true;
        self.defer_rest(&mut batch);
        self.write(place, batch);
    }

    pub(crate) fn request_ended(&mut self, place: usize, slot: usize) {
        let Some(mut batch) = self.take(place) else { return };
        if batch.writes {
            batch.late.push(slot);
            return self.put(place, batch);
        }
        self.note(&mut batch, slot);
        if batch.pace.is_due(instant(self.now)) {
            self.write_between(place, batch);
        } else {
            self.attempt(place, batch);
        }
    }

    pub(crate) fn paused(&mut self, place: usize, timer: u32) {
        let Some(batch) = self.take(place) else { return };
        // A timer of before, or of the batch that had this place before.
        if batch.timer != timer || batch.writes || !batch.pace.is_due(instant(self.now)) {
            return self.put(place, batch);
        }
        self.write_between(place, batch);
    }

    fn write_between(&mut self, place: usize, mut batch: Box<Batch>) {
        if batch.pace.hangs(batch.in_flight, instant(self.now)) {
            self.defer_rest(&mut batch);
        }
        self.write(place, batch);
    }

    /// What became of a delivery, and of its webhook.
    fn note(&mut self, batch: &mut Batch, slot: usize) {
        let Some(Request { lane: index, parcel, result }) = batch.requests[slot].take() else { return };
        batch.in_flight -= 1;
        let now = instant(self.now);
        batch.pace.ended(now);
        let outcome = result.outcome(now.milliseconds());
        let event =
            if parcel.released { crate::batch::event_id(parcel.event) } else { self.any_event.clone() };
        let ended = outcome.ended(event, now);
        let error = result.error().unwrap_or_default();
        let (dice, retry) = (&self.dice, self.policy.retry);
        let standing = Standing::after(outcome, parcel.tries(), &error, || dice.bits(), now, &retry);
        batch.lanes.ended(index, ended.effect, error == "timed out");
        let lane = &mut batch.lanes.all[index];
        (lane.condition, _) = lane.condition.after(&ended, &self.policy.health);
        let health = &lane.condition.health;
        let standing = standing.beside(health, ended.effect, parcel.tries().end(&retry));
        lane.outcomes |= 1 << standing.stage.number();
        if standing.stage == Stage::Delivered {
            self.in_hands -= 1;
            self.delivered(&parcel);
        }
        if standing.stage != Stage::Delivered || parcel.row.is_some() {
            self.measured.lines += 1;
        }
        lane.ended.push(ended);
        let shard = lane.shard;
        batch.entered.push(Entry { parcel, standing, shard });
        if lane.turn.parcels.iter().all(|parcel| parcel.gate(health, &self.any_event) == Gate::Open) {
            return;
        }
        // A circuit that just opened lets nothing more through.
        let (open, shut): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut lane.turn.parcels)
            .into_iter()
            .partition(|parcel| parcel.gate(health, &self.any_event) == Gate::Open);
        lane.turn.parcels = open;
        for parcel in shut {
            let gate = parcel.gate(health, &self.any_event);
            let standing = Standing::kept_back(health, gate, parcel.tries(), now, &retry);
            batch.entered.push(Entry { parcel, standing, shard });
        }
    }

    fn delivered(&mut self, parcel: &Parcel) {
        let webhook = &self.webhooks.all[parcel.webhook as usize];
        let healthy = match self.scenario.no_writes {
            Some(_) => webhook.shard != 0,
            None => !webhook.troubled,
        };
        if webhook.largest
            && let Some(outage) = self.scenario.outage.filter(|outage| self.now >= outage.until)
        {
            self.measured.first_after.get_or_insert(self.now - outage.until);
        }
        let counts = parcel.arrived >= self.scenario.measured_from;
        self.delivered_of_shard[webhook.shard] += 1;
        self.measured.delivered(self.now, parcel.arrived, counts, healthy);
    }

    fn defer(&mut self, batch: &mut Batch, lane: usize, parcel: Parcel) {
        let next = instant(self.now).plus(AFTER_DEFERRAL);
        let standing = Standing::deferred(parcel.released, next, parcel.failures);
        batch.entered.push(Entry { parcel, standing, shard: batch.lanes.all[lane].shard });
    }

    /// What the batch has no time for comes back; fresh events of a shard that takes no write by their own messages.
    fn defer_rest(&mut self, batch: &mut Batch) {
        for (lane, parcel) in batch.lanes.rest() {
            let stuck = batch.stuck >> batch.lanes.all[lane].shard & 1 == 1;
            if stuck && parcel.row.is_none() {
                batch.undone.push(parcel.message);
            } else {
                self.defer(batch, lane, parcel);
            }
        }
    }

    /// Writes what was entered, each shard by itself and side by side.
    fn write(&mut self, place: usize, mut batch: Box<Batch>) {
        let entered = std::mem::take(&mut batch.entered);
        let (aside, entries): (Vec<_>, Vec<_>) =
            entered.into_iter().partition(|entry| batch.stuck >> entry.shard & 1 == 1);
        if !aside.is_empty() {
            self.send_records(aside, instant(self.now));
        }
        batch.conditions = self.new_conditions(&mut batch);
        let mut shards: Places = entries.iter().fold(0, |shards, entry| shards | 1 << entry.shard);
        for new in &batch.conditions {
            shards |= 1 << batch.lanes.all[new.lane].shard;
        }
        batch.entries = entries;
        batch.writes = true;
        if shards == 0 {
            return self.go_on_after_write(place, batch);
        }
        let mut end = self.now;
        for shard in (0..self.databases.len()).filter(|shard| shards >> shard & 1 == 1) {
            end = end.max(self.databases[shard].write(self.now));
        }
        batch.asked = Asked::Results;
        self.wait_for(place, batch, end);
    }

    /// The conditions that differ from what is stored, or whose attempts failed.
    fn new_conditions(&self, batch: &mut Batch) -> Vec<NewCondition> {
        let mut new = Vec::new();
        for (index, lane) in batch.lanes.all.iter_mut().enumerate().filter(|(_, lane)| !lane.ended.is_empty())
        {
            let mut condition = lane.stored.clone();
            for ended in &lane.ended {
                (condition, _) = condition.after(ended, &self.policy.health);
            }
            let failed = lane.ended.iter().any(|ended| ended.effect != Effect::Success);
            if (condition == lane.stored && !failed) || batch.stuck >> lane.shard & 1 == 1 {
                lane.ended.clear();
            } else {
                new.push(NewCondition { lane: index, condition, failed });
            }
        }
        new
    }

    /// The batch goes on after a write, with requests that ended meanwhile, or is settled.
    pub(crate) fn go_on_after_write(&mut self, place: usize, mut batch: Box<Batch>) {
        batch.writes = false;
        if batch.ends {
            if is_of_events(batch.queue) {
                self.settle_events(&mut batch)
            } else {
                self.settle_retries(&mut batch)
            }
            return self.settled(place, &batch);
        }
        batch.pace.written(instant(self.now));
        self.start_timer(place, &mut batch);
        for slot in std::mem::take(&mut batch.late) {
            self.note(&mut batch, slot);
        }
        self.attempt(place, batch);
    }
}
