//! The tables of docs/scaling.md.

use std::fmt::Write;

use crate::measured::Measured;
use crate::table::{Choice, Line, RATES, Story, spoken};

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

/// What a million events cost, by part, at this load in one shard with all endpoints well.
pub fn costs(lines: &[Line], rate: u32) -> String {
    let found = lines.iter().find(|line| (line.story, line.rate, line.shards) == (Story::Calm, rate, 1));
    let Some(Line { measured, .. }) = found else { return String::new() };
    let mut text = String::from("\n| part | $ a million events |\n| --- | --- |\n");
    for (part, dollars) in measured.operations.dollars().into_iter().filter(|(_, dollars)| *dollars > 0.0) {
        let _ = writeln!(text, "| {part} | {:.3} |", dollars * 1_000_000.0 / measured.arrived as f64);
    }
    let _ = writeln!(text, "| together | {:.2} |", measured.dollars_a_million());
    text
}

/// The comparison of sizes of batches of retries.
pub fn with_choices(choices: &[Choice]) -> String {
    let heads = [
        "messages in a batch of retries",
        "30 % hang, 100 events/s: p99 of the healthy",
        "1,000 events/s",
        "its busiest D1",
        "the largest tenant was out for 10 min, 1,000 events/s: recovered after",
    ];
    let mut text = format!("\n| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    for Choice { size, hanging: [light, heavy], outage } in choices {
        let recovered = outage.recovered_after.map_or_else(|| "not in this run".to_owned(), spoken);
        let cells = [
            size.to_string(),
            latency(light, 0.99),
            latency(heavy, 0.99),
            format!("{:.0} %", heavy.busiest * 100.0),
            recovered,
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
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
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
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
