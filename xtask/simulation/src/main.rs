//! Runs the whole table, and writes docs/scaling.md's tables and plots.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use simulation::RATES;

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The document with this part of it, which stands between two marks, written anew.
fn with_part(document: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) =
        (format!("<!-- {name}: by `cargo xtask simulate` -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin).with_context(|| format!("no mark {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no mark {end}"))?;
    Ok(format!("{before}{begin}{text}\n{end}{after}"))
}

#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for the terminal, which tells how long it took"
)]
fn main() -> Result<()> {
    let began = Instant::now();
    let lines = simulation::fill(|line| {
        let (rate, shards) = (line.rate, line.shards);
        println!("{:>12} {}: {rate} events/s, shards: {shards}", "Simulated", line.story.name());
    })?;
    let docs = root().join("docs");
    let plots = docs.join("scaling");
    fs::create_dir_all(&plots)?;
    for (name, svg) in simulation::draw(&lines)? {
        fs::write(plots.join(name), svg)?;
    }
    let path = docs.join("scaling.md");
    let mut document =
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    for (name, text) in [
        ("costs", simulation::costs(&lines, RATES[1])),
        ("batches of retries", simulation::with_choices(&simulation::choices()?)),
        ("tables", simulation::tables(&lines)),
    ] {
        document = with_part(&document, name, &text)?;
    }
    fs::write(&path, document)?;
    println!("{:>12} docs/scaling.md, in {} s", "Written", began.elapsed().as_secs());
    Ok(())
}
