//! The operations that are measured, and how much of each.
use std::time::Duration;

use anyhow::Result;
use local::clock;
use serde_json::json;

use super::arrivals::{arrivals, last_arrival};
use super::connection::Connection;
use super::cost::Counted;
use super::load::{self, Bounds, Call};
use super::side::{Event, Group, Side, array};
use super::statistics::{Unit, median, quantile};

/// Connections that ask at the same time.
const CONNECTIONS: usize = 32;
/// Connections that hand in a hundred events with each request.
const CONNECTIONS_WITH_ARRAYS: usize = 4;
/// The most events of one request, and of one batch of a Queue.
const BATCH: usize = 100;
/// Between two events of the steady rate: 200 come in a second.
const BETWEEN_EVENTS: Duration = Duration::from_millis(5);
/// From making the events of the steady rate to the first of them.
const BEFORE_STEADY: Duration = Duration::from_millis(50);

/// How much is measured.
pub struct Extent {
    /// Rounds that do not count, in which the runtime compiles what runs often into faster code.
    pub(super) warm_up: usize,
    /// Rounds of each operation, on each side.
    pub(super) rounds: usize,
    /// The end of a round of requests.
    pub(super) requests: Bounds,
    /// Events sent one by one, and as many in arrays, within a round.
    pub(super) events: usize,
    /// Events sent at the steady rate within a round.
    pub(super) steady: usize,
    /// Fresh isolates within a round.
    pub(super) isolates: usize,
    /// A tenant with a webhook.
    pub(super) one: Group,
    /// A tenant with five webhooks.
    pub(super) several: Group,
    /// Many tenants with a webhook each.
    pub(super) many: Group,
    /// A fleet of tenants with five webhooks each.
    pub(super) fleet: Group,
    /// Tenants without a webhook, enough of them for the webhooks that are created.
    pub(super) quiet: Group,
}

impl Extent {
    /// Enough for conclusions on a machine that does nothing else. It takes about six minutes.
    #[must_use]
    pub fn full() -> Self {
        let requests = Bounds { requests: 400, time: Duration::from_millis(700) };
        Self::of(2, 7, requests, 2_000, [100, 1_000]).steady_and_fresh(600, 10)
    }

    /// Just enough to see that every operation is measured.
    #[must_use]
    pub fn brief() -> Self {
        let requests = Bounds { requests: 64, time: Duration::from_secs(5) };
        Self::of(0, 1, requests, 200, [10, 20]).steady_and_fresh(40, 2)
    }

    fn of(warm_up: usize, rounds: usize, requests: Bounds, events: usize, [many, fleet]: [usize; 2]) -> Self {
        let group = |name, tenants, webhooks| Group { name, tenants, webhooks };
        // Two operations create webhooks, 20 for a tenant; a few more for the growth.
        let created = (warm_up + rounds) * 2 * usize::try_from(requests.requests).unwrap_or_default();
        Self {
            warm_up,
            rounds,
            requests,
            events,
            steady: 0,
            isolates: 0,
            one: group("one", 1, 1),
            several: group("several", 1, 5),
            many: group("many", many, 1),
            fleet: group("fleet", fleet, 5),
            quiet: group("quiet", created / 20 + 2, 0),
        }
    }

    fn steady_and_fresh(self, steady: usize, isolates: usize) -> Self {
        Self { steady, isolates, ..self }
    }

    /// All tenants.
    pub(super) fn groups(&self) -> [&Group; 5] {
        [&self.one, &self.several, &self.many, &self.fleet, &self.quiet]
    }
}

/// The result of one round on one side.
pub(super) struct Measured {
    /// The speed or duration of each line, in the line's unit.
    pub(super) values: Vec<f64>,
    /// How often the operation was done.
    pub(super) times: u64,
}

impl Measured {
    fn per_second(times: u64, within: Duration) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "some thousands")]
        Self { values: vec![times as f64 / within.as_secs_f64()], times }
    }
}

/// Whom an operation of ours is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    /// The floor with a database; beside it the bare floor.
    Floor,
    /// Hono and jose.
    Hono,
    /// A read of our own Admin API.
    OwnRead,
    /// A fresh isolate of Hono and jose; beside it one of a Worker that is empty.
    FreshHono,
}

