//! A run: what happens, in the order of time.

use anyhow::Result;
use shared::courier::{Outage, queued_delay};
use shared::delivery::policy::DeliveryPolicy;
use shared::event::id::EventId;
use shared::shard::Shards;
use shared::time::Timestamp;
use shared::webhook::health::Health;

use crate::batch::{Batch, Lane, event_id};
use crate::database::{Database, Rows};
use crate::dice::Dice;
use crate::limits::CONSUMERS;
use crate::measured::Measured;
use crate::queue::{Content, Message, Queue};
use crate::scenario::{Arrivals, Scenario};
use crate::time::{Agenda, MINUTE, Micros, SECOND, instant, micros};
use crate::webhooks::{Webhook, Webhooks};

/// What happens.
pub(crate) enum Happening {
    /// An event is taken in.
    Arrival,
    /// A message can be handed over.
    Ready(usize, Message),
    /// A batch has waited long enough to fill.
    Filled(usize),
    /// The database has answered a batch.
    Answered(usize),
    /// A request of a batch ended.
    Ended(usize, usize),
    /// A batch has not written for a while.
    Paused(usize, u32),
    /// A second is over.
    Second,
    /// The cron run.
    Cron,
}

/// A run under way.
pub(crate) struct Run<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) policy: DeliveryPolicy,
    pub(crate) dice: Dice,
    pub(crate) agenda: Agenda<Happening>,
    pub(crate) now: Micros,
    /// The place of each pair of Queues.
    pairs: Shards<usize>,
    /// Fresh events at the even places, retries beside them.
    pub(crate) queues: Vec<Queue>,
    pub(crate) databases: Vec<Database>,
    pub(crate) rows: Rows,
    pub(crate) webhooks: Webhooks,
    pub(crate) batches: Vec<Option<Box<Batch>>>,
    free: Vec<usize>,
    outages: Vec<Outage>,
    pub(crate) any_event: EventId,
    pub(crate) measured: Measured,
    pub(crate) records: usize,
    pub(crate) timers: u32,
    /// Deliveries that are neither on a Queue, nor in the database, nor over.
    pub(crate) in_hands: i64,
    events: u64,
    pub(crate) delivered_of_shard: Vec<u64>,
}

/// Whether the Queue at this place has fresh events; those of retries are between them.
pub(crate) fn is_of_events(queue: usize) -> bool {
    queue.is_multiple_of(2)
}

/// Runs a scenario.
///
/// # Errors
/// Where the domain refuses what the run is made of.
pub fn run(scenario: &Scenario) -> Result<Measured> {
    let shards = scenario.shards.get();
    let database = |place: usize| Database::new(scenario.no_writes.filter(|_| place == 0));
    let mut run = Run {
        scenario,
        policy: DeliveryPolicy::default(),
        dice: Dice::new(scenario.seed),
        agenda: Agenda::default(),
        now: 0,
        pairs: Shards::make(scenario.pairs, |pair| pair),
        queues: (0..scenario.pairs.get() * 2).map(|_| Queue::new(scenario.consumers)).collect(),
        databases: (0..shards).map(database).collect(),
        rows: Rows::default(),
        webhooks: Webhooks::new(scenario)?,
        batches: Vec::new(),
        free: Vec::new(),
        outages: (0..scenario.pairs.get() * 2 * CONSUMERS * shards).map(|_| Outage::default()).collect(),
        any_event: event_id(u64::MAX),
        measured: Measured::default(),
        records: 0,
        timers: 0,
        in_hands: 0,
        events: 0,
        delivered_of_shard: vec![0; shards],
    };
    run.go_on();
    Ok(run.finish())
}

