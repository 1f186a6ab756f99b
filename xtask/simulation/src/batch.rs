//! A batch in the hands of a consumer.

use std::collections::VecDeque;

use shared::courier::pace::Pace;
use shared::courier::turns::{MOST_IN_FLIGHT, TakesTurns, Turn, Turns};
use shared::delivery::outcome::AttemptResult;
use shared::delivery::standing::{Stage, Standing, Tries};
use shared::event::id::EventId;
use shared::time::Timestamp;
use shared::webhook::health::{Condition, Ended, Gate, Health};

use crate::queue::{Message, Record};
use crate::time::{Micros, instant};

/// The places of shards, a bit each: there are 16 at most.
pub(crate) type Places = u32;

/// A delivery on its way through the stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel {
    /// The event.
    pub(crate) event: u64,
    /// The webhook.
    pub(crate) webhook: u32,
    /// The place of its row; none of a fresh event.
    pub(crate) row: Option<u32>,
    /// The place of its message in the batch.
    pub(crate) message: u32,
    /// When the event was taken in.
    pub(crate) arrived: Micros,
    /// When the event reached its webhook's turn.
    pub(crate) created: Timestamp,
    /// Failures before.
    pub(crate) failures: u32,
    /// Its webhook let it go.
    pub(crate) released: bool,
    /// The end of the lease.
    pub(crate) leased_until: Timestamp,
}

impl Parcel {
    /// How often it has been tried in vain, and since when.
    pub(crate) fn tries(&self) -> Tries {
        Tries { failures: self.failures, since: self.created }
    }

    /// What its webhook does with it now.
    pub(crate) fn gate(&self, health: &Health, any: &EventId) -> Gate {
        // Only what was let go can be a probe.
        if self.released { health.gate(&event_id(self.event), true) } else { health.gate(any, false) }
    }
}

/// The id of an event.
pub(crate) fn event_id(event: u64) -> EventId {
    EventId::from_random_bytes((u128::from(event) << 64).to_be_bytes())
}

/// How a delivery stands, still to be written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The delivery.
    pub(crate) parcel: Parcel,
    /// How it stands.
    pub(crate) standing: Standing,
    /// The place of its shard.
    pub(crate) shard: usize,
}

impl Entry {
    /// Whether its event's body has to be kept.
    pub(crate) fn needs_body(&self) -> bool {
        self.parcel.row.is_none() && self.standing.stage != Stage::Delivered
    }
}

/// One webhook's part in a batch.
pub(crate) struct Lane {
    /// The webhook.
    pub(crate) webhook: u32,
    /// The place of its shard.
    pub(crate) shard: usize,
    /// Its condition as the attempts leave it.
    pub(crate) condition: Condition,
    /// Its condition as the database has it.
    pub(crate) stored: Condition,
    /// The stamp of the stored condition.
    pub(crate) stamp: u64,
    /// When an attempt last failed.
    pub(crate) last_error_at: Option<Timestamp>,
    /// Attempts that the stored condition does not know of yet.
    pub(crate) ended: Vec<Ended>,
    /// How attempts of this batch ended, a bit for each kind.
    pub(crate) outcomes: u8,
    /// What is still to be attempted.
    pub(crate) turn: Turn<Parcel>,
}

impl TakesTurns for Lane {
    type Parcel = Parcel;

    fn rank(&self) -> (u32, Option<Timestamp>) {
        (self.condition.trouble(), self.last_error_at)
    }

    fn turn(&self) -> &Turn<Parcel> {
        &self.turn
    }

    fn turn_mut(&mut self) -> &mut Turn<Parcel> {
        &mut self.turn
    }
}

/// A request under way.
pub(crate) struct Request {
    /// The place of its webhook in the batch.
    pub(crate) lane: usize,
    /// The delivery.
    pub(crate) parcel: Parcel,
    /// How the endpoint answers.
    pub(crate) result: AttemptResult,
}

/// A new condition of a lane's webhook, being written.
pub(crate) struct NewCondition {
    /// The place of the webhook in the batch.
    pub(crate) lane: usize,
    /// The condition.
    pub(crate) condition: Condition,
    /// Whether an attempt failed.
    pub(crate) failed: bool,
}

