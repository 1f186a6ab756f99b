//! The results: tables for people, which are those of docs/bench.md, and a JSON document for programs.
use serde_json::{Value, json};

use super::cost::{Cost, Counted};
use super::growth::Growth;
use super::machine::MOST_OF_OTHERS;
use super::operations::Rival;
use super::sizes::Size;
use super::statistics::{CONCLUSIVE_SPREAD, Comparison, Unit, median};
use super::table::Table;

/// One line of an operation, measured.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) rival: Rival,
    /// The least speed that is wanted.
    pub(super) target: Option<f64>,
    pub(super) counted: Option<Counted>,
    pub(super) comparison: Comparison,
    /// The rounds of what is shown beside for information.
    pub(super) beside: Option<Vec<f64>>,
    /// The runtime's processor time for doing the operation once; `None` where the system does not tell.
    pub(super) processor: Option<Comparison>,
    pub(super) cost: Option<Cost>,
    /// The part of one core that the load and the endpoint took: 0.1 is a tenth.
    pub(super) generator_share: f64,
    /// The part of one core that processes took that are no part of the bench; `None` where the system does not tell.
    pub(super) others_share: Option<f64>,
}

/// Everything that was measured, and on which machine and runtime.
pub struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) sizes: Vec<Size>,
    pub(super) growth: Vec<Growth>,
    pub(super) cores: usize,
    pub(super) workerd: String,
    pub(super) wrangler: String,
}

/// The tables of rows: what each says first, by which rival, and what stands beside.
const TABLES: [(&str, Rival, Option<&str>); 4] = [
    ("Deliveries", Rival::Floor, Some("bare floor")),
    ("Requests", Rival::Hono, None),
    ("Page", Rival::OwnRead, None),
    ("Cold start", Rival::FreshHono, Some("empty Worker")),
];

impl Report {
    /// The tables for people, with notes.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts: Vec<String> = self.busy().into_iter().collect();
        let measured = TABLES.iter().filter(|(_, rival, _)| self.rows.iter().any(|row| row.rival == *rival));
        parts.extend(measured.map(|(first, rival, beside)| self.table(first, *rival, *beside)));
        parts.push(self.sizes());
        parts.extend((!self.growth.is_empty()).then(|| self.growth()));
        parts.push(self.notes().join("\n"));
        parts.join("\n\n")
    }

    /// What is to be said first of a run on a busy machine.
    fn busy(&self) -> Option<String> {
        let busy = self.rows.iter().filter(|row| row.is_busy()).count();
        let most = self.rows.iter().filter_map(|row| row.others_share).fold(0.0, f64::max) * 100.0;
        (busy > 0).then(|| {
            format!(
                "**A busy machine**: while {busy} of {} rows were measured, other processes used more than {:.0} % of a core, \
                 and up to {most:.0} %. Nothing is concluded from those rows.",
                self.rows.len(),
                MOST_OF_OTHERS * 100.0
            )
        })
    }

    fn table(&self, first: &str, rival: Rival, beside: Option<&str>) -> String {
        let named = match rival {
            Rival::Floor => "floor with a database",
            Rival::Hono | Rival::FreshHono => "Hono + jose",
            Rival::OwnRead => "our GET tenant",
        };
        let heads = [first, "ours", named, "speed", "wanted", "middle half", "processor time", "its ratio"];
        let costs = ["D1 round trips", "rows written"];
        let has_cost = matches!(rival, Rival::Floor | Rival::Hono);
        let mut table =
            Table::new(heads.into_iter().chain(beside).chain(costs.into_iter().filter(|_| has_cost)));
        for row in self.rows.iter().filter(|row| row.rival == rival) {
            let cells = row.cells().into_iter().chain(row.beside_cell());
            table.push(cells.chain(row.costs().into_iter().filter(|_| has_cost)));
        }
        table.text()
    }

    fn sizes(&self) -> String {
        let mut table = Table::new(["Size", "compressed", "wanted"]);
        for Size { worker, kilobytes, target } in &self.sizes {
            let wanted = target
                .map_or_else(String::new, |most| format!("≤ {most:.0} KB: {}", met(kilobytes <= &most)));
            table.push([worker.clone(), format!("{kilobytes:.0} KB"), wanted]);
        }
        table.text()
    }

    fn growth(&self) -> String {
        let mut table = Table::new(["Rows read for", "small", "large", "wanted"]);
        for row in &self.growth {
            let wanted = format!("≤ 1.1 × small: {}", met(row.is_flat()));
            table.push([row.name.to_owned(), tenths(row.small), tenths(row.large), wanted]);
        }
        table.text()
    }

    fn notes(&self) -> Vec<String> {
        let rounds = self.rows.first().map_or(0, |row| row.comparison.ours.len());
        let most =
            |share: fn(&Row) -> Option<f64>| self.rows.iter().filter_map(share).fold(0.0, f64::max) * 100.0;
        let mut notes = vec![
            format!(
                "speed: ours relative to the rival's in the same round, the median of {rounds}; 0.50 is half as fast."
            ),
            "processor time: what workerd used for one, ours : the rival's, with its own D1 and Queues; ratio as for speed."
                .to_owned(),
            "large: beside 100,000 tenants, 500,000 webhooks and 1,000,000 deliveries.".to_owned(),
            format!(
                "{} cores, workerd {}, wrangler {}; load and endpoints took at most {:.0} % of one core, other processes at \
                 most {:.0} %.",
                self.cores,
                self.workerd,
                self.wrangler,
                most(|row| Some(row.generator_share)),
                most(|row| row.others_share),
            ),
        ];
        if self.rows.iter().any(|row| !row.is_conclusive()) {
            notes.push(format!(
                "?: nothing can be concluded: the middle half of the rounds is wider than {:.0} % of the median, there are \
                 fewer than three rounds, or the machine was busy.",
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
            "sizes": self.sizes, "growth": self.growth,
        })
    }
}

