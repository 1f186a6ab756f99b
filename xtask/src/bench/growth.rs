//! What an operation of ours reads of D1 in a small fleet and in a large one.
use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use local::fleet::LARGE_FLEET;
use local::progress::step;
use local::stack::Stack;
use serde::Serialize;

use super::cost::{Counted, LogTail};
use super::operations::{Extent, OPERATIONS, Operation};
use super::side::Side;

/// How far the log may lag behind what happens.
const LOG_LAG: Duration = Duration::from_millis(500);

/// The rows that an operation reads, per request or per batch.
#[derive(Debug, Serialize)]
pub(super) struct Growth {
    pub(super) name: &'static str,
    pub(super) small: f64,
    pub(super) large: f64,
}

/// The operations that ask D1: a read of the Admin API, and the delivery of one event.
fn asked() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| {
        matches!(operation.counted, Counted::Requests("/tenants/bench-one"))
            || operation.name == "the same of one event alone"
    })
}

/// Measures the operations, puts a large fleet beside, and measures them again.
pub(super) fn measure(stack: &Stack, ours: &Side) -> Result<Vec<Growth>> {
    step("Measuring", "the same in a large fleet");
    let small = rows_read(stack, ours)?;
    let (wrangler, folder) = stack.d1(1)?;
    let file = folder.join("fleet.sql");
    fs::write(&file, LARGE_FLEET).context("the large fleet cannot be written")?;
    wrangler(&["d1", "execute", "tenants-0", "--yes", "--file", &file.to_string_lossy()])?;
    let large = rows_read(stack, ours)?;
    let pairs = asked().zip(small.into_iter().zip(large));
    Ok(pairs.map(|(operation, (small, large))| Growth { name: operation.name, small, large }).collect())
}

fn rows_read(stack: &Stack, ours: &Side) -> Result<Vec<f64>> {
    let once = |operation: &Operation| {
        let log = LogTail::of(stack.log_path());
        (operation.measure)(ours, &Extent::brief())?;
        ours.drain()?;
        thread::sleep(LOG_LAG);
        log.cost(operation.counted)
            .map(|cost| cost.d1_rows_read)
            .context("the log has no line of an operation")
    };
    asked().map(once).collect()
}
