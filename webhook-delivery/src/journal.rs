//! The log lines of one invocation. The platform keeps 256 KB of an invocation's lines and drops the rest without a word, so
//! they are written at its end: the line about the batch first, one line for all that was delivered at the first attempt,
//! then the others as far as they fit. Errors are written at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use shared::ports::Log;

/// Bytes of lines in an invocation: below the platform's 256 KB, for what the platform adds to each line.
const ROOM: usize = 200_000;
/// Bytes of event ids in one line.
const ROOM_OF_A_LINE: usize = 50_000;

/// Gathers lines. Clones gather together.
#[derive(Clone)]
pub struct Journal {
    log: Arc<dyn Log>,
    gathered: Arc<Mutex<Gathered>>,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<Value>,
    /// What was delivered at the first attempt: by tenant and webhook the events, and the longest exchange.
    delivered: BTreeMap<(String, String), (Vec<Value>, u64)>,
    written: usize,
}

impl Journal {
    /// An empty journal that writes to `log`.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, gathered: Arc::default() }
    }

    /// Writes everything, this line first.
    pub fn close(&self, first: Value) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let Gathered { lines, delivered, written } = std::mem::take(&mut *gathered);
        let mut room = ROOM.saturating_sub(written);
        let mut left_out = 0_u32;
        for line in std::iter::once(first).chain(delivered_lines(delivered)).chain(lines) {
            let length = line.to_string().len();
            if length <= room {
                room -= length;
                self.log.write(line);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            self.log.write(json!({"message": "lines left out", "lines": left_out}));
        }
    }
}

/// Whether this line says no more than that an event was delivered at the first attempt.
fn is_plain(line: &Value) -> bool {
    line["message"] == "attempt" && line["outcome"] == "delivered" && line["attempt"] == 1
}

fn delivered_lines(delivered: BTreeMap<(String, String), (Vec<Value>, u64)>) -> Vec<Value> {
    let mut lines: Vec<Vec<Value>> = Vec::new();
    let mut length = ROOM_OF_A_LINE;
    for ((org_id, webhook_id), (events, longest)) in delivered {
        // An event id has at most 128 characters.
        for events in events.chunks(300) {
            let entry = json!({
                "orgId": org_id, "webhookId": webhook_id, "longestMilliseconds": longest, "eventIds": events,
            });
            let added = entry.to_string().len();
            if length + added > ROOM_OF_A_LINE {
                lines.push(Vec::new());
                length = 0;
            }
            length += added;
            if let Some(line) = lines.last_mut() {
                line.push(entry);
            }
        }
    }
    let count = |line: &Vec<Value>| {
        line.iter().filter_map(|entry| entry["eventIds"].as_array()).map(Vec::len).sum::<usize>()
    };
    let line =
        |line: Vec<Value>| json!({"message": "delivered", "deliveries": count(&line), "webhooks": line});
    lines.into_iter().map(line).collect()
}

impl Log for Journal {
    fn write(&self, line: Value) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if line["level"] == "error" {
            gathered.written += line.to_string().len();
            self.log.write(line);
        } else if is_plain(&line) {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let entry = gathered.delivered.entry((text("orgId"), text("webhookId"))).or_default();
            entry.1 = entry.1.max(line["milliseconds"].as_u64().unwrap_or_default());
            entry.0.push(line["eventId"].clone());
        } else {
            gathered.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::testing::MemoryLog;

    use super::*;

    fn attempt(webhook: u32, event: u32, outcome: &str) -> Value {
        json!({
            "message": "attempt", "orgId": "acme-corp", "webhookId": format!("00000000-0000-0000-0000-{webhook:012}"),
            "eventId": format!("7bf73129-1428-4cd3-a780-{event:012}"), "eventType": "KeyAdded", "attempt": 1, "status": 200,
            "error": null, "milliseconds": event, "outcome": outcome,
        })
    }

    fn written(lines: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let log = Arc::new(MemoryLog::default());
        let journal = Journal::new(log.clone());
        lines.into_iter().for_each(|line| journal.write(line));
        journal.close(json!({"message": "batch"}));
        log.lines()
    }

    #[test]
    fn the_batch_comes_first_then_one_line_for_what_was_delivered_then_the_rest() {
        let late = json!({"message": "attempt", "outcome": "delivered", "attempt": 3, "eventId": "e"});
        let error = json!({"message": "outcomes not written", "level": "error"});
        let lines = [
            attempt(1, 5, "delivered"),
            attempt(1, 7, "retry"),
            late.clone(),
            error.clone(),
            attempt(1, 6, "delivered"),
        ];
        let delivered = json!({
            "message": "delivered", "deliveries": 2, "webhooks": [{
                "orgId": "acme-corp", "webhookId": "00000000-0000-0000-0000-000000000001", "longestMilliseconds": 6,
                "eventIds": ["7bf73129-1428-4cd3-a780-000000000005", "7bf73129-1428-4cd3-a780-000000000006"],
            }],
        });
        let expected = [error, json!({"message": "batch"}), delivered, attempt(1, 7, "retry"), late];
        assert_eq!(written(lines), expected);
    }

    #[test]
    fn two_thousand_attempts_fit_what_the_platform_keeps_and_what_does_not_is_counted() {
        let delivered = written((0..2_000).map(|event| attempt(event % 20, event, "delivered")));
        let listed: u64 = delivered.iter().filter_map(|line| line["deliveries"].as_u64()).sum();
        assert_eq!((listed, delivered[0]["message"].as_str()), (2_000, Some("batch")));
        let failed = written((0..2_000).map(|event| attempt(event % 20, event, "retry")));
        assert_eq!(failed[0]["message"], "batch");
        let last = failed.last().unwrap();
        assert_eq!(
            (last["message"].as_str(), last["lines"].as_u64()),
            (Some("lines left out"), Some(2_002 - failed.len() as u64))
        );
        for lines in [delivered, failed] {
            let length: usize = lines.iter().map(|line| line.to_string().len()).sum();
            assert!(length < 256 * 1024, "{length}");
        }
    }
}
