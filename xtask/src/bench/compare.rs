//! Measures an operation on both sides in turn.
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use local::clock;
use local::stack::Stack;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::cost::LogTail;
use super::operations::{Extent, Measured, Operation};
use super::report::Row;
use super::side::Side;
use super::statistics::{Comparison, Unit};

/// Rounds that do not count, in which the runtime compiles what runs often into faster code.
const WARM_UP: usize = 2;
/// How far the log may lag behind what happens.
const LOG_LAG: Duration = Duration::from_millis(500);

/// Measures an operation. The side that is first in a round is second in the next.
pub(super) fn compare(
    operation: &Operation,
    ours: &Side,
    baseline: &Side,
    stack: &Stack,
    extent: &Extent,
) -> Result<Row> {
    let (mut of_ours, mut of_baseline, mut own) = (Turns::default(), Turns::default(), OwnShare::default());
    let mut once = |side: &Side, turns: &mut Turns| -> Result<()> {
        let before = stack.runtime_processor_time();
        let measured = own.during(|| (operation.measure)(side, extent))?;
        // Work that is still in the queue belongs to the operation.
        side.drain()?;
        turns.add(&measured, before.zip(stack.runtime_processor_time()));
        Ok(())
    };
    for _ in 0..WARM_UP {
        once(ours, &mut Turns::default())?;
        once(baseline, &mut Turns::default())?;
    }
    let log = LogTail::of(stack.log_path());
    for round in 0..extent.rounds {
        if round % 2 == 0 {
            once(ours, &mut of_ours)?;
            once(baseline, &mut of_baseline)?;
        } else {
            once(baseline, &mut of_baseline)?;
            once(ours, &mut of_ours)?;
        }
    }
    thread::sleep(LOG_LAG);
    let told = !of_ours.processor.is_empty() && !of_baseline.processor.is_empty();
    let comparison = |unit, ours, baseline| Comparison { unit, ours, baseline };
    Ok(Row {
        name: operation.name,
        counted: operation.counted,
        comparison: comparison(operation.unit, of_ours.values, of_baseline.values),
        processor: told.then(|| comparison(Unit::Milliseconds, of_ours.processor, of_baseline.processor)),
        cost: log.cost(operation.counted),
        generator_share: own.of_one_core(),
    })
}

/// The rounds of one side.
#[derive(Default)]
struct Turns {
    values: Vec<f64>,
    /// Milliseconds of processor time for doing the operation once; empty where the system does not tell.
    processor: Vec<f64>,
}

impl Turns {
    fn add(&mut self, measured: &Measured, processor: Option<(Duration, Duration)>) {
        self.values.push(measured.value);
        if let Some((before, after)) = processor {
            #[allow(clippy::cast_precision_loss, reason = "some thousands")]
            self.processor.push(after.saturating_sub(before).as_secs_f64() * 1000.0 / measured.times as f64);
        }
    }
}

/// The processor time of this process itself: the load, the endpoints, and copying the Workers' log.
#[derive(Default)]
struct OwnShare {
    processor: Duration,
    passed: Duration,
}

impl OwnShare {
    fn during<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (started, used) = (clock::now(), own_processor_time()?);
        let done = work()?;
        self.passed += started.elapsed();
        self.processor += own_processor_time()?.saturating_sub(used);
        Ok(done)
    }

    fn of_one_core(&self) -> f64 {
        self.processor.as_secs_f64() / self.passed.as_secs_f64()
    }
}

fn own_processor_time() -> Result<Duration> {
    let used = getrusage(UsageWho::RUSAGE_SELF).context("the system does not tell what this process uses")?;
    let microseconds = (used.user_time() + used.system_time()).num_microseconds();
    Ok(Duration::from_micros(microseconds.unsigned_abs()))
}