/// What is done for one webhook that is due.
pub(crate) struct Step {
    /// The webhook.
    pub(crate) webhook: u32,
    /// The stamp of the condition that it is based on.
    pub(crate) stamp: u64,
    /// The condition that follows.
    pub(crate) condition: Condition,
    /// The rows of the deliveries that are let go.
    pub(crate) release: Vec<u32>,
}

/// What a batch waits for the database to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Whether these shards take a write at all.
    FirstAttempts(Places),
    /// The webhooks of fresh events.
    Webhooks,
    /// Whether these shards take records.
    Records(Places),
    /// To write records.
    RecordsWritten,
    /// Which webhooks are due.
    Due,
    /// To write what is done for them.
    Claims,
    /// To lease deliveries.
    Leases,
    /// To write results.
    Results,
    /// To write conditions again for which another writer was faster.
    Conflicts,
}

/// A batch.
pub(crate) struct Batch {
    /// The place of its Queue.
    pub(crate) queue: usize,
    /// The place of its consumer.
    pub(crate) consumer: usize,
    /// Its messages.
    pub(crate) messages: Vec<Message>,
    /// What the database was asked.
    pub(crate) asked: Asked,
    /// Its webhooks.
    pub(crate) lanes: Turns<Lane>,
    /// When it writes.
    pub(crate) pace: Pace,
    /// Counts the timers between two writes: an older one is void.
    pub(crate) timer: u32,
    /// Requests under way.
    pub(crate) requests: [Option<Request>; MOST_IN_FLIGHT],
    /// How many.
    pub(crate) in_flight: usize,
    /// Requests that ended while the batch wrote.
    pub(crate) late: Vec<usize>,
    /// Whether it waits for a write.
    pub(crate) writes: bool,
    /// Whether that is the last.
    pub(crate) ends: bool,
    /// What is entered and not written.
    pub(crate) entered: Vec<Entry>,
    /// What is being written.
    pub(crate) entries: Vec<Entry>,
    /// Conditions that are being written.
    pub(crate) conditions: Vec<NewCondition>,
    /// Steps that are being written.
    pub(crate) steps: Vec<Step>,
    /// Records of the batch.
    pub(crate) records: Vec<Record>,
    /// Shards whose fresh events wait.
    pub(crate) closed: Places,
    /// Shards that took no write.
    pub(crate) stuck: Places,
    /// Shards of which nothing was leased, or no step claimed, for that reason.
    pub(crate) not_leased: Places,
    /// The same of steps.
    pub(crate) not_tended: Places,
    /// The places of messages of which nothing was done.
    pub(crate) undone: Vec<u32>,
}

impl Batch {
    /// A batch that a consumer was just handed.
    pub(crate) fn new(queue: usize, consumer: usize, messages: Vec<Message>, now: Micros) -> Self {
        Self {
            queue,
            consumer,
            messages,
            asked: Asked::Webhooks,
            lanes: Turns::new(Vec::new(), instant(now)),
            pace: Pace::new(instant(now)),
            timer: 0,
            requests: [const { None }; MOST_IN_FLIGHT],
            in_flight: 0,
            late: Vec::new(),
            writes: false,
            ends: false,
            entered: Vec::new(),
            entries: Vec::new(),
            conditions: Vec::new(),
            steps: Vec::new(),
            records: Vec::new(),
            closed: 0,
            stuck: 0,
            not_leased: 0,
            not_tended: 0,
            undone: Vec::new(),
        }
    }
}

/// A lane for these deliveries.
pub(crate) fn lane(
    webhook: u32,
    shard: usize,
    stored: &Condition,
    stamp: u64,
    last: Option<Timestamp>,
    parcels: VecDeque<Parcel>,
) -> Lane {
    Lane {
        webhook,
        shard,
        condition: stored.clone(),
        stored: stored.clone(),
        stamp,
        last_error_at: last,
        ended: Vec::new(),
        outcomes: 0,
        turn: Turn::new(parcels),
    }
}
