//! The log lines of one invocation. The platform keeps 256 KB of an invocation's lines and drops the rest without a word, so
//! they are written at its end: the line about the batch first, one line for all that was delivered at the first attempt,
//! then the others as far as they fit. Errors are written at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use shared::ports::{AttemptLine, Log};
use shared::text::json_text;

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
    lines: Vec<String>,
    /// What was delivered at the first attempt, by tenant and webhook.
    delivered: BTreeMap<(String, String), Delivered>,
    written: usize,
}

/// The events that a webhook got, and how long the longest exchange took.
#[derive(Default)]
struct Delivered {
    event_ids: Vec<String>,
    longest_milliseconds: u64,
}

impl Journal {
    /// An empty journal that writes to `log`.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, gathered: Arc::default() }
    }

    /// Writes everything, this line first.
    pub fn close(&self, first: &Value) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let Gathered { lines, delivered, written } = std::mem::take(&mut *gathered);
        let mut room = ROOM.saturating_sub(written);
        let mut left_out = 0_u32;
        for line in std::iter::once(json_text(first)).chain(delivered_lines(delivered)).chain(lines) {
            if line.len() <= room {
                room -= line.len();
                self.log.write_text(line);
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            self.log.write(json!({"message": "lines left out", "lines": left_out}));
        }
    }
}

/// The events that a webhook got, as a line has them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    org_id: &'a str,
    webhook_id: &'a str,
    longest_milliseconds: u64,
    event_ids: &'a [String],
}

fn delivered_lines(delivered: BTreeMap<(String, String), Delivered>) -> Vec<String> {
    // Of each line, how many deliveries there are, and the entries of their webhooks.
    let mut lines: Vec<(usize, String)> = Vec::new();
    for ((org_id, webhook_id), Delivered { event_ids, longest_milliseconds }) in delivered {
        // An event id has at most 128 characters.
        for event_ids in event_ids.chunks(300) {
            let entry = json_text(&Entry {
                org_id: &org_id,
                webhook_id: &webhook_id,
                longest_milliseconds,
                event_ids,
            });
            match lines.last_mut() {
                Some((count, entries)) if entries.len() + entry.len() < ROOM_OF_A_LINE => {
                    *count += event_ids.len();
                    entries.push(',');
                    entries.push_str(&entry);
                }
                Some(_) | None => lines.push((event_ids.len(), entry)),
            }
        }
    }
    let line = |(count, entries)| {
        format!(r#"{{"message":"delivered","deliveries":{count},"webhooks":[{entries}]}}"#)
    };
    lines.into_iter().map(line).collect()
}

impl Log for Journal {
    fn write_text(&self, text: String) {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).lines.push(text);
    }

    fn write(&self, line: Value) {
        let text = json_text(&line);
        if line["level"] == "error" {
            self.gathered.lock().unwrap_or_else(PoisonError::into_inner).written += text.len();
            self.log.write_text(text);
        } else {
            self.write_text(text);
        }
    }

    fn write_attempt(&self, line: &AttemptLine<'_>) {
        if line.outcome != "delivered" || line.attempt != 1 {
            return self.write_text(line.text());
        }
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let webhook = (line.org_id.to_owned(), line.webhook_id.to_owned());
        let delivered = gathered.delivered.entry(webhook).or_default();
        delivered.longest_milliseconds = delivered.longest_milliseconds.max(line.milliseconds);
        delivered.event_ids.push(line.event_id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use shared::testing::MemoryLog;

    use super::*;

    /// Writes the line of an attempt.
    fn attempt(journal: &dyn Log, (webhook, event, attempt): (u32, u32, u32), outcome: &str) {
        journal.write_attempt(&AttemptLine {
            org_id: "acme-corp",
            webhook_id: &format!("00000000-0000-0000-0000-{webhook:012}"),
            event_id: &format!("7bf73129-1428-4cd3-a780-{event:012}"),
            event_type: "KeyAdded",
            attempt,
            status: Some(200),
            error: None,
            milliseconds: event.into(),
            outcome,
        });
    }

    /// The lines of a journal that `write` writes to.
    fn written(write: impl FnOnce(&Journal)) -> Vec<Value> {
        let log = Arc::new(MemoryLog::default());
        let journal = Journal::new(log.clone());
        write(&journal);
        journal.close(&json!({"message": "batch"}));
        log.lines()
    }

    #[test]
    fn the_batch_comes_first_then_one_line_for_what_was_delivered_then_the_rest() {
        let lines = written(|journal| {
            attempt(journal, (1, 5, 1), "delivered");
            attempt(journal, (1, 7, 1), "retry");
            attempt(journal, (1, 8, 3), "delivered");
            journal.write(json!({"message": "outcomes not written", "level": "error"}));
            attempt(journal, (1, 6, 1), "delivered");
        });
        let of_attempt = |event: u32, attempt, outcome| {
            json!({
                "message": "attempt", "orgId": "acme-corp", "webhookId": "00000000-0000-0000-0000-000000000001",
                "eventId": format!("7bf73129-1428-4cd3-a780-{event:012}"), "eventType": "KeyAdded", "attempt": attempt,
                "status": 200, "error": null, "milliseconds": event, "outcome": outcome,
            })
        };
        let expected = [
            json!({"message": "outcomes not written", "level": "error"}),
            json!({"message": "batch"}),
            json!({
                "message": "delivered", "deliveries": 2, "webhooks": [{
                    "orgId": "acme-corp", "webhookId": "00000000-0000-0000-0000-000000000001", "longestMilliseconds": 6,
                    "eventIds": ["7bf73129-1428-4cd3-a780-000000000005", "7bf73129-1428-4cd3-a780-000000000006"],
                }],
            }),
            of_attempt(7, 1, "retry"),
            of_attempt(8, 3, "delivered"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn two_thousand_attempts_fit_what_the_platform_keeps_and_what_does_not_is_counted() {
        let of_outcome = |outcome| {
            written(|journal| (0..2_000).for_each(|event| attempt(journal, (event % 20, event, 1), outcome)))
        };
        let delivered = of_outcome("delivered");
        let listed: u64 = delivered.iter().filter_map(|line| line["deliveries"].as_u64()).sum();
        assert_eq!((listed, delivered[0]["message"].as_str()), (2_000, Some("batch")));
        let failed = of_outcome("retry");
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
