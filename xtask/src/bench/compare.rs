//! Measures an operation on all sides in turn.
use std::thread;
use std::time::Duration;

use anyhow::Result;
use local::stack::Stack;

use super::cost::LogTail;
use super::machine::Shares;
use super::operations::{Extent, Measured, Operation, Rival};
use super::report::Row;
use super::side::{Side, Sides};
use super::statistics::{Comparison, Unit};

/// How far the log may lag behind what happens.
const LOG_LAG: Duration = Duration::from_millis(500);

/// Measures an operation. Each round begins with another side. Returns a row for each line of the operation.
pub(super) fn compare(
    operation: &Operation,
    sides: &Sides,
    stack: &Stack,
    extent: &Extent,
) -> Result<Vec<Row>> {
    let compared: Vec<&Side> = match operation.rival {
        Rival::Floor => vec![&sides.ours, &sides.floor, &sides.bare],
        Rival::Hono => vec![&sides.ours, &sides.hono],
        Rival::OwnRead => vec![&sides.portal, &sides.ours],
        Rival::FreshHono => vec![&sides.ours, &sides.hono, &sides.bare],
    };
    let mut shares = Shares::default();
    let mut turns: Vec<Turns> = compared.iter().map(|_| Turns::default()).collect();
    let mut log = LogTail::of(stack.log_path());
    for round in 0..extent.warm_up + extent.rounds {
        if round == extent.warm_up {
            (shares, log) = (Shares::default(), LogTail::of(stack.log_path()));
            turns.iter_mut().for_each(|turns| *turns = Turns::default());
        }
        for place in 0..compared.len() {
            let place = (round + place) % compared.len();
            let before = stack.runtime_processor_time();
            let measured = shares.during(stack, || (operation.measure)(compared[place], extent))?;
            if operation.rival == Rival::Floor {
                // Work that is still in the queue belongs to the operation.
                compared[place].drain(&extent.one)?;
            }
            turns[place].add(&measured, before.zip(stack.runtime_processor_time()));
        }
    }
    thread::sleep(LOG_LAG);
    let cost = operation.counted.and_then(|counted| log.cost(counted));
    let rows = operation.lines.iter().enumerate().map(|(index, line)| {
        let comparison = |unit, values: &dyn Fn(&Turns) -> Vec<f64>| Comparison {
            unit,
            ours: values(&turns[0]),
            rival: values(&turns[1]),
        };
        let value = |turns: &Turns| turns.values.iter().map(|values| values[index]).collect();
        let told = turns.iter().all(|turns| turns.processor.len() == extent.rounds);
        Row {
            name: line.name,
            rival: operation.rival,
            target: line.target,
            counted: operation.counted,
            comparison: comparison(line.unit, &value),
            beside: turns.get(2).map(value),
            processor: told.then(|| comparison(Unit::Milliseconds, &|turns| turns.processor.clone())),
            cost,
            generator_share: shares.own(),
            others_share: shares.others(),
        }
    });
    Ok(rows.collect())
}

/// The rounds of one side.
#[derive(Default)]
struct Turns {
    /// The values of each round.
    values: Vec<Vec<f64>>,
    /// Milliseconds of processor time for doing the operation once; empty where the system does not tell.
    processor: Vec<f64>,
}

impl Turns {
    fn add(&mut self, measured: &Measured, processor: Option<(Duration, Duration)>) {
        self.values.push(measured.values.clone());
        if let Some((before, after)) = processor {
            #[allow(clippy::cast_precision_loss, reason = "some thousands")]
            self.processor.push(after.saturating_sub(before).as_secs_f64() * 1000.0 / measured.times as f64);
        }
    }
}
