//! Analytics Engine: a data point per attempt, all of a batch handed over as one string.

use serde::Serialize;
use shared::delivery::measurement::{Kind, Measurement, fitted};
use shared::ports::{Metrics, MetricsError};
use shared::text::json_text;

use crate::bindings::{Bound, Env};
use crate::glue;

/// Data points per invocation (limits of Analytics Engine). The platform drops the rest without a word.
const MOST_POINTS: usize = 250;

/// A dataset.
pub struct AnalyticsEngine(Bound);

impl AnalyticsEngine {
    /// The dataset bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "writeDataPoint").map(Self)
    }
}

impl Metrics for AnalyticsEngine {
    fn write(&self, measured: Vec<Measurement>) -> Result<(), MetricsError> {
        let measured = fitted(measured, MOST_POINTS);
        let points: Vec<_> = measured.iter().map(Point::of).collect();
        // Returns at once: the runtime sends the points when the invocation is over.
        match glue::write_points(self.0.place(), &json_text(&points)) {
            Some(thrown) => Err(MetricsError(thrown)),
            None => Ok(()),
        }
    }
}

/// The columns `index1`, `blob1` …, `double1` … of docs/metrics.md, in this order. Queries and the rows written so far
/// depend on the order: a new column comes last.
#[derive(Serialize)]
struct Point<'a> {
    /// If there is much to store, Analytics Engine samples each index by itself.
    indexes: [&'a str; 1],
    blobs: [&'a str; 4],
    doubles: (u32, f64, u64),
}

impl<'a> Point<'a> {
    fn of(measurement: &'a Measurement) -> Self {
        let Kind { org_id, webhook_id, event_type, outcome, answer } = &measurement.kind;
        Self {
            indexes: [org_id],
            blobs: [webhook_id, event_type, outcome, answer],
            doubles: (
                measurement.attempts,
                measurement.mean_milliseconds(),
                measurement.longest_milliseconds,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::event::catalogue::MAX_EVENT_TYPE_LENGTH;

    use super::*;

    const PAGE: &str = include_str!("../../docs/metrics.md");

    /// The page's columns and what it says is in each.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let columns =
            rows.filter(|(name, _)| ["index", "blob", "double"].iter().any(|kind| name.starts_with(kind)));
        columns.map(|(name, rest)| (name, rest.split([',', ':', ';', '|']).next().unwrap().trim())).collect()
    }

    #[test]
    fn the_columns_are_in_the_page_s_order() {
        let documented = documented();
        let meanings = |prefix: &str| -> Vec<&str> {
            let of_prefix = documented.iter().filter(|(name, _)| name.starts_with(prefix));
            for (index, (name, _)) in of_prefix.clone().enumerate() {
                assert_eq!(*name, format!("{prefix}{}", index + 1));
            }
            of_prefix.map(|(_, meaning)| *meaning).collect()
        };
        let kind = Kind {
            org_id: "tenant".into(),
            webhook_id: "webhook".into(),
            event_type: "event type".into(),
            outcome: "outcome",
            answer: "answer".into(),
        };
        let measurement = Measurement { kind, attempts: 4, milliseconds: 100, longest_milliseconds: 40 };
        let point: Value = serde_json::from_str(&json_text(&Point::of(&measurement))).unwrap();
        assert_eq!(point["indexes"], json!(meanings("index")));
        assert_eq!(point["blobs"], json!(meanings("blob")));
        assert_eq!(meanings("double"), ["attempts", "mean milliseconds", "longest milliseconds"]);
        assert_eq!(point["doubles"], json!([4, 25.0, 40]));
    }

    #[test]
    fn the_page_s_queries_name_no_other_column() {
        let documented: Vec<&str> = documented().into_iter().map(|(name, _)| name).collect();
        let words = PAGE.split(|character: char| !character.is_ascii_alphanumeric());
        let columns: Vec<&str> = words
            .filter(|word| {
                let name = word.trim_end_matches(|character: char| character.is_ascii_digit());
                name != *word && ["index", "blob", "double"].contains(&name)
            })
            .collect();
        assert!(columns.len() > documented.len(), "there are queries");
        assert!(columns.iter().all(|column| documented.contains(column)), "{columns:?}");
    }

    #[test]
    fn a_point_keeps_the_limits() {
        // The longest of each: an index has 96 bytes, all blobs 16 KB.
        let kind = Kind {
            org_id: "a".repeat(63),
            webhook_id: "a".repeat(36),
            event_type: "\u{1F511}".repeat(MAX_EVENT_TYPE_LENGTH),
            outcome: "delivered",
            answer: "connection failed".into(),
        };
        let measurement = Measurement::of_attempt(kind, 15_000);
        let Point { indexes, blobs, .. } = Point::of(&measurement);
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.len()).sum::<usize>();
        assert!(bytes(&indexes) <= 96 && bytes(&blobs) <= 16 * 1024);
    }
}