impl Row {
    /// Whether other processes kept the machine busy.
    fn is_busy(&self) -> bool {
        self.others_share.is_some_and(|share| share > MOST_OF_OTHERS)
    }

    fn is_conclusive(&self) -> bool {
        self.comparison.is_conclusive() && !self.is_busy()
    }

    fn cells(&self) -> [String; 8] {
        let Comparison { unit, ours, rival } = &self.comparison;
        let (low, high) = self.comparison.middle_half();
        let processor = |cell: &dyn Fn(&Comparison) -> String| {
            self.processor.as_ref().map_or_else(|| "-".to_owned(), cell)
        };
        let wanted = self.target.map_or_else(String::new, |least| {
            let verdict = if self.is_conclusive() { met(self.comparison.speed() >= least) } else { "?" };
            format!("≥ {least:.2}: {verdict}")
        });
        [
            self.name.to_owned(),
            quantity(median(ours), *unit),
            quantity(median(rival), *unit),
            self.ratio(&self.comparison),
            wanted,
            format!("{low:.2}–{high:.2}"),
            processor(&times),
            processor(&|times| self.ratio(times)),
        ]
    }

    /// The number beside, where the operation has one.
    fn beside_cell(&self) -> Option<String> {
        self.beside.as_ref().map(|rounds| quantity(median(rounds), self.comparison.unit))
    }

    fn costs(&self) -> [String; 2] {
        let (per_call, per_write) = match self.counted {
            Some(Counted::Batches) => ("a batch", "a delivery"),
            Some(Counted::Requests) | None => ("a request", "a request"),
        };
        let cost = |count: fn(&Cost) -> f64, per: &str| {
            self.cost.as_ref().map_or_else(|| "-".to_owned(), |cost| format!("{} {per}", tenths(count(cost))))
        };
        [cost(|cost| cost.d1_round_trips, per_call), cost(|cost| cost.d1_rows_written, per_write)]
    }

    /// The speed, with a mark where it is in doubt.
    fn ratio(&self, comparison: &Comparison) -> String {
        let doubt = if comparison.is_conclusive() && !self.is_busy() { "" } else { " ?" };
        format!("{:.2}{doubt}", comparison.speed())
    }

    fn json(&self) -> Value {
        let comparison = &self.comparison;
        let unit = match comparison.unit {
            Unit::PerSecond => "perSecond",
            Unit::Milliseconds => "milliseconds",
        };
        let rival = match self.rival {
            Rival::Floor => "floor",
            Rival::OwnRead => "ownRead",
            Rival::Hono | Rival::FreshHono => "hono",
        };
        json!({
            "operation": self.name, "unit": unit, "rival": rival, "ours": comparison.ours, "theirs": comparison.rival,
            "beside": self.beside, "speed": comparison.speed(), "speeds": comparison.speeds(), "wanted": self.target,
            "spread": comparison.spread(), "conclusive": self.is_conclusive(), "busy": self.is_busy(),
            "processorMilliseconds": self.processor.as_ref().map(|times| json!({
                "ours": times.ours, "theirs": times.rival, "speed": times.speed(), "spread": times.spread(),
            })),
            "cost": self.cost, "generatorShare": self.generator_share, "othersShare": self.others_share,
        })
    }
}

/// The verdict on a target.
fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "not met" }
}

