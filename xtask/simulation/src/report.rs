//! The tables of docs/scaling.md.

use std::fmt::Write;

use crate::measured::Measured;
use crate::table::{Line, RATES, Story, spoken};

/// Stands before what the command writes.
pub const BEGIN: &str = "<!-- The rest is written by `cargo xtask simulate`. -->";
/// Stands after it.
pub const END: &str = "<!-- The end of what `cargo xtask simulate` writes. -->";

const HEADS: [&str; 10] = [
    "",
    "shards",
    "p50 of the healthy",
    "p99",
    "most events on the Queues",
    "most pending deliveries",
    "requests a delivery",
    "busiest D1",
    "$ a million events",
    "recovered after",
];

/// One table for each load, with the plots before them.
pub fn tables(lines: &[Line]) -> String {
    let mut text = String::new();
    for rate in RATES {
        let _ = writeln!(text, "\n### {} events a second\n", thousands(u64::from(rate)));
        let _ = writeln!(text, "| {} |\n|{}", HEADS.join(" | "), " --- |".repeat(HEADS.len()));
        for line in lines.iter().filter(|line| line.rate == rate) {
            let _ = writeln!(text, "| {} |", cells(line).join(" | "));
        }
    }
    text
}

/// A line's cells.
pub fn cells(line: &Line) -> [String; 10] {
    let measured = &line.measured;
    [
        line.story.name(),
        line.shards.to_string(),
        latency(measured, 0.5),
        latency(measured, 0.99),
        thousands(measured.most(|sample| sample.fresh) as u64),
        thousands(measured.most(|sample| sample.pending) as u64),
        format!("{:.2}", measured.requests_each()),
        format!("{:.0} %", measured.busiest * 100.0),
        format!("{:.2}", measured.dollars_a_million()),
        recovered(line),
    ]
}

fn latency(measured: &Measured, part: f64) -> String {
    measured.healthy.quantile(part).map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s"))
}

fn recovered(line: &Line) -> String {
    if !matches!(line.story, Story::Outage | Story::NoWrites) {
        return String::new();
    }
    let recovered = line.measured.recovered_after.map_or_else(|| "not in this run".to_owned(), spoken);
    match line.measured.first_after {
        Some(first) => format!("{recovered}; the first after {}", spoken(first)),
        None => recovered,
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
