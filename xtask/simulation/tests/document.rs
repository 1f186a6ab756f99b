//! docs/scaling.md tells what the simulation says today: some of its lines, simulated again.

use anyhow::{Context, Result};
use simulation::{Line, Misbehaviour, Story, cells, run, scenario};

const DOCUMENT: &str = include_str!("../../../docs/scaling.md");

/// The number in a cell; a dash and an empty cell have none.
fn number(cell: &str) -> Option<f64> {
    let digits: String = cell.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().ok()
}

/// One of the last digit that a cell shows.
fn last_digit(cell: &str) -> f64 {
    let shown: String = cell.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    (0..decimals).fold(1.0, |digit, _| digit / 10.0)
}

#[test]
fn the_tables_are_those_of_this_code() -> Result<()> {
    let (_, table) = DOCUMENT.split_once("### 100 events a second").context("no table")?;
    let troubles = Misbehaviour::ALL.map(|misbehaviour| Story::Trouble(misbehaviour, 30));
    for story in troubles.into_iter().chain([Story::Calm, Story::Largest, Story::NoWrites]) {
        for shards in [1, 16] {
            let line = Line { story, rate: 100, shards, measured: run(&scenario(story, 100, shards)?)? };
            let expected = cells(&line);
            let start = format!("| {} | {} | ", expected[0], expected[1]);
            let found = table.lines().find(|line| line.starts_with(&start));
            let found = found.with_context(|| format!("no line {start}: run `cargo xtask simulate`"))?;
            let found: Vec<&str> = found.trim_matches('|').split(" | ").map(str::trim).collect();
            for (cell, expected) in found.iter().zip(&expected).skip(2) {
                // Other machines' logarithms differ in the last digit, and what follows from them a little more.
                let (said, is) = (number(cell).unwrap_or(0.0), number(expected).unwrap_or(0.0));
                let close = (said - is).abs() <= 0.1 * is.max(said) + last_digit(expected);
                assert!(close, "{start}: {cell}, and today {expected}: run `cargo xtask simulate`");
            }
        }
    }
    Ok(())
}