impl Run<'_> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a wait"
    )]
    fn go_on(&mut self) {
        let first = match self.scenario.arrivals {
            Arrivals::Random => 0.0,
            Arrivals::Together(count) => f64::from(count) / self.scenario.rate / 2.0 * SECOND as f64,
        };
        self.agenda.enter(first as Micros, Happening::Arrival);
        self.agenda.enter(SECOND, Happening::Second);
        self.agenda.enter(MINUTE, Happening::Cron);
        while let Some((at, happening)) = self.agenda.next() {
            if at >= self.scenario.until {
                self.now = self.scenario.until;
                break;
            }
            self.now = at;
            match happening {
                Happening::Arrival => self.take_in(),
                Happening::Ready(queue, message) => {
                    self.queues[queue].delayed -= 1;
                    self.push(queue, message);
                }
                Happening::Filled(queue) => {
                    self.queues[queue].timer = None;
                    self.hand_over(queue);
                }
                Happening::Answered(batch) => self.answered(batch),
                Happening::Ended(batch, request) => self.request_ended(batch, request),
                Happening::Paused(batch, timer) => self.paused(batch, timer),
                Happening::Second => {
                    self.agenda.enter(at + SECOND, Happening::Second);
                    self.sample();
                    if self.scenario.ends_recovered && self.measured.recovered_after.is_some() {
                        break;
                    }
                }
                Happening::Cron => {
                    self.agenda.enter(at + MINUTE, Happening::Cron);
                    self.sweep();
                }
            }
        }
    }

    /// Events come in, and the next are on their way.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a wait"
    )]
    fn take_in(&mut self) {
        let apart = SECOND as f64 / self.scenario.rate;
        let (count, wait) = match self.scenario.arrivals {
            Arrivals::Random => (1, self.dice.exponential(apart)),
            Arrivals::Together(count) => (count, apart * f64::from(count)),
        };
        let next = self.now + wait as Micros;
        if next < self.scenario.arrive_until {
            self.agenda.enter(next, Happening::Arrival);
        }
        for _ in 0..count {
            self.take_in_one();
        }
    }

    fn take_in_one(&mut self) {
        let webhook = self.webhooks.draw(&self.dice, self.scenario.largest);
        self.events += 1;
        self.measured.arrived += 1;
        let queue = self.queue_of(self.webhooks.all[webhook].shard);
        let id = u32::try_from(webhook).unwrap_or(u32::MAX);
        let content = Content::Event { event: self.events, webhook: id, arrived: self.now };
        let message = Message { content, sent_at: instant(self.now) };
        let at = self.queues[queue].takes_at(self.now);
        if at > self.now {
            // The Queue is at its limit: EventBridge sends again.
            self.delay(queue, at, message);
        } else {
            self.push(queue, message);
        }
    }

    /// The place of the Queue of a shard's fresh events; that of its retries is the next.
    pub(crate) fn queue_of(&self, shard: usize) -> usize {
        self.pairs.of_group(shard, self.scenario.shards) * 2
    }

    pub(crate) fn delay(&mut self, queue: usize, until: Micros, message: Message) {
        self.queues[queue].delayed += 1;
        self.agenda.enter(until, Happening::Ready(queue, message));
    }

    fn push(&mut self, queue: usize, message: Message) {
        self.queues[queue].push(self.now, message);
        self.hand_over(queue);
    }

    /// Sends a wake-up to the Queue of a shard's retries. One that the Queue refuses is lost until the cron run.
    pub(crate) fn wake(&mut self, shard: usize, content: Content, at: Timestamp) {
        let queue = self.queue_of(shard) + 1;
        let now = instant(self.now);
        if !self.queues[queue].takes(self.now) {
            return;
        }
        let message = Message { content, sent_at: now };
        let delay = micros(queued_delay(at.since(now)));
        if delay == 0 { self.push(queue, message) } else { self.delay(queue, self.now + delay, message) }
    }

    /// Hands batches over as long as there are some and consumers are free.
    pub(crate) fn hand_over(&mut self, queue: usize) {
        let consumption = if is_of_events(queue) { &self.scenario.fresh } else { &self.scenario.retried };
        while let Some((consumer, messages)) = self.queues[queue].batch(self.now, consumption) {
            let batch = Box::new(Batch::new(queue, consumer, messages, self.now));
            let place = match self.free.pop() {
                Some(place) => place,
                None => {
                    self.batches.push(None);
                    self.batches.len() - 1
                }
            };
            self.batches[place] = Some(batch);
            if is_of_events(queue) { self.begin_events(place) } else { self.begin_retries(place) }
        }
        let waiting = &mut self.queues[queue];
        if waiting.timer.is_none()
            && let Some(at) = waiting.hands_over_at(consumption)
        {
            waiting.timer = Some(at);
            self.agenda.enter(at.max(self.now), Happening::Filled(queue));
        }
    }

    /// The batch at this place, for as long as something is done with it.
    pub(crate) fn take(&mut self, place: usize) -> Option<Box<Batch>> {
        self.batches.get_mut(place).and_then(Option::take)
    }

    /// Puts a batch back.
    pub(crate) fn put(&mut self, place: usize, batch: Box<Batch>) {
        self.batches[place] = Some(batch);
    }

    /// Asks the database, and goes on with the batch when it has answered.
    pub(crate) fn wait_for(&mut self, place: usize, batch: Box<Batch>, at: Micros) {
        self.put(place, batch);
        self.agenda.enter(at, Happening::Answered(place));
    }

    /// What the batch's isolate knows of a shard's database.
    pub(crate) fn outage(&self, batch: &Batch, shard: usize) -> &Outage {
        &self.outages[(batch.queue * CONSUMERS + batch.consumer) * self.databases.len() + shard]
    }

    /// Frees the consumer of a batch that is settled.
    pub(crate) fn settled(&mut self, place: usize, batch: &Batch) {
        let pairs = batch.lanes.all.iter().map(|lane: &Lane| u64::from(lane.outcomes.count_ones()));
        self.measured.points += pairs.sum::<u64>();
        self.measured.lines += 2;
        self.free.push(place);
        self.queues[batch.queue].settle(batch.consumer);
        self.hand_over(batch.queue);
    }

    fn sample(&mut self) {
        let second = usize::try_from(self.now / SECOND).unwrap_or_default();
        self.measured
            .samples
            .resize(self.measured.samples.len().max(second), crate::measured::Sample::default());
        let waiting =
            |kind: usize| self.queues.iter().skip(kind).step_by(2).map(Queue::waiting).sum::<usize>();
        let (fresh, retries) = (waiting(0), waiting(1));
        let largest = || self.webhooks.all.iter().filter(|webhook| webhook.largest);
        let held_of_largest = largest().map(|webhook| webhook.held.len() + webhook.released as usize).sum();
        let consumers = self.queues.iter().step_by(2).map(|queue| queue.consumers).sum();
        let calm = |webhook: &Webhook| matches!(webhook.condition.health, Health::Well { release: None, .. });
        let recovered = match (self.scenario.outage, self.scenario.no_writes) {
            (Some(outage), _) if self.now > outage.until => {
                (held_of_largest == 0 && largest().all(calm)).then_some(outage.until)
            }
            #[allow(clippy::cast_precision_loss, reason = "messages")]
            (None, Some(refuses)) if self.now > refuses.until => (self.records == 0
                && (fresh as f64) < 100.0 + 3.0 * self.scenario.rate)
                .then_some(refuses.until),
            _ => None,
        };
        if let Some(since) = recovered {
            self.measured.recovered_after.get_or_insert(self.now - since);
        }
        let pending = self.rows.count();
        if let Some(sample) = self.measured.samples.get_mut(second - 1) {
            (sample.fresh, sample.retries, sample.pending) = (fresh, retries, pending);
            (sample.held_of_largest, sample.consumers) = (held_of_largest, consumers);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts")]
    fn finish(mut self) -> Measured {
        let on_queues = self.queues.iter().step_by(2).map(Queue::waiting).sum::<usize>();
        let mut measured = std::mem::take(&mut self.measured);
        measured.left = self.in_hands + (on_queues + self.rows.count()) as i64;
        measured.lasted = self.now;
        let busiest = self.databases.iter().map(|database| database.busy).max().unwrap_or_default();
        measured.busiest = busiest as f64 / self.now.max(1) as f64;
        let sum = |of: fn(&Database) -> u64| self.databases.iter().map(of).sum::<u64>() as f64;
        let batches = self.queues.iter().map(|queue| queue.batches).sum::<u64>();
        measured.operations.requests = (measured.arrived + batches) as f64;
        measured.operations.queue_operations =
            self.queues.iter().map(|queue| queue.operations).sum::<u64>() as f64;
        measured.operations.rows_written = sum(|database| database.rows_written);
        measured.operations.rows_read = sum(|database| database.rows_read);
        measured.operations.log_lines = measured.lines as f64;
        measured.operations.data_points = measured.points as f64;
        measured.operations.cpu_milliseconds = measured.cpu_milliseconds();
        measured
    }
}
