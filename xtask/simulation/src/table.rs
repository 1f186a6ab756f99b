//! All runs: loads, troubles and shards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use shared::shard::ShardCount;

use crate::engine::run;
use crate::limits::Consumption;
use crate::measured::Measured;
use crate::scenario::{Misbehaviour, Scenario, Stretch};
use crate::time::{MINUTE, SECOND};

/// Events a second.
pub const RATES: [u32; 3] = [100, 1_000, 20_000];
/// Databases.
pub const SHARDS: [u32; 3] = [1, 4, 16];
/// Percent of the tenants whose endpoints misbehave.
pub const PERCENTS: [usize; 3] = [1, 10, 30];
/// From this load on a run is short: each second is thousands of events.
const HEAVY: u32 = 10_000;

/// What a run tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Every endpoint answers.
    Calm,
    /// Percent of the tenants' endpoints begin to misbehave at the same moment.
    Trouble(Misbehaviour, usize),
    /// One tenant has half of the events.
    Largest,
    /// One tenant has half of the events, and its endpoints refuse connections for a while.
    Outage,
    /// The first shard's database takes no writes for a while.
    NoWrites,
}

impl Story {
    /// Every story, in the order of the table.
    pub fn all() -> Vec<Self> {
        let troubles = Misbehaviour::ALL
            .into_iter()
            .flat_map(|misbehaviour| PERCENTS.map(|percent| Self::Trouble(misbehaviour, percent)));
        let rest = [Self::Largest, Self::Outage, Self::NoWrites];
        std::iter::once(Self::Calm).chain(troubles).chain(rest).collect()
    }

    /// In words.
    pub fn name(self) -> String {
        match self {
            Self::Calm => "all endpoints are well".to_owned(),
            Self::Trouble(misbehaviour, percent) => format!("{percent} % {}", misbehaviour.as_str()),
            Self::Largest => "one tenant has half the events".to_owned(),
            Self::Outage => "the largest tenant is out".to_owned(),
            Self::NoWrites => "a database takes no writes".to_owned(),
        }
    }
}

/// A line of the table.
#[derive(Clone)]
pub struct Line {
    /// What it tells of.
    pub story: Story,
    /// Events a second.
    pub rate: u32,
    /// Databases.
    pub shards: u32,
    /// What was measured.
    pub measured: Measured,
}

/// The scenario of a line. Under a heavy load the largest tenant's outage lasts three minutes instead of an hour.
///
/// # Errors
/// Where there can be no such number of shards.
pub fn scenario(story: Story, rate: u32, shards: u32) -> Result<Scenario> {
    let Ok(count) = ShardCount::parse(&shards.to_string()) else { bail!("{shards} shards cannot be") };
    let heavy = rate >= HEAVY;
    let base = Scenario::new(rate.into(), count)?;
    let short = |scenario: Scenario| if heavy { scenario.lasting(20, 80) } else { scenario };
    Ok(match story {
        Story::Calm => short(base),
        Story::Trouble(misbehaviour, percent) => {
            Scenario { trouble: Some((misbehaviour, percent)), ..short(base) }
        }
        Story::Largest => Scenario { largest: Some(0.5), ..short(base) },
        Story::Outage => {
            let until = if heavy { 4 * MINUTE } else { 61 * MINUTE };
            let outage = Some(Stretch { from: MINUTE, until });
            let until = until + if heavy { 2 * MINUTE } else { 180 * MINUTE };
            Scenario { largest: Some(0.5), outage, until, ends_recovered: true, ..base }
        }
        Story::NoWrites => {
            let no_writes = Some(Stretch { from: MINUTE, until: 11 * MINUTE });
            Scenario { no_writes, until: 60 * MINUTE, ends_recovered: true, ..base }
        }
    })
}

/// Whether a line would say nothing: a load that the shards' Queues cannot take in fills the memory and never recovers.
fn says_something(story: Story, rate: u32, shards: u32) -> bool {
    rate < HEAVY || shards == SHARDS[2] || !matches!(story, Story::Outage | Story::NoWrites)
}

/// Runs every line, on every core.
///
/// # Errors
/// Where a run cannot begin.
pub fn fill(progress: impl Fn(&Line) + Sync) -> Result<Vec<Line>> {
    let mut wanted = Vec::new();
    for story in Story::all() {
        for rate in RATES {
            for shards in SHARDS.into_iter().filter(|shards| says_something(story, rate, *shards)) {
                wanted.push((story, rate, shards));
            }
        }
    }
    // The longest first, so that no core ends with one alone.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|place| {
        let (story, rate, _) = wanted[*place];
        let long = matches!(story, Story::Outage | Story::NoWrites);
        std::cmp::Reverse((long, rate))
    });
    let (next, lines) = (AtomicUsize::new(0), Mutex::new(vec![None; wanted.len()]));
    let work = || -> Result<()> {
        while let Some(place) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (story, rate, shards) = wanted[*place];
            let line = Line { story, rate, shards, measured: run(&scenario(story, rate, shards)?)? };
            progress(&line);
            if let Ok(mut lines) = lines.lock() {
                lines[*place] = Some(line);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a run panicked"))??;
        }
        anyhow::Ok(())
    })?;
    let lines = lines.into_inner().ok().context("a run panicked")?;
    Ok(lines.into_iter().flatten().collect())
}

/// Sizes of batches of retries that are compared.
pub(crate) const SIZES: [usize; 4] = [10, 25, 50, 100];

/// What a size of batches of retries leads to.
#[derive(Clone)]
pub struct Choice {
    /// Messages in a batch, at most.
    pub size: usize,
    /// 30 % of the endpoints hang at 100 and at 1,000 events a second.
    pub hanging: [Measured; 2],
    /// The largest tenant is out for ten minutes at 1,000 events a second.
    pub outage: Measured,
}

/// Compares sizes of batches of retries.
///
/// # Errors
/// Where a run cannot begin.
pub fn choices() -> Result<Vec<Choice>> {
    let choice = |size: usize| {
        let sized = |scenario: Scenario| {
            let retried = Consumption { batch_size: size, ..scenario.retried };
            run(&Scenario { retried, ..scenario })
        };
        let hanging = |rate: u32| sized(scenario(Story::Trouble(Misbehaviour::Hangs, PERCENTS[2]), rate, 1)?);
        let outage = scenario(Story::Outage, RATES[1], 1)?;
        let ten_minutes = Some(Stretch { from: MINUTE, until: 11 * MINUTE });
        let outage = sized(Scenario { outage: ten_minutes, ..outage })?;
        Ok(Choice { size, hanging: [hanging(RATES[0])?, hanging(RATES[1])?], outage })
    };
    SIZES.into_iter().map(choice).collect()
}

/// A run's length in words.
pub(crate) fn spoken(micros: u64) -> String {
    match micros / SECOND {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}
