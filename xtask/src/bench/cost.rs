//! The costs of our operations that do not depend on the machine: D1 round trips and rows written, from our own log lines.
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

/// Which log lines tell an operation's cost.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counted {
    /// The lines of requests.
    Requests,
    /// The lines of whole batches of events, and of their attempts.
    Batches,
}

/// The mean cost of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    /// Per request, or per batch.
    pub(super) d1_round_trips: f64,
    /// Per request, or per delivery.
    pub(super) d1_rows_written: f64,
    /// Per request, or per batch.
    pub(super) d1_rows_read: f64,
}

/// The part of the stack's log file that is written from now on.
pub(super) struct LogTail {
    path: PathBuf,
    start: usize,
}

impl LogTail {
    pub(super) fn of(path: PathBuf) -> Self {
        let start = fs::metadata(&path).map_or(0, |metadata| usize::try_from(metadata.len()).unwrap_or(0));
        Self { path, start }
    }

    /// The cost that the lines written by now tell; `None` where there is no such line.
    pub(super) fn cost(&self, counted: Counted) -> Option<Cost> {
        let text = fs::read(&self.path).unwrap_or_default();
        cost(&String::from_utf8_lossy(text.get(self.start..).unwrap_or_default()), counted)
    }
}

fn cost(log: &str, counted: Counted) -> Option<Cost> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let (mut calls, mut deliveries, mut round_trips, mut rows, mut read) = (0, 0, 0, 0, 0);
    for line in lines {
        let counts = match (counted, line["message"].as_str()) {
            (Counted::Requests, Some("request")) => true,
            (Counted::Batches, Some("batch")) => line["queue"] == "webhook-events",
            (Counted::Batches, Some("delivered")) => {
                deliveries += line["deliveries"].as_u64().unwrap_or_default();
                false
            }
            (Counted::Batches, Some("attempt")) => {
                deliveries += 1;
                false
            }
            _ => false,
        };
        if counts {
            calls += 1;
            round_trips += line["d1RoundTrips"].as_u64().unwrap_or_default();
            rows += line["d1RowsWritten"].as_u64().unwrap_or_default();
            read += line["d1RowsRead"].as_u64().unwrap_or_default();
        }
    }
    let written_for = if matches!(counted, Counted::Batches) { deliveries } else { calls };
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let mean = |sum: u64, of: u64| (of > 0).then(|| sum as f64 / of as f64);
    Some(Cost {
        d1_round_trips: mean(round_trips, calls)?,
        d1_rows_written: mean(rows, written_for)?,
        d1_rows_read: mean(read, calls)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"message":"request","path":"/tenants/a","d1RoundTrips":1,"d1RowsRead":2,"d1RowsWritten":0}
{"message":"request","path":"/tenants/a","d1RoundTrips":2,"d1RowsRead":4,"d1RowsWritten":0}
{"message":"delivered","deliveries":1}
{"message":"attempt","outcome":"retry"}
{"message":"batch","queue":"webhook-events","d1RoundTrips":2,"d1RowsRead":7,"d1RowsWritten":4}
{"message":"batch","queue":"webhook-retries","d1RoundTrips":9,"d1RowsWritten":9}
no JSON"#;

    #[test]
    fn requests_are_counted() {
        let requests = cost(LOG, Counted::Requests);
        assert_eq!(requests, Some(Cost { d1_round_trips: 1.5, d1_rows_written: 0.0, d1_rows_read: 3.0 }));
        assert_eq!(cost("no JSON", Counted::Requests), None);
    }

    #[test]
    fn rows_are_counted_by_delivery_and_round_trips_by_batch() {
        assert_eq!(
            cost(LOG, Counted::Batches),
            Some(Cost { d1_round_trips: 2.0, d1_rows_written: 2.0, d1_rows_read: 7.0 })
        );
    }
}
