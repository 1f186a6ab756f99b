//! A batch of retries: records, what is due of webhooks, then deliveries leased for the pipeline.

use shared::delivery::standing::Stage;
use shared::webhook::health::{Condition, Health};
use shared::webhook::waiting::choose_probe;

use crate::batch::{Asked, Batch, Parcel, Places, Step, event_id};
use crate::database::{ROWS_OF_CONDITION, ROWS_OF_LEASE, ROWS_OF_MOVE, Row};
use crate::engine::Run;
use crate::queue::{Content, Record};
use crate::time::{Micros, instant};

/// Held deliveries looked at from each end of the line, to choose a probe among them, as the product's statement does.
const LOOKED_AT: usize = 250;
/// Rows that a lease reads for each delivery: its own, its webhook's, its body's.
const ROWS_READ_EACH: u64 = 4;

impl Run<'_> {
    pub(crate) fn begin_retries(&mut self, place: usize) {
        let Some(mut batch) = self.take(place) else { return };
        let mut shards: Places = 0;
        for message in &mut batch.messages {
            if let Content::Record(record) = &mut message.content {
                self.records -= 1;
                let entries = std::mem::take(&mut record.entries);
                shards |= entries.first().map_or(0, |entry| 1 << entry.shard);
                batch.records.push(Record { since: record.since, entries });
            }
        }
        if batch.records.is_empty() {
            return self.read_due(place, batch);
        }
        // Whether the database takes a write at all.
        let end = self.write_all(shards);
        batch.asked = Asked::Records(shards);
        self.wait_for(place, batch, end);
    }

    /// A write of each of these shards, side by side.
    fn write_all(&mut self, shards: Places) -> Micros {
        let mut end = self.now;
        for shard in (0..self.databases.len()).filter(|shard| shards >> shard & 1 == 1) {
            end = end.max(self.databases[shard].write(self.now));
        }
        end
    }

    pub(crate) fn records_asked(&mut self, place: usize, mut batch: Box<Batch>, asked: Places) {
        let mut take: Places = 0;
        for shard in (0..self.databases.len()).filter(|shard| asked >> shard & 1 == 1) {
            if self.takes_write(&batch, shard) {
                self.outage(&batch, shard).can_write();
                take |= 1 << shard;
            }
        }
        let records = std::mem::take(&mut batch.records);
        for record in records {
            let shard = record.entries.first().map_or(0, |entry| entry.shard);
            if take >> shard & 1 == 1 {
                batch.records.push(record);
            } else {
                self.send_records(record.entries, record.since);
            }
        }
        if batch.records.is_empty() {
            return self.read_due(place, batch);
        }
        // Bodies, then rows.
        let bodies = self.write_all(take);
        let end = self.write_all(take).max(bodies);
        batch.asked = Asked::RecordsWritten;
        self.wait_for(place, batch, end);
    }

    pub(crate) fn records_written(&mut self, place: usize, mut batch: Box<Batch>) {
        let mut held = Vec::new();
        for record in std::mem::take(&mut batch.records) {
            held.extend(self.write_entries(&record.entries));
        }
        held.sort_unstable();
        held.dedup();
        self.due_while_any_waits(&held, instant(self.now));
        self.read_due(place, batch);
    }

    fn tended(batch: &Batch) -> Vec<u32> {
        let tended = batch.messages.iter().filter_map(|message| match message.content {
            Content::Tend(webhook) => Some(webhook),
            _ => None,
        });
        let mut tended: Vec<u32> = tended.collect();
        tended.sort_unstable();
        tended.dedup();
        tended
    }

    fn read_due(&mut self, place: usize, mut batch: Box<Batch>) {
        let shards = Self::tended(&batch)
            .iter()
            .fold(0, |shards, webhook| shards | 1 << self.webhooks.all[*webhook as usize].shard);
        if shards == 0 {
            return self.lease(place, batch);
        }
        let mut end = self.now;
        for shard in (0..self.databases.len()).filter(|shard| shards >> shard & 1 == 1) {
            end = end.max(self.databases[shard].read(self.now));
        }
        batch.asked = Asked::Due;
        self.wait_for(place, batch, end);
    }

    pub(crate) fn due_read(&mut self, place: usize, mut batch: Box<Batch>) {
        let now = instant(self.now);
        let due =
            |webhook: &u32| self.webhooks.all[*webhook as usize].condition.due.is_some_and(|due| due <= now);
        let webhooks: Vec<u32> = Self::tended(&batch).into_iter().filter(due).collect();
        batch.steps = webhooks.into_iter().filter_map(|webhook| self.step(webhook)).collect();
        let shards = batch
            .steps
            .iter()
            .fold(0, |shards, step| shards | 1 << self.webhooks.all[step.webhook as usize].shard);
        if shards == 0 {
            return self.lease(place, batch);
        }
        let end = self.write_all(shards);
        batch.asked = Asked::Claims;
        self.wait_for(place, batch, end);
    }

    /// What is due of a webhook.
    fn step(&mut self, id: u32) -> Option<Step> {
        let (now, policy) = (instant(self.now), &self.policy.health);
        let webhook = &self.webhooks.all[id as usize];
        let condition = &webhook.condition;
        let shard = webhook.shard;
        let mut release = Vec::new();
        let condition = match &condition.health {
            Health::CircuitOpen { .. } if webhook.released > 0 => {
                Condition { due: Some(now.plus(self.policy.overdue())), ..condition.clone() }
            }
            Health::CircuitOpen { last_probe, .. } => {
                let newest = webhook.held.iter().rev().take(LOOKED_AT);
                let oldest = webhook.held.iter().take(LOOKED_AT);
                let mut candidates = Vec::new();
                for (_, event, place) in newest.chain(oldest) {
                    let failures = self.rows.at(*place).map_or(0, |row| row.failures);
                    candidates.push((event_id(*event), failures));
                }
                self.databases[shard].rows_read += candidates.len() as u64;
                match choose_probe(&candidates, last_probe.as_ref()) {
                    Some(probe) => {
                        let held = webhook.held.iter().find(|(_, event, _)| event_id(*event) == *probe);
                        release.extend(held.map(|(_, _, place)| *place));
                        condition.probing(probe.clone(), now, policy)
                    }
                    None => condition.half_open(policy),
                }
            }
            Health::Well { release: running, .. } => {
                let failed = running.zip(webhook.last_error_at).is_some_and(|(running, at)| at >= running.at);
                let most = policy.most_released as usize + 1;
                let waiting = webhook.held.len().min(most);
                let (next, count) = condition.letting_go(waiting, webhook.released, failed, now, policy);
                self.databases[shard].rows_read += (waiting + webhook.released as usize) as u64;
                release.extend(webhook.held.iter().take(count).map(|(_, _, place)| *place));
                next
            }
            // Neither is part of any run.
            Health::Verifying { .. } | Health::Disabled { .. } => return None,
        };
        Some(Step { webhook: id, stamp: webhook.stamp, condition, release })
    }

    pub(crate) fn claimed(&mut self, place: usize, mut batch: Box<Batch>) {
        let now = instant(self.now);
        for step in std::mem::take(&mut batch.steps) {
            let webhook = &mut self.webhooks.all[step.webhook as usize];
            let shard = webhook.shard;
            if !self.databases[shard].takes_writes(self.now) {
                batch.not_tended |= 1 << shard;
                continue;
            }
            // Another consumer was faster.
            if webhook.stamp != step.stamp {
                continue;
            }
            webhook.stamp += 1;
            let due = step.condition.due;
            webhook.condition = step.condition;
            self.databases[shard].rows_written += ROWS_OF_CONDITION;
            for row in step.release {
                let Some(held) = self.rows.at(row).copied() else { continue };
                self.take_out(row, shard);
                self.put_in(row, Row { stage: Stage::Released, next: now, ..held }, shard);
                self.databases[shard].rows_written += ROWS_OF_MOVE;
                self.wake(shard, Content::Deliver { row, event: held.event }, now);
            }
            if let Some(due) = due {
                self.wake(shard, Content::Tend(step.webhook), due);
            } else {
                let at = now.plus(std::time::Duration::from_secs(1));
                self.due_while_any_waits(&[step.webhook], at);
            }
        }
        for shard in (0..self.databases.len()).filter(|shard| batch.not_tended >> shard & 1 == 1) {
            self.takes_write(&batch, shard);
        }
        self.lease(place, batch);
    }

    fn lease(&mut self, place: usize, mut batch: Box<Batch>) {
        let mut shards: Places = 0;
        for message in &batch.messages {
            if let Content::Deliver { row, event } = message.content
                && let Some(row) = self.rows.of_event(row, event)
            {
                shards |= 1 << self.webhooks.all[row.webhook as usize].shard;
            }
        }
        if shards == 0 {
            return self.begin_attempts(place, batch);
        }
        let end = self.write_all(shards);
        batch.asked = Asked::Leases;
        self.wait_for(place, batch, end);
    }

    /// Takes what is due of the deliveries that messages name.
    pub(crate) fn leased(&mut self, place: usize, mut batch: Box<Batch>) {
        let now = instant(self.now);
        let until = now.plus(self.policy.lease());
        let mut parcels = Vec::new();
        for index in 0..batch.messages.len() {
            let Content::Deliver { row: at, event } = batch.messages[index].content else { continue };
            let Some(row) = self.rows.of_event(at, event).copied() else { continue };
            let shard = self.webhooks.all[row.webhook as usize].shard;
            if !self.databases[shard].takes_writes(self.now) {
                batch.not_leased |= 1 << shard;
                continue;
            }
            if row.stage == Stage::Held || row.next > now || row.leased_until > now {
                continue;
            }
            self.databases[shard].rows_written += ROWS_OF_LEASE;
            self.databases[shard].rows_read += ROWS_READ_EACH;
            self.take_out(at, shard);
            self.put_in(at, Row { leased_until: until, ..row }, shard);
            parcels.push(Parcel {
                event,
                webhook: row.webhook,
                row: Some(at),
                message: u32::try_from(index).unwrap_or(u32::MAX),
                arrived: row.arrived,
                created: row.created,
                failures: row.failures,
                released: row.stage == Stage::Released,
                leased_until: until,
            });
        }
        for shard in (0..self.databases.len()).filter(|shard| batch.not_leased >> shard & 1 == 1) {
            self.takes_write(&batch, shard);
        }
        self.open_lanes(place, batch, parcels);
    }

    /// Acknowledges the messages of a batch; those of a shard that took no write come again.
    pub(crate) fn settle_retries(&mut self, batch: &mut Batch) {
        for message in std::mem::take(&mut batch.messages) {
            let (webhook, failed) = match message.content {
                Content::Deliver { row, event } => {
                    let Some(row) = self.rows.of_event(row, event) else { continue };
                    (row.webhook, batch.not_leased)
                }
                Content::Tend(webhook) => (webhook, batch.not_tended),
                Content::Event { .. } | Content::Record(_) => continue,
            };
            let shard = self.webhooks.all[webhook as usize].shard;
            if failed >> shard & 1 == 1 {
                self.hand_over_again(batch, shard, message);
            }
        }
    }
}
