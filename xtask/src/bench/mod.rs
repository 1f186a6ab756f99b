//! `cargo xtask bench`: measures how fast the Workers are, relative to small JavaScript Workers that do the same jobs.
//!
//! All run in one workerd, in turns, so that a machine that slows down slows all. The bench says which targets are met, and fails
//! only where a request is answered wrongly or an event does not arrive.

mod arrivals;
mod compare;
mod connection;
mod cost;
mod growth;
mod load;
mod machine;
mod operations;
mod report;
mod rivals;
mod side;
mod sign_in;
mod sizes;
mod statistics;
mod table;

use std::fs;
use std::thread;

use anyhow::{Context, Result, ensure};
use local::clock;
use local::progress::{line, spoken, step};
use local::stack::{Stack, StackOptions};
use local::workspace::root;
use serde_json::Value;

pub use operations::Extent;
pub use report::Report;

use self::compare::compare;
use self::operations::{OPERATIONS, Operation};
use self::side::Sides;
use crate::{build, setup};

/// Sets up, builds, measures, prints a table and writes `target/bench.json`. With `only`, measures the operations with that text
/// in their names.
///
/// # Errors
///
/// When something does not build, start, answer as it should, or arrive; when no operation has that text in its name.
pub fn run(only: Option<&str>) -> Result<()> {
    let machine = setup::run()?;
    build::run(&machine)?;
    let report = measure(&Extent::full(), only)?;
    let folder = root().join("target");
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("bench.json"), format!("{:#}\n", report.json())));
    written.with_context(|| format!("{}/bench.json cannot be written", folder.display()))?;
    line("");
    line(report.text());
    Ok(())
}

/// Measures operations of Workers that have been built, on a fresh stack of its own: every operation, or those with the text
/// `only` in their names.
///
/// # Errors
///
/// As [`run`].
pub fn measure(extent: &Extent, only: Option<&str>) -> Result<Report> {
    let wanted = |operation: &&Operation| {
        only.is_none_or(|text| operation.lines.iter().any(|line| line.name.contains(text)))
    };
    let operations: Vec<_> = OPERATIONS.iter().filter(wanted).collect();
    ensure!(
        !operations.is_empty(),
        "no operation of the bench has `{}` in its name",
        only.unwrap_or_default()
    );
    rivals::build()?;
    let stack = Stack::start(rivals::beside(StackOptions::on_free_ports("bench")?.fresh()))?;
    let started = clock::now();
    step("Creating", "tenants and webhooks");
    let sides = Sides::set_up(&stack, &stack.credentials(None)?, extent)?;
    let mut rows = Vec::new();
    for operation in operations {
        let name = operation.lines[0].name;
        step("Measuring", name);
        rows.extend(
            compare(operation, &sides, &stack, extent).with_context(|| format!("measuring: {name}"))?,
        );
    }
    // Last: the fleet stays.
    let growth = if only.is_none() { growth::measure(&stack, &sides.ours, extent)? } else { Vec::new() };
    step("Measured", &format!("in {}", spoken(started.elapsed())));
    Ok(Report {
        rows,
        sizes: sizes::measure()?,
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
