//! A batch of fresh events: one read of each shard, then the pipeline.

use std::collections::VecDeque;

use shared::courier::turns::Turns;
use shared::courier::{FirstAttempts, Message as Sent, Settlement};
use shared::delivery::standing::Standing;
use shared::webhook::health::Gate;

use crate::batch::{Asked, Batch, Entry, Parcel, Places, lane};
use crate::engine::Run;
use crate::queue::{Content, Message};
use crate::time::{instant, micros};

/// Rows that a batch's read looks at for each event: its tenant's webhooks, and where its deliveries would be.
const ROWS_READ_EACH: u64 = 6;

impl Run<'_> {
    pub(crate) fn begin_events(&mut self, place: usize) {
        let Some(mut batch) = self.take(place) else { return };
        self.in_hands += i64::try_from(batch.messages.len()).unwrap_or_default();
        let now = instant(self.now);
        let (mut asks, mut end) = (0, self.now);
        for shard in 0..self.databases.len() {
            match self.outage(&batch, shard).first_attempts(now) {
                FirstAttempts::Allowed => {}
                FirstAttempts::Paused => batch.closed |= 1 << shard,
                FirstAttempts::AfterAWrite => {
                    asks |= 1 << shard;
                    end = end.max(self.databases[shard].write(self.now));
                }
            }
        }
        if asks == 0 {
            return self.read_webhooks(place, batch);
        }
        batch.asked = Asked::FirstAttempts(asks);
        self.wait_for(place, batch, end);
    }

    /// What the shards that were asked say of writing.
    pub(crate) fn first_attempts(&mut self, place: usize, mut batch: Box<Batch>, asks: Places) {
        for shard in (0..self.databases.len()).filter(|shard| asks >> shard & 1 == 1) {
            if self.takes_write(&batch, shard) {
                self.outage(&batch, shard).can_write();
            } else {
                batch.closed |= 1 << shard;
            }
        }
        self.read_webhooks(place, batch);
    }

    /// Whether a shard takes a write that ends now; the isolate remembers where it does not.
    pub(crate) fn takes_write(&self, batch: &Batch, shard: usize) -> bool {
        let takes = self.databases[shard].takes_writes(self.now);
        if !takes {
            self.outage(batch, shard).cannot_write(instant(self.now));
        }
        takes
    }

    fn read_webhooks(&mut self, place: usize, mut batch: Box<Batch>) {
        let mut shards: Places = 0;
        for message in &batch.messages {
            if let Content::Event { webhook, .. } = message.content {
                let shard = self.webhooks.all[webhook as usize].shard;
                if batch.closed >> shard & 1 == 0 {
                    shards |= 1 << shard;
                    self.databases[shard].rows_read += ROWS_READ_EACH;
                }
            }
        }
        let mut end = self.now;
        for shard in (0..self.databases.len()).filter(|shard| shards >> shard & 1 == 1) {
            end = end.max(self.databases[shard].read(self.now));
        }
        batch.asked = Asked::Webhooks;
        self.wait_for(place, batch, end);
    }

    /// The gate: what webhooks let through goes on a lane of its own, the rest waits.
    pub(crate) fn match_events(&mut self, place: usize, batch: Box<Batch>) {
        let now = instant(self.now);
        for shard in (0..self.databases.len()).filter(|shard| batch.closed >> shard & 1 == 0) {
            self.outage(&batch, shard).read_at(now);
        }
        let mut parcels: Vec<Parcel> = Vec::with_capacity(batch.messages.len());
        for (index, message) in batch.messages.iter().enumerate() {
            let Content::Event { event, webhook, arrived } = message.content else { continue };
            if batch.closed >> self.webhooks.all[webhook as usize].shard & 1 == 0 {
                let message = u32::try_from(index).unwrap_or(u32::MAX);
                let (row, released) = (None, false);
                let (created, leased_until) = (now, now);
                let failures = 0;
                parcels.push(Parcel {
                    event,
                    webhook,
                    row,
                    message,
                    arrived,
                    created,
                    failures,
                    released,
                    leased_until,
                });
            }
        }
        self.open_lanes(place, batch, parcels);
    }

    /// Puts deliveries on lanes, as far as the gates are open, and begins.
    pub(crate) fn open_lanes(&mut self, place: usize, mut batch: Box<Batch>, mut parcels: Vec<Parcel>) {
        let now = instant(self.now);
        // In the order of the database, which gives webhooks by tenant.
        parcels.sort_by_key(|parcel| parcel.webhook);
        let mut lanes = Vec::with_capacity(parcels.len());
        for part in parcels.chunk_by(|one, other| one.webhook == other.webhook) {
            let id = part[0].webhook;
            let webhook = &self.webhooks.all[id as usize];
            let health = &webhook.condition.health;
            let mut open = VecDeque::with_capacity(part.len());
            for parcel in part {
                let gate = parcel.gate(health, &self.any_event);
                if gate == Gate::Open {
                    open.push_back(*parcel);
                    continue;
                }
                let standing = Standing::kept_back(health, gate, parcel.tries(), now, &self.policy.retry);
                batch.entered.push(Entry { parcel: *parcel, standing, shard: webhook.shard });
            }
            if !open.is_empty() {
                let (condition, last) = (&webhook.condition, webhook.last_error_at);
                lanes.push(lane(id, webhook.shard, condition, webhook.stamp, last, open));
            }
        }
        batch.lanes = Turns::new(lanes, now);
        self.begin_attempts(place, batch);
    }

    /// Acknowledges the messages of a batch, or hands them over again after a while.
    pub(crate) fn settle_events(&mut self, batch: &mut Batch) {
        let messages = std::mem::take(&mut batch.messages);
        for (index, message) in messages.into_iter().enumerate() {
            let Content::Event { webhook, .. } = message.content else { continue };
            let shard = self.webhooks.all[webhook as usize].shard;
            let undone = batch.undone.iter().any(|undone| *undone as usize == index);
            if undone || batch.closed >> shard & 1 == 1 {
                self.in_hands -= 1;
                self.hand_over_again(batch, shard, message);
            }
        }
    }

    /// A message that met an outage comes again after as long as the isolate knows of it.
    pub(crate) fn hand_over_again(&mut self, batch: &Batch, shard: usize, message: Message) {
        let sent = Sent { body: "".into(), sent_at: message.sent_at };
        if let Settlement::Retry(delay) = self.outage(batch, shard).wait(&sent, instant(self.now)) {
            self.queues[batch.queue].operations += 1;
            self.delay(batch.queue, self.now + micros(delay), message);
        }
    }
}
