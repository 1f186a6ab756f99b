//! `cargo xtask bench`: measures how fast the Workers are, relative to a small JavaScript Worker that does the same job.
//!
//! Both run in one workerd, in turns, so that a machine that slows down slows both. The bench does not judge: it fails only
//! where a request is answered wrongly or an event does not arrive.

mod arrivals;
mod compare;
mod connection;
mod cost;
mod growth;
mod load;
mod operations;
mod report;
mod side;
mod statistics;

use std::fs;
use std::thread;

use anyhow::{Context, Result};
use local::clock;
use local::progress::{line, spoken, step};
use local::stack::{Stack, StackOptions};
use local::workspace::root;
use serde_json::Value;

pub use operations::Extent;
pub use report::Report;

use self::compare::compare;
use self::operations::OPERATIONS;
use self::side::Side;
use crate::{build, setup};

/// Sets up, builds, measures, prints a table and writes `target/bench.json`.
///
/// # Errors
///
/// When something does not build, start, answer as it should, or arrive.
pub fn run() -> Result<()> {
    let machine = setup::run()?;
    build::run(&machine)?;
    let report = measure(&Extent::full())?;
    let folder = root().join("target");
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("bench.json"), format!("{:#}\n", report.json())));
    written.with_context(|| format!("{}/bench.json cannot be written", folder.display()))?;
    line("");
    line(report.text());
    Ok(())
}

/// Measures every operation of Workers that have been built, on a fresh stack of its own.
///
/// # Errors
///
/// As [`run`].
pub fn measure(extent: &Extent) -> Result<Report> {
    let stack = Stack::start(StackOptions::on_free_ports("bench")?.beside("local/baseline").fresh())?;
    let credentials = stack.credentials(None)?;
    let (ours, baseline) = (Side::ours(&stack, &credentials)?, Side::baseline(&stack, &credentials)?);
    let started = clock::now();
    let mut rows = Vec::new();
    for operation in &OPERATIONS {
        step("Measuring", operation.name);
        let row = compare(operation, &ours, &baseline, &stack, extent);
        rows.push(row.with_context(|| format!("measuring: {}", operation.name))?);
    }
    // Last: the fleet stays.
    let growth = growth::measure(&stack, &ours)?;
    step("Measured", &format!("in {}", spoken(started.elapsed())));
    Ok(Report {
        rows,
        growth,
        cores: thread::available_parallelism()?.get(),
        workerd: package_version("workerd")?,
        wrangler: package_version("wrangler")?,
    })
}

fn package_version(name: &str) -> Result<String> {
    let path = root().join("node_modules").join(name).join("package.json");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let package: Value = serde_json::from_str(&text)?;
    Ok(package["version"].as_str().unwrap_or("unknown").to_owned())
}