/// The processor time of both sides.
fn times(processor: &Comparison) -> String {
    format!("{:.2} : {:.2} ms", median(&processor.ours), median(&processor.rival))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(others_share: f64) -> Report {
        let row = |name, unit, ours: &[f64], rival: Rival| Row {
            name,
            rival,
            target: Some(0.6),
            counted: (rival == Rival::Floor).then_some(Counted::Batches),
            comparison: Comparison { unit, ours: ours.to_vec(), rival: vec![1000.0; ours.len()] },
            beside: (rival == Rival::Floor).then(|| vec![2000.0; ours.len()]),
            processor: (rival == Rival::Floor).then(|| Comparison {
                unit: Unit::Milliseconds,
                ours: vec![0.25, 0.26, 0.24],
                rival: vec![0.2, 0.2, 0.2],
            }),
            cost: (rival == Rival::Floor).then_some(Cost {
                d1_round_trips: 2.0,
                d1_rows_written: 2.04,
                d1_rows_read: 6.5,
            }),
            generator_share: 0.125,
            others_share: Some(others_share),
        };
        Report {
            rows: vec![
                row("steady", Unit::PerSecond, &[500.0, 510.0, 520.0, 530.0, 540.0], Rival::Floor),
                row("fast", Unit::PerSecond, &[700.0, 710.0, 720.0, 730.0, 740.0], Rival::Hono),
                row("noisy", Unit::Milliseconds, &[2000.0, 2000.0, 500.0, 500.0, 1000.0], Rival::Hono),
            ],
            sizes: vec![
                Size { worker: "a".to_owned(), kilobytes: 410.4, target: Some(400.0) },
                Size { worker: "b".to_owned(), kilobytes: 17.0, target: None },
            ],
            growth: vec![
                Growth { name: "a read", small: 2.0, large: 2.0 },
                Growth { name: "a list", small: 10.0, large: 11.5 },
            ],
            cores: 2,
            workerd: "1.2".to_owned(),
            wrangler: "4.5".to_owned(),
        }
    }

    #[test]
    fn the_tables_say_what_is_met_and_what_is_in_doubt() {
        let text = report(0.05).text();
        let expected = "\
| Deliveries |  ours | floor with a database | speed |          wanted | middle half | processor time | its ratio | bare floor | D1 round trips | rows written |
| ---------- | ----: | --------------------: | ----: | --------------: | ----------: | -------------: | --------: | ---------: | -------------: | -----------: |
| steady     | 520/s |                1000/s |  0.52 | ≥ 0.60: not met |   0.51–0.53 | 0.25 : 0.20 ms |      0.80 |     2000/s |      2 a batch | 2 a delivery |

| Requests |      ours | Hono + jose |  speed |      wanted | middle half | processor time | its ratio | D1 round trips | rows written |
| -------- | --------: | ----------: | -----: | ----------: | ----------: | -------------: | --------: | -------------: | -----------: |
| fast     |     720/s |      1000/s |   0.72 | ≥ 0.60: met |   0.71–0.73 |              - |         - |              - |            - |
| noisy    | 1000.0 ms |   1000.0 ms | 1.00 ? |   ≥ 0.60: ? |   0.50–2.00 |              - |         - |              - |            - |
";
        assert!(text.starts_with(expected), "{text}");
        for part in [
            "410 KB | ≤ 400 KB: not met |",
            " 17 KB |",
            "≤ 1.1 × small: met |",
            "11.5 | ≤ 1.1 × small: not met |",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            text.contains("load and endpoints took at most 12 % of one core, other processes at most 5 %.")
        );
    }

    #[test]
    fn a_busy_machine_concludes_nothing_and_says_so() {
        let report = report(0.5);
        let text = report.text();
        assert!(
            text.starts_with("**A busy machine**: while 3 of 3 rows were measured, other processes used"),
            "{text}"
        );
        assert!(!text.contains("≥ 0.60: met") && !text.contains("≥ 0.60: not met"), "{text}");
        assert_eq!(report.json()["operations"][0]["conclusive"], false);
    }

    #[test]
    fn the_json_has_every_round() {
        let json = report(0.0).json();
        let steady = &json["operations"][0];
        assert_eq!(steady["ours"], json!([500.0, 510.0, 520.0, 530.0, 540.0]));
        assert_eq!((&steady["conclusive"], &steady["busy"]), (&json!(true), &json!(false)));
        assert_eq!(steady["cost"], json!({"d1RoundTrips": 2.0, "d1RowsWritten": 2.04, "d1RowsRead": 6.5}));
        assert_eq!(steady["processorMilliseconds"]["ours"], json!([0.25, 0.26, 0.24]));
        assert_eq!(json["operations"][2]["unit"], "milliseconds");
        assert_eq!(json["sizes"][0]["target"], 400.0);
    }
}