/// A number that an operation measures.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// The least speed that is wanted, relative to the rival's.
    pub(super) target: Option<f64>,
}

/// Something that both sides do.
pub(super) struct Operation {
    pub(super) lines: &'static [Line],
    pub(super) rival: Rival,
    /// The log lines of ours that tell what the operation costs.
    pub(super) counted: Option<Counted>,
    pub(super) measure: fn(&Side, &Extent) -> Result<Measured>,
}

const fn per_second(name: &'static str, target: f64) -> Line {
    Line { name, unit: Unit::PerSecond, target: Some(target) }
}

const fn milliseconds(name: &'static str, target: f64) -> Line {
    Line { name, unit: Unit::Milliseconds, target: Some(target) }
}

const fn delivery(lines: &'static [Line], measure: fn(&Side, &Extent) -> Result<Measured>) -> Operation {
    Operation { lines, rival: Rival::Floor, counted: Some(Counted::Batches), measure }
}

const fn request(lines: &'static [Line], measure: fn(&Side, &Extent) -> Result<Measured>) -> Operation {
    Operation { lines, rival: Rival::Hono, counted: Some(Counted::Requests), measure }
}

/// All operations, in the order in which they are measured. "At most 1.5 times as long" is a speed of 0.67.
pub(super) const OPERATIONS: [Operation; 14] = [
    delivery(&[per_second("events one by one, 32 connections, 100 tenants", 0.75)], singly),
    delivery(&[per_second("events in arrays of 100, 100 tenants", 0.8)], in_arrays),
    delivery(&[per_second("fan-out to 5 webhooks, deliveries", 0.7)], fanned_out),
    delivery(&[per_second("1,000 tenants × 5 webhooks, deliveries", 0.6)], to_a_fleet),
    delivery(
        &[
            milliseconds("200 events a second, p50", 1.0 / 1.5),
            milliseconds("200 events a second, p99", 1.0 / 1.5),
        ],
        steadily,
    ),
    request(&[per_second("GET tenant, 1 connection", 0.95)], |side, extent| get(side, extent, 1)),
    request(&[per_second("GET tenant, 32 connections", 0.95)], |side, extent| get(side, extent, CONNECTIONS)),
    request(&[per_second("PATCH tenant, 1 connection", 0.9)], |side, extent| patch(side, extent, 1)),
    request(&[per_second("PATCH tenant, 32 connections", 0.9)], |side, extent| {
        patch(side, extent, CONNECTIONS)
    }),
    request(&[per_second("POST webhook, 1 connection", 0.95)], |side, extent| post(side, extent, 1)),
    request(&[per_second("POST webhook, 32 connections", 0.95)], |side, extent| {
        post(side, extent, CONNECTIONS)
    }),
    request(&[per_second("request refused for its key (401), 32 connections", 0.6)], refused),
    Operation {
        lines: &[per_second("the portal's dashboard, 1 connection", 1.0 / 4.0)],
        rival: Rival::OwnRead,
        counted: None,
        measure: |side, extent| get(side, extent, 1),
    },
    Operation {
        lines: &[milliseconds("first answer of a fresh isolate", 1.0 / 1.7)],
        rival: Rival::FreshHono,
        counted: None,
        measure: fresh,
    },
];

fn get(side: &Side, extent: &Extent, connections: usize) -> Result<Measured> {
    let answered = load::put(&side.admin, connections, long(extent), || Call::get(side.page.as_str(), 200))?;
    Ok(Measured::per_second(answered.requests, answered.time))
}

fn refused(side: &Side, extent: &Extent) -> Result<Measured> {
    let path = format!("/tenants/{}", extent.one.tenant(0));
    let answered = load::put(&side.stranger, CONNECTIONS, long(extent), || Call::get(path.as_str(), 401))?;
    Ok(Measured::per_second(answered.requests, answered.time))
}

