//! The log.

use serde::Serialize;
use serde_json::Value;

use crate::text::json_text;

/// One structured log line at a time.
pub trait Log: Send + Sync {
    /// Writes one line, the text of a JSON object. The fields hold no secret and no body.
    fn write_text(&self, text: String);

    /// Writes one line.
    fn write(&self, line: Value) {
        self.write_text(json_text(&line));
    }

    /// Writes the line of an attempt.
    fn write_attempt(&self, line: &AttemptLine<'_>) {
        self.write_text(line.text());
    }
}

/// What the log says of an attempt. Nothing here is a secret, or an endpoint's word that may hold one.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "message", rename = "attempt", rename_all = "camelCase")]
pub struct AttemptLine<'a> {
    /// The tenant.
    pub org_id: &'a str,
    /// The webhook.
    pub webhook_id: &'a str,
    /// The event.
    pub event_id: &'a str,
    /// The envelope's `detail-type`.
    pub event_type: &'a str,
    /// 1 for the first attempt of the delivery.
    pub attempt: u32,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The fault of a failed attempt, as the delivery log has it.
    pub error: Option<&'a str>,
    /// How long the exchange took.
    pub milliseconds: u64,
    /// What became of the delivery: `delivered`, `retry`, `failed` or `dead`.
    pub outcome: &'a str,
}

impl AttemptLine<'_> {
    /// The line. Nothing in it can fail to be written as JSON.
    pub fn text(&self) -> String {
        json_text(self)
    }
}
