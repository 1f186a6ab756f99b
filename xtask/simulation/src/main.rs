//! Runs the whole table, and writes docs/scaling.md's tables and plots.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The document between [`simulation::BEGIN`] and [`simulation::END`], written anew.
fn with_tables(document: &str, tables: &str) -> Result<String> {
    let (before, rest) = document.split_once(simulation::BEGIN).context("no mark where the tables begin")?;
    let (_, after) = rest.split_once(simulation::END).context("no mark where the tables end")?;
    Ok(format!("{before}{}\n{tables}\n{}{after}", simulation::BEGIN, simulation::END))
}

#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for the terminal, which tells how long it took"
)]
fn main() -> Result<()> {
    let began = Instant::now();
    let lines = simulation::fill(|line| {
        println!(
            "{:>12} {} at {} events/s, {} shards",
            "Simulated",
            line.story.name(),
            line.rate,
            line.shards
        );
    })?;
    let docs = root().join("docs");
    let plots = docs.join("scaling");
    fs::create_dir_all(&plots)?;
    for (name, svg) in simulation::draw(&lines)? {
        fs::write(plots.join(name), svg)?;
    }
    let path = docs.join("scaling.md");
    let document = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let tables = simulation::tables(&lines);
    fs::write(&path, with_tables(&document, &tables)?)?;
    println!("{tables}");
    println!("{:>12} in {} s: docs/scaling.md", "Simulated", began.elapsed().as_secs());
    Ok(())
}
