//! A model of a Queue: it takes so many messages a second, and hands batches to so many consumers at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use shared::time::Timestamp;

use crate::batch::Entry;
use crate::limits::{Consumption, MESSAGES_A_SECOND};
use crate::time::{Micros, SECOND};

/// Between two messages of a Queue that is at its limit.
const BETWEEN: Micros = SECOND / MESSAGES_A_SECOND;

/// What a message says.
pub(crate) enum Content {
    /// A fresh event and its webhook.
    Event { event: u64, webhook: u32, arrived: Micros },
    /// A delivery is due.
    Deliver { row: u32, event: u64 },
    /// Something of a webhook is due.
    Tend(u32),
    /// Outcomes that the database did not take.
    Record(Box<Record>),
}

/// Outcomes on their way to the database.
pub(crate) struct Record {
    /// When the database first refused.
    pub(crate) since: Timestamp,
    /// What became of each delivery.
    pub(crate) entries: Vec<Entry>,
}

/// A message on a Queue.
pub(crate) struct Message {
    /// What it says.
    pub(crate) content: Content,
    /// When it was sent.
    pub(crate) sent_at: Timestamp,
}

/// A Queue.
pub(crate) struct Queue {
    ready: VecDeque<(Micros, Message)>,
    /// Messages that have a delay left, or that the Queue does not take yet.
    pub(crate) delayed: usize,
    /// Consumers that have a batch.
    pub(crate) consumers: usize,
    free: BinaryHeap<Reverse<usize>>,
    takes_next_at: Micros,
    /// The timer that hands over a batch which is not full.
    pub(crate) timer: Option<Micros>,
    /// Operations, as they are paid.
    pub(crate) operations: u64,
    /// Batches handed over.
    pub(crate) batches: u64,
}

impl Queue {
    /// A Queue with so many consumers.
    pub(crate) fn new(consumers: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            delayed: 0,
            consumers: 0,
            free: (0..consumers).map(Reverse).collect(),
            takes_next_at: 0,
            timer: None,
            operations: 0,
            batches: 0,
        }
    }

    /// When it takes a message that its sender has at this instant: the sender comes again until it does.
    pub(crate) fn takes_at(&mut self, now: Micros) -> Micros {
        let at = self.takes_next_at.max(now);
        self.takes_next_at = at + BETWEEN;
        self.operations += 3;
        at
    }

    /// Whether it takes one more message in this second.
    pub(crate) fn takes(&mut self, now: Micros) -> bool {
        if self.takes_next_at > now + SECOND {
            return false;
        }
        self.takes_next_at = self.takes_next_at.max(now) + BETWEEN;
        self.operations += 3;
        true
    }

    /// A message can be handed over.
    pub(crate) fn push(&mut self, now: Micros, message: Message) {
        self.ready.push_back((now, message));
    }

    /// Messages that wait, for a consumer or for their time.
    pub(crate) fn waiting(&self) -> usize {
        self.ready.len() + self.delayed
    }

    /// The next batch with the place of its consumer, if one is free and the batch is full or has waited long enough.
    pub(crate) fn batch(&mut self, now: Micros, consumption: &Consumption) -> Option<(usize, Vec<Message>)> {
        let oldest = self.ready.front()?.0;
        let due = self.ready.len() >= consumption.batch_size || now >= oldest + consumption.batch_timeout;
        if !due {
            return None;
        }
        let Reverse(consumer) = self.free.pop()?;
        self.consumers += 1;
        self.batches += 1;
        let count = self.ready.len().min(consumption.batch_size);
        Some((consumer, self.ready.drain(..count).map(|(_, message)| message).collect()))
    }

    /// When the next batch is handed over that does not fill before: if anything waits and a consumer is free.
    pub(crate) fn hands_over_at(&self, consumption: &Consumption) -> Option<Micros> {
        let (ready_at, _) = self.ready.front().filter(|_| !self.free.is_empty())?;
        Some(ready_at + consumption.batch_timeout)
    }

    /// A consumer has settled its batch.
    pub(crate) fn settle(&mut self, consumer: usize) {
        self.consumers -= 1;
        self.free.push(Reverse(consumer));
    }
}
