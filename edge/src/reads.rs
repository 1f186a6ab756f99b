//! Lets the many reads of a busy second share lines of the log: one line costs as much as a twentieth of a read.

use std::sync::{Mutex, PoisonError};

use shared::time::Timestamp;

/// The most reads of a second that have a line each.
pub const LINES_A_SECOND: u64 = 100;
/// The most reads that share a line.
pub const READS_A_LINE: usize = 50;

const SECOND: i64 = 1_000;

/// The lines of an isolate's reads that went well. What waits when the isolate ends is lost: at most [`READS_A_LINE`] lines, of
/// requests that changed nothing.
#[derive(Debug, Default)]
pub struct Reads(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// The second of the last read, since 1970.
    second: i64,
    /// The reads in it.
    reads: u64,
    /// The JSON of the reads that wait.
    lines: Vec<String>,
}

impl Reads {
    /// Takes the line of one more read, a JSON object, after [`Self::take_overdue`]. Returns the line to write now, if there is any.
    pub fn take(&self, line: String, now: Timestamp) -> Option<String> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.milliseconds() / SECOND;
        if second != waiting.second {
            (waiting.second, waiting.reads) = (second, 0);
        }
        waiting.reads += 1;
        if waiting.reads <= LINES_A_SECOND {
            return Some(line);
        }
        waiting.lines.push(line);
        (waiting.lines.len() >= READS_A_LINE).then(|| waiting.together())
    }

    /// The line of what waits since an earlier second, if there is any.
    pub fn take_overdue(&self, now: Timestamp) -> Option<String> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let overdue = !waiting.lines.is_empty() && now.milliseconds() / SECOND != waiting.second;
        overdue.then(|| waiting.together())
    }
}

impl Waiting {
    fn together(&mut self) -> String {
        format!(r#"{{"message":"requests","requests":[{}]}}"#, std::mem::take(&mut self.lines).join(","))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_milliseconds(second * SECOND + 7)
    }

    /// The lines that this many reads of a second lead to.
    fn written(reads: &Reads, second: i64, count: u64) -> Vec<Value> {
        let lines = (0..count).flat_map(|read| {
            [reads.take_overdue(at(second)), reads.take(json!({"read": read}).to_string(), at(second))]
        });
        lines.flatten().map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    #[test]
    fn a_quiet_second_has_a_line_for_each_read() {
        let reads = Reads::default();
        for second in [5, 6] {
            assert_eq!(written(&reads, second, LINES_A_SECOND).len() as u64, LINES_A_SECOND);
        }
        assert_eq!(reads.take_overdue(at(7)), None);
    }

    #[test]
    fn the_further_reads_of_a_busy_second_share_lines_and_none_is_left_out() {
        let reads = Reads::default();
        let together = |line: &Value| line["requests"].as_array().map_or(0, Vec::len);
        let busy = written(&reads, 5, LINES_A_SECOND + 120);
        assert_eq!(busy.iter().map(together).sum::<usize>(), 100);
        assert_eq!(busy.len() as u64, LINES_A_SECOND + 2);
        assert_eq!(reads.take_overdue(at(5)), None);
        let next = written(&reads, 6, 2);
        assert_eq!(next[0]["requests"].as_array().unwrap().len(), 20);
        assert_eq!(next[1..], [json!({"read": 0}), json!({"read": 1})]);
    }

    #[test]
    fn what_waits_is_written_with_whatever_comes_next() {
        let reads = Reads::default();
        written(&reads, 5, LINES_A_SECOND + 3);
        let line: Value = serde_json::from_str(&reads.take_overdue(at(9)).unwrap()).unwrap();
        assert_eq!(
            line,
            json!({"message": "requests", "requests": [{"read": 100}, {"read": 101}, {"read": 102}]})
        );
        assert_eq!(reads.take_overdue(at(9)), None);
    }
}