/// What changes nothing is asked for as often as the time allows.
fn long(extent: &Extent) -> Bounds {
    let requests = if extent.rounds > 1 { u64::MAX } else { extent.requests.requests };
    Bounds { requests, ..extent.requests }
}

fn patch(side: &Side, extent: &Extent, connections: usize) -> Result<Measured> {
    let path = format!("/tenants/{}", extent.one.tenant(0));
    let body = json!({"orgName": "Measured again"}).to_string();
    let call =
        || Call { method: "PATCH", path: path.as_str().into(), body: Some(body.clone()), expected: 200 };
    let answered = load::put(&side.admin, connections, extent.requests, call)?;
    Ok(Measured::per_second(answered.requests, answered.time))
}

fn post(side: &Side, extent: &Extent, connections: usize) -> Result<Measured> {
    let answered = load::put(&side.admin, connections, extent.requests, || side.new_webhook(&extent.quiet))?;
    Ok(Measured::per_second(answered.requests, answered.time))
}

fn singly(side: &Side, extent: &Extent) -> Result<Measured> {
    let events = Event::several(&extent.many, extent.events);
    let calls = events.iter().map(|event| Side::publication(event.body.clone())).collect();
    delivered(side, &extent.many, &events, CONNECTIONS, calls)
}

fn in_arrays(side: &Side, extent: &Extent) -> Result<Measured> {
    delivered_in_arrays(side, &extent.many, extent.events)
}

fn fanned_out(side: &Side, extent: &Extent) -> Result<Measured> {
    delivered_in_arrays(side, &extent.several, extent.events / extent.several.webhooks)
}

/// An event for each tenant.
fn to_a_fleet(side: &Side, extent: &Extent) -> Result<Measured> {
    delivered_in_arrays(side, &extent.fleet, extent.fleet.tenants)
}

fn delivered_in_arrays(side: &Side, group: &Group, count: usize) -> Result<Measured> {
    let events = Event::several(group, count);
    let calls = events.chunks(BATCH).map(|events| Side::publication(array(events))).collect();
    delivered(side, group, &events, CONNECTIONS_WITH_ARRAYS, calls)
}

/// Measures from the first request until the last event has arrived everywhere.
fn delivered(
    side: &Side,
    group: &Group,
    events: &[Event],
    connections: usize,
    calls: Vec<Call<'_>>,
) -> Result<Measured> {
    let (ids, paths) = (ids(events), group.paths());
    let started = clock::now();
    load::put_all(&side.event_source, connections, &calls)?;
    let last = last_arrival(&side.endpoint, &ids, &paths)?;
    Ok(Measured::per_second((ids.len() * paths.len()) as u64, last.duration_since(started)))
}

fn ids(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.id.clone()).collect()
}

/// Measures how long events take that come at a steady rate, from when each was to be sent.
fn steadily(side: &Side, extent: &Extent) -> Result<Measured> {
    let events = Event::several(&extent.many, extent.steady);
    let start = clock::now() + BEFORE_STEADY;
    let calls: Vec<_> = (0_u32..)
        .zip(&events)
        .map(|(number, event)| (start + BETWEEN_EVENTS * number, Side::publication(event.body.clone())))
        .collect();
    load::put_at(&side.event_source, CONNECTIONS, &calls)?;
    let arrived = arrivals(&side.endpoint, &ids(&events), &extent.many.paths())?;
    let waited = events.iter().zip(&calls).filter_map(|(event, (time, _))| {
        Some(arrived.get(&event.id)?.saturating_duration_since(*time).as_secs_f64() * 1000.0)
    });
    let waited: Vec<f64> = waited.collect();
    Ok(Measured { values: vec![median(&waited), quantile(&waited, 0.99)], times: events.len() as u64 })
}

/// Measures the median of isolates that are started one after the other.
fn fresh(side: &Side, extent: &Extent) -> Result<Measured> {
    let mut connection = Connection::open(&side.fresh)?;
    let mut waited = Vec::new();
    for _ in 0..extent.isolates {
        let started = clock::now();
        side.fresh_isolate().send(&mut connection)?;
        waited.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Measured { values: vec![median(&waited)], times: extent.isolates as u64 })
}
