//! The results: a table for people, a JSON document for programs.
use serde_json::{Value, json};

use super::cost::{Cost, Counted};
use super::growth::Growth;
use super::statistics::{CONCLUSIVE_SPREAD, Comparison, Unit, median};

/// One operation, measured.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) counted: Counted,
    pub(super) comparison: Comparison,
    /// The runtime's processor time for doing the operation once; `None` where the system does not tell.
    pub(super) processor: Option<Comparison>,
    pub(super) cost: Option<Cost>,
    /// The part of one core that the load and the endpoint took: 0.1 is a tenth.
    pub(super) generator_share: f64,
}

/// Everything that was measured, and on which machine and runtime.
pub struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) growth: Vec<Growth>,
    pub(super) cores: usize,
    pub(super) workerd: String,
    pub(super) wrangler: String,
}

impl Report {
    /// The table for people, with notes.
    #[must_use]
    pub fn text(&self) -> String {
        let heads = [
            "operation",
            "ours",
            "baseline",
            "speed",
            "middle half",
            "processor time",
            "its ratio",
            "D1 round trips",
            "rows written",
        ];
        let mut lines = vec![heads.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let mut text = aligned(&lines);
        text.push_str(&self.notes().join("\n"));
        text
    }

    fn notes(&self) -> Vec<String> {
        let rounds = self.rows.first().map_or(0, |row| row.comparison.ours.len());
        let share = self.rows.iter().map(|row| row.generator_share).fold(0.0, f64::max) * 100.0;
        let mut notes = vec![
            String::new(),
            format!(
                "speed: ours relative to the baseline's in the same round, the median of {rounds}; \
                 0.50 is half as fast."
            ),
            "processor time: what workerd used for one, ours : the baseline's, with its own D1 and Queues; \
             ratio as for speed."
                .to_owned(),
            format!(
                "{} cores, workerd {}, wrangler {}; load and endpoint took at most {share:.0} % of one core.",
                self.cores, self.workerd, self.wrangler
            ),
        ];
        let all = self.rows.iter().flat_map(|row| std::iter::once(&row.comparison).chain(&row.processor));
        notes.extend(self.growth.iter().map(|Growth { name, small, large }| {
            format!(
                "growth: {name} reads {small:.1} rows of D1, and {large:.1} beside 100,000 tenants, 500,000 webhooks and \
                 1,000,000 deliveries."
            )
        }));
        if all.into_iter().any(|comparison| !comparison.is_conclusive()) {
            notes.push(format!(
                "?: the middle half of the rounds is wider than {:.0} % of the median. \
                 Nothing can be concluded from that number.",
                CONCLUSIVE_SPREAD * 100.0
            ));
        }
        notes
    }

    /// The document for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "cores": self.cores, "workerd": self.workerd, "wrangler": self.wrangler,
            "operations": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "growth": self.growth,
        })
    }
}

impl Row {
    fn cells(&self) -> [String; 9] {
        let Comparison { unit, ours, baseline } = &self.comparison;
        let (low, high) = self.comparison.middle_half();
        let (per_call, per_write) = match self.counted {
            Counted::Requests(_) | Counted::Nothing => ("a request", "a request"),
            Counted::Batches => ("a batch", "a delivery"),
        };
        let cost = |count: fn(&Cost) -> f64, per: &str| {
            self.cost.as_ref().map_or_else(|| "-".to_owned(), |cost| format!("{} {per}", tenths(count(cost))))
        };
        let processor =
            |cell: fn(&Comparison) -> String| self.processor.as_ref().map_or_else(|| "-".to_owned(), cell);
        [
            self.name.to_owned(),
            quantity(median(ours), *unit),
            quantity(median(baseline), *unit),
            ratio(&self.comparison),
            format!("{low:.2}–{high:.2}"),
            processor(times),
            processor(ratio),
            cost(|cost| cost.d1_round_trips, per_call),
            cost(|cost| cost.d1_rows_written, per_write),
        ]
    }

