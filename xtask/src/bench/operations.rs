//! The operations that are measured.
use std::thread;
use std::time::Duration;

use anyhow::Result;
use local::clock;

use super::arrivals::last_arrival;
use super::connection::{Caller, Connection};
use super::cost::Counted;
use super::load::{self, Bounds, Call};
use super::side::{Event, ONE_WEBHOOK, QUIET, SEVERAL_WEBHOOKS, Side, array, paths};
use super::statistics::{Unit, median};

/// Connections that ask at the same time.
const CONNECTIONS: usize = 32;
/// Connections that hand in a hundred events with each request.
const CONNECTIONS_WITH_ARRAYS: usize = 4;
/// The most events of one request, and of one batch of a Queue.
const BATCH: usize = 100;
/// Between two events that are sent one by one, so that none waits for the write about the one before.
const BETWEEN_EVENTS: Duration = Duration::from_millis(50);

/// How much is measured.
pub struct Extent {
    /// Rounds of each operation, on each side.
    pub(super) rounds: usize,
    /// The end of a round of requests.
    pub(super) requests: Bounds,
    /// Arrays of 100 events handed in within a round.
    pub(super) arrays: u64,
    /// Events sent one by one within a round.
    pub(super) singles: u64,
}

impl Extent {
    /// Enough for conclusions on a machine that does nothing else. It takes about two minutes.
    #[must_use]
    pub fn full() -> Self {
        let requests = Bounds { requests: 10_000, time: Duration::from_millis(700) };
        Self { rounds: 7, requests, arrays: 5, singles: 15 }
    }

    /// Just enough to see that every operation is measured.
    #[must_use]
    pub fn brief() -> Self {
        let requests = Bounds { requests: 64, time: Duration::from_secs(5) };
        Self { rounds: 1, requests, arrays: 1, singles: 3 }
    }
}

/// The result of one round on one side.
pub(super) struct Measured {
    /// The speed or duration, in the operation's unit.
    pub(super) value: f64,
    /// How often the operation was done.
    pub(super) times: u64,
}

impl Measured {
    fn per_second(times: u64, within: Duration) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "some thousands")]
        Self { value: times as f64 / within.as_secs_f64(), times }
    }
}

/// Something that both sides do.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// The log lines of ours that tell what the operation costs.
    pub(super) counted: Counted,
    pub(super) measure: fn(&Side, &Extent) -> Result<Measured>,
}

/// All operations, in the order in which they are measured.
pub(super) const OPERATIONS: [Operation; 7] = [
    Operation {
        name: "request refused for its key (401)",
        unit: Unit::PerSecond,
        counted: Counted::Requests("/tenants/bench-quiet"),
        measure: refused,
    },
    Operation {
        name: "admin reads a tenant, with key and token",
        unit: Unit::PerSecond,
        counted: Counted::Requests("/tenants/bench-one"),
        measure: tenant,
    },
    Operation {
        name: "events taken in, one a request",
        unit: Unit::PerSecond,
        counted: Counted::Nothing,
        measure: taken_in_singly,
    },
    Operation {
        name: "events taken in, 100 a request",
        unit: Unit::PerSecond,
        counted: Counted::Nothing,
        measure: taken_in_by_hundreds,
    },
    Operation {
        name: "events from sending to the endpoint",
        unit: Unit::PerSecond,
        counted: Counted::Batches,
        measure: delivered,
    },
    Operation {
        name: "the same of one event alone",
        unit: Unit::Milliseconds,
        counted: Counted::Batches,
        measure: latency,
    },
    Operation {
        name: "100 events to 5 webhooks each, deliveries",
        unit: Unit::PerSecond,
        counted: Counted::Batches,
        measure: fanned_out,
    },
];

fn refused(side: &Side, extent: &Extent) -> Result<Measured> {
    let call = || Call { path: "/tenants/bench-quiet", body: None, expected: 401 };
    requests(&side.stranger, extent, call)
}

fn tenant(side: &Side, extent: &Extent) -> Result<Measured> {
    let call = || Call { path: "/tenants/bench-one", body: None, expected: 200 };
    requests(&side.admin, extent, call)
}

/// Takes events in for a tenant without a webhook, so that the consumer has little to do meanwhile.
fn taken_in_singly(side: &Side, extent: &Extent) -> Result<Measured> {
    requests(&side.event_source, extent, || Side::publication(Event::of(QUIET).body))
}

fn taken_in_by_hundreds(side: &Side, extent: &Extent) -> Result<Measured> {
    let call = || Side::publication(array(&Event::several(QUIET, BATCH)));
    let bounds = Bounds { requests: extent.arrays * 2, ..extent.requests };
    let answered = load::put(&side.event_source, CONNECTIONS_WITH_ARRAYS, bounds, call)?;
    Ok(Measured::per_second(answered.requests * BATCH as u64, answered.time))
}

fn requests<'a>(caller: &Caller, extent: &Extent, call: impl Fn() -> Call<'a> + Sync) -> Result<Measured> {
    let answered = load::put(caller, CONNECTIONS, extent.requests, call)?;
    Ok(Measured::per_second(answered.requests, answered.time))
}

fn delivered(side: &Side, extent: &Extent) -> Result<Measured> {
    deliveries(side, ONE_WEBHOOK, extent.arrays)
}

fn fanned_out(side: &Side, _: &Extent) -> Result<Measured> {
    deliveries(side, SEVERAL_WEBHOOKS, 1)
}

/// Measures from the first request with a hundred events until the last event has arrived everywhere.
fn deliveries(side: &Side, tenant: &str, arrays: u64) -> Result<Measured> {
    let mut connection = Connection::open(&side.event_source)?;
    let hundreds: Vec<Vec<Event>> = (0..arrays).map(|_| Event::several(tenant, BATCH)).collect();
    let started = clock::now();
    for events in &hundreds {
        Side::publication(array(events)).send(&mut connection)?;
    }
    let ids: Vec<String> = hundreds.into_iter().flatten().map(|event| event.id).collect();
    let paths = paths(tenant);
    let last = last_arrival(&side.endpoint, &ids, &paths)?;
    Ok(Measured::per_second((ids.len() * paths.len()) as u64, last.duration_since(started)))
}

/// Measures the median over events that are sent one by one, each after the one before has arrived.
fn latency(side: &Side, extent: &Extent) -> Result<Measured> {
    let mut connection = Connection::open(&side.event_source)?;
    let mut milliseconds = Vec::new();
    for _ in 0..extent.singles {
        thread::sleep(BETWEEN_EVENTS);
        let event = Event::of(ONE_WEBHOOK);
        let started = clock::now();
        Side::publication(event.body).send(&mut connection)?;
        let arrived = last_arrival(&side.endpoint, &[event.id], &paths(ONE_WEBHOOK))?;
        milliseconds.push(arrived.duration_since(started).as_secs_f64() * 1000.0);
    }
    Ok(Measured { value: median(&milliseconds), times: extent.singles })
}
