//! The platform around the courier, in simulated time: queues that hand messages over when they are due, and again
//! where they are not acknowledged; dead letters; a cron run a minute.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::Fixture;
use crate::courier::{Message, Settlement};
use crate::event::message::RetryMessage;
use crate::ports::{Clock, QueuedMessage};
use crate::shared_text::SharedText;
use crate::time::Timestamp;

/// Hand-overs of one message before it is a dead letter.
const MOST_HANDOVERS: u32 = 101;
/// Messages in a batch.
const BATCH: usize = 100;
/// Between two cron runs.
const MINUTE: Duration = Duration::from_secs(60);

/// Which queue a message is on. Fresh events come first where both are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Events,
    Retries,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    channel: Channel,
    order: u64,
    body: SharedText,
    sent_at: Timestamp,
    handovers: u32,
}

/// What is under way.
pub struct Simulation<'a> {
    fixture: &'a Fixture,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    next_cron: Timestamp,
    /// Messages that were handed over too often.
    pub dead_letters: Vec<String>,
    /// Batches handed over.
    pub batches: u64,
    /// Batches in which the consumer died.
    pub crashes: u64,
    /// Decides whether a message is handed over twice, as Queues may.
    pub duplicate: Box<dyn FnMut() -> bool + 'a>,
    /// Decides whether a message is lost: the retries queue's only, and only to show that the sweep finds it.
    pub lose: Box<dyn FnMut() -> bool + 'a>,
}

impl<'a> Simulation<'a> {
    /// Over a fixture's queues, from its clock's time on.
    pub fn new(fixture: &'a Fixture) -> Self {
        Self {
            fixture,
            due: BinaryHeap::new(),
            order: 0,
            next_cron: fixture.clock.now().plus(MINUTE),
            dead_letters: Vec::new(),
            batches: 0,
            crashes: 0,
            duplicate: Box::new(|| false),
            lose: Box::new(|| false),
        }
    }

    /// Runs until nothing is left to do, or for this long. Gives back whether it came to rest.
    #[allow(clippy::unused_async, reason = "stories await what takes time")]
    pub async fn run(&mut self, most: Duration) -> bool {
        let end = self.fixture.clock.now().plus(most);
        loop {
            self.collect();
            let now = self.fixture.clock.now();
            if now >= end {
                return false;
            }
            let next = self.due.peek().map_or(self.next_cron, |Reverse(due)| due.at.min(self.next_cron));
            self.fixture.clock.advance(next.since(now));
            if next == self.next_cron {
                self.next_cron = next.plus(MINUTE);
                let woken = self.fixture.clock.drive(self.fixture.courier.sweep()).unwrap_or(Ok(1));
                self.collect();
                if woken == Ok(0) && self.due.is_empty() && !self.fixture.has_pending() {
                    return true;
                }
                continue;
            }
            self.hand_over();
        }
    }

    fn collect(&mut self) {
        let now = self.fixture.clock.now();
        let events = self.fixture.events.take().into_iter().map(|message| (Channel::Events, message));
        let retries = self.fixture.retries.take().into_iter().map(|message| (Channel::Retries, message));
        for (channel, QueuedMessage { body, delay }) in events.chain(retries).collect::<Vec<_>>() {
            // A record is no wake-up: Queues lose nothing, and the database does not know what it says.
            let wakes = channel == Channel::Retries
                && !matches!(RetryMessage::decode(&body), Ok(RetryMessage::Record(_)));
            if wakes && (self.lose)() {
                continue;
            }
            if (self.duplicate)() {
                self.push(now.plus(delay), channel, body.clone(), now, 0);
            }
            self.push(now.plus(delay), channel, body, now, 0);
        }
    }

    fn push(
        &mut self,
        at: Timestamp,
        channel: Channel,
        body: SharedText,
        sent_at: Timestamp,
        handovers: u32,
    ) {
        self.order += 1;
        self.due.push(Reverse(Due { at, channel, order: self.order, body, sent_at, handovers }));
    }

    fn hand_over(&mut self) {
        let now = self.fixture.clock.now();
        let mut batch: Vec<Due> = Vec::new();
        while let Some(Reverse(due)) = self.due.peek() {
            let fits = batch.first().is_none_or(|first| first.channel == due.channel);
            if due.at > now || !fits || batch.len() == BATCH {
                break;
            }
            batch.extend(self.due.pop().map(|Reverse(due)| due));
        }
        let Some(channel) = batch.first().map(|due| due.channel) else { return };
        let message = |due: &Due| Message { body: due.body.clone(), sent_at: due.sent_at };
        let messages: Vec<Message> = batch.iter().map(message).collect();
        let (clock, courier) = (&self.fixture.clock, self.fixture.couriers());
        // What nothing will wake again has died, and nothing of it is acknowledged.
        let settlements = match channel {
            Channel::Events => clock.drive(courier.deliver_events(&messages)),
            Channel::Retries => clock.drive(courier.deliver_retries(&messages)),
        };
        self.batches += 1;
        let settlements = settlements.unwrap_or_else(|| {
            self.crashes += 1;
            vec![Settlement::Retry(Duration::from_secs(1)); batch.len()]
        });
        assert_eq!(settlements.len(), batch.len(), "every message is settled");
        for (due, settlement) in batch.into_iter().zip(settlements) {
            match settlement {
                Settlement::Acknowledge => {}
                Settlement::Retry(_) if due.handovers + 1 >= MOST_HANDOVERS => {
                    self.dead_letters.push(due.body.to_string())
                }
                Settlement::Retry(delay) => {
                    let at = self.fixture.clock.now().plus(delay);
                    self.push(at, due.channel, due.body, due.sent_at, due.handovers + 1);
                }
            }
        }
    }
}