    fn json(&self) -> Value {
        let comparison = &self.comparison;
        let unit = match comparison.unit {
            Unit::PerSecond => "perSecond",
            Unit::Milliseconds => "milliseconds",
        };
        json!({
            "operation": self.name, "unit": unit, "ours": comparison.ours, "baseline": comparison.baseline,
            "speed": comparison.speed(), "speeds": comparison.speeds(), "spread": comparison.spread(),
            "conclusive": comparison.is_conclusive(),
            "processorMilliseconds": self.processor.as_ref().map(|times| json!({
                "ours": times.ours, "baseline": times.baseline, "speed": times.speed(), "spread": times.spread(),
            })),
            "cost": self.cost, "generatorShare": self.generator_share,
        })
    }
}

/// The speed, with a mark where it is in doubt.
fn ratio(comparison: &Comparison) -> String {
    let doubt = if comparison.is_conclusive() { "" } else { " ?" };
    format!("{:.2}{doubt}", comparison.speed())
}

/// The processor time of both sides.
fn times(processor: &Comparison) -> String {
    format!("{:.2} : {:.2} ms", median(&processor.ours), median(&processor.baseline))
}

fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Milliseconds => format!("{value:.1} ms"),
    }
}

/// The value to a tenth, without a tenth of 0.
fn tenths(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Lines with columns as wide as their widest cell, the first aligned to the left and the numbers to the right.
fn aligned<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let row = |name, unit, ours: &[f64], cost| Row {
            name,
            counted: if cost { Counted::Batches } else { Counted::Requests("/a") },
            comparison: Comparison { unit, ours: ours.to_vec(), baseline: vec![1000.0; ours.len()] },
            processor: cost.then(|| Comparison {
                unit: Unit::Milliseconds,
                ours: vec![0.25, 0.26, 0.24],
                baseline: vec![0.1, 0.1, 0.1],
            }),
            cost: cost.then_some(Cost { d1_round_trips: 2.0, d1_rows_written: 2.04, d1_rows_read: 6.5 }),
            generator_share: 0.125,
        };
        Report {
            growth: Vec::new(),
            rows: vec![
                row("steady", Unit::PerSecond, &[500.0, 510.0, 520.0, 530.0, 540.0], true),
                row("noisy", Unit::Milliseconds, &[2000.0, 2000.0, 500.0, 500.0, 1000.0], false),
            ],
            cores: 2,
            workerd: "1.2".to_owned(),
            wrangler: "4.5".to_owned(),
        }
    }

    #[test]
    fn the_table_is_aligned_and_says_what_is_in_doubt() {
        let expected = "\
operation       ours   baseline   speed  middle half  processor time  its ratio  D1 round trips  rows written
steady         520/s     1000/s    0.52    0.51–0.53  0.25 : 0.10 ms       0.40       2 a batch  2 a delivery
noisy      1000.0 ms  1000.0 ms  1.00 ?    0.50–2.00               -          -               -             -

speed: ours relative to the baseline's in the same round, the median of 5; 0.50 is half as fast.
processor time: what workerd used for one, ours : the baseline's, with its own D1 and Queues; ratio as for speed.
2 cores, workerd 1.2, wrangler 4.5; load and endpoint took at most 12 % of one core.
?: the middle half of the rounds is wider than 30 % of the median. Nothing can be concluded from that number.";
        assert_eq!(report().text(), expected);
    }

    #[test]
    fn the_json_has_every_round() {
        let json = report().json();
        let steady = &json["operations"][0];
        assert_eq!(steady["ours"], json!([500.0, 510.0, 520.0, 530.0, 540.0]));
        assert_eq!(steady["conclusive"], true);
        assert_eq!(steady["cost"], json!({"d1RoundTrips": 2.0, "d1RowsWritten": 2.04, "d1RowsRead": 6.5}));
        assert_eq!(steady["processorMilliseconds"]["ours"], json!([0.25, 0.26, 0.24]));
        assert_eq!(json["operations"][1]["unit"], "milliseconds");
    }
}
