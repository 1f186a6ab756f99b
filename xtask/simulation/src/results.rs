//! What the database does with a batch's results, and the wake-ups that follow.

use shared::courier::{MOST_IN_A_RECORD, Outage};
use shared::delivery::standing::Stage;
use shared::time::Timestamp;
use shared::webhook::health::{Effect, Health};

use crate::batch::{Asked, Batch, Entry, NewCondition};
use crate::database::{ROWS_OF_CONDITION, ROWS_OF_DELIVERED, ROWS_OF_MOVE, ROWS_OF_UNDELIVERED, Row};
use crate::engine::Run;
use crate::queue::{Content, Message, Record};
use crate::time::{Micros, instant, micros};

impl Run<'_> {
    /// A batch's write has been answered.
    pub(crate) fn results_written(&mut self, place: usize, mut batch: Box<Batch>) {
        let now = instant(self.now);
        for shard in 0..self.databases.len() {
            let concerned = batch.entries.iter().any(|entry| entry.shard == shard)
                || batch.conditions.iter().any(|new| batch.lanes.all[new.lane].shard == shard);
            if concerned && !self.takes_write(&batch, shard) {
                // Once more, to ask whether it takes any.
                self.databases[shard].write(self.now);
                batch.stuck |= 1 << shard;
                let lanes = batch.lanes.all.iter_mut().filter(|lane| lane.shard == shard);
                lanes.for_each(|lane| lane.turn.stop());
            }
        }
        let entries = std::mem::take(&mut batch.entries);
        let (aside, written): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| batch.stuck >> entry.shard & 1 == 1);
        self.send_records(aside, now);
        let mut held = self.write_entries(&written);
        let end = self.write_conditions(&mut batch);
        held.sort_unstable();
        held.dedup();
        self.due_while_any_waits(&held, now);
        if end > self.now {
            batch.asked = Asked::Conflicts;
            return self.wait_for(place, batch, end);
        }
        self.go_on_after_write(place, batch);
    }

    /// Writes how deliveries stand, and wakes those with a time of their own. Gives back the webhooks that hold some.
    pub(crate) fn write_entries(&mut self, entries: &[Entry]) -> Vec<u32> {
        let mut held = Vec::new();
        let mut bodies: u32 = 0;
        for entry in entries {
            let Entry { parcel, standing, shard } = entry;
            let ended = standing.ended_at.is_some();
            if parcel.row.is_none() && standing.stage == Stage::Delivered {
                bodies |= 1 << shard;
            }
            self.databases[*shard].rows_written += match (parcel.row, ended) {
                // With its deletion, sooner or later.
                (None, true) if standing.stage == Stage::Delivered => ROWS_OF_DELIVERED + 1,
                (None, _) => ROWS_OF_UNDELIVERED + 2,
                (Some(_), true) => 1,
                (Some(_), false) => ROWS_OF_MOVE,
            };
            let place = match parcel.row {
                None if ended => None,
                None => {
                    self.in_hands -= 1;
                    Some(self.rows.insert(row_of(entry)))
                }
                Some(place) => {
                    self.take_out(place, *shard);
                    Some(place)
                }
            };
            let Some(place) = place else {
                if standing.stage != Stage::Delivered {
                    self.in_hands -= 1;
                    self.measured.dead += 1;
                }
                continue;
            };
            if ended {
                if standing.stage == Stage::Delivered {
                    self.in_hands += 1;
                } else {
                    self.measured.dead += 1;
                }
                self.rows.remove(place);
                continue;
            }
            self.put_in(place, row_of(entry), *shard);
            match standing.stage {
                Stage::Held => held.push(parcel.webhook),
                _ => {
                    let content = Content::Deliver { row: place, event: parcel.event };
                    self.wake(*shard, content, standing.next_attempt_at.unwrap_or(parcel.created));
                }
            }
        }
        // The events of a batch that were delivered are kept together, for a day.
        for shard in (0..self.databases.len()).filter(|shard| bodies >> shard & 1 == 1) {
            self.databases[shard].rows_written += 2;
        }
        held
    }

    /// Takes a row out of what is due, held and released.
    pub(crate) fn take_out(&mut self, place: u32, shard: usize) {
        let Some(row) = self.rows.at(place) else { return };
        let webhook = &mut self.webhooks.all[row.webhook as usize];
        match row.stage {
            Stage::Held => {
                webhook.held.remove(&(row.created.milliseconds(), row.event, place));
            }
            Stage::Released => webhook.released = webhook.released.saturating_sub(1),
            _ => {}
        }
        if row.stage != Stage::Held {
            self.databases[shard].timed.remove(&(row.next.max(row.leased_until), place));
        }
    }

    /// Writes a row anew, and puts it where it belongs.
    pub(crate) fn put_in(&mut self, place: u32, new: Row, shard: usize) {
        let Some(row) = self.rows.at(place) else { return };
        *row = new;
        let webhook = &mut self.webhooks.all[new.webhook as usize];
        match new.stage {
            Stage::Held => {
                webhook.held.insert((new.created.milliseconds(), new.event, place));
            }
            Stage::Released => webhook.released += 1,
            _ => {}
        }
        if new.stage != Stage::Held {
            self.databases[shard].timed.insert((new.next.max(new.leased_until), place));
        }
    }

    /// Writes conditions, each where the one that it is based on is still there. Where another writer was faster it is
    /// made again on what that one wrote; gives back when that is done.
    fn write_conditions(&mut self, batch: &mut Batch) -> Micros {
        let mut end = self.now;
        for NewCondition { lane, condition, failed } in std::mem::take(&mut batch.conditions) {
            let lane = &mut batch.lanes.all[lane];
            if batch.stuck >> lane.shard & 1 == 1 {
                lane.ended.clear();
                continue;
            }
            let webhook = &mut self.webhooks.all[lane.webhook as usize];
            let database = &mut self.databases[lane.shard];
            database.rows_written += ROWS_OF_CONDITION;
            let mut condition = condition;
            if webhook.stamp != lane.stamp {
                let read = database.read(self.now);
                end = end.max(read).max(database.write(read));
                lane.stored = webhook.condition.clone();
                condition = lane.stored.clone();
                for ended in &lane.ended {
                    (condition, _) = condition.after(ended, &self.policy.health);
                }
            }
            webhook.stamp += 1;
            if failed {
                let failures = lane.ended.iter().filter(|ended| ended.effect != Effect::Success);
                webhook.last_error_at = failures.map(|ended| ended.at).max().max(webhook.last_error_at);
            }
            let due = condition.due.filter(|_| condition.due != lane.stored.due);
            webhook.condition = condition.clone();
            lane.stamp = webhook.stamp;
            lane.stored = condition.clone();
            lane.condition = condition;
            lane.ended.clear();
            if let Some(due) = due {
                let (shard, content) = (lane.shard, Content::Tend(lane.webhook));
                self.wake(shard, content, due);
            }
        }
        end
    }

    /// Makes webhooks due that hold nothing back any more, though deliveries still wait for them.
    pub(crate) fn due_while_any_waits(&mut self, webhooks: &[u32], at: Timestamp) {
        for id in webhooks {
            let webhook = &mut self.webhooks.all[*id as usize];
            let well = matches!(webhook.condition.health, Health::Well { .. });
            if webhook.condition.due.is_none() && well && !webhook.held.is_empty() {
                webhook.condition.due = Some(at);
                webhook.stamp += 1;
                let shard = webhook.shard;
                self.wake(shard, Content::Tend(*id), at);
            }
        }
    }

    /// Sends outcomes to the Queue of retries, until the database takes them: those with a body by event, the others
    /// together.
    pub(crate) fn send_records(&mut self, entries: Vec<Entry>, since: Timestamp) {
        let delay = micros(Outage::wait_since(since, instant(self.now)));
        let mut together: Vec<Vec<Entry>> = vec![Vec::new(); self.databases.len()];
        let mut records = Vec::new();
        for entry in entries {
            if entry.needs_body() {
                records.push(vec![entry]);
                continue;
            }
            let shard = entry.shard;
            together[shard].push(entry);
            if together[shard].len() == MOST_IN_A_RECORD {
                records.push(std::mem::take(&mut together[shard]));
            }
        }
        records.extend(together.into_iter().filter(|part| !part.is_empty()));
        for entries in records {
            let queue = self.queue_of(entries[0].shard) + 1;
            let until = self.queues[queue].takes_at(self.now).max(self.now + delay);
            let content = Content::Record(Box::new(Record { since, entries }));
            self.records += 1;
            self.delay(queue, until, Message { content, sent_at: instant(self.now) });
        }
    }
}

fn row_of(entry: &Entry) -> Row {
    let Entry { parcel, standing, .. } = entry;
    Row {
        event: parcel.event,
        webhook: parcel.webhook,
        arrived: parcel.arrived,
        created: parcel.created,
        stage: standing.stage,
        failures: standing.failures,
        next: standing.next_attempt_at.unwrap_or(parcel.created),
        leased_until: Timestamp::from_milliseconds(0),
    }
}
