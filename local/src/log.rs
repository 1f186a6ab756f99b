//! What a stack's processes print, made readable.
use std::fs;
use std::path::Path;

use serde_json::Value;
use shared::text::Printable;

/// Beginnings of lines that wrangler prints at every start and reload, and nobody needs twice.
const NOISE: [&str; 14] = [
    "⎔",
    "env.",
    "Binding ",
    "Using secrets defined in",
    "Service bindings, Durable Object bindings",
    "Ready on ",
    "Updated and ready on ",
    "OpenID provider on ",
    "Scheduled Workers are not automatically triggered",
    "To manually trigger a scheduled event",
    "curl \"http://127.0.0.1",
    "For more details, see",
    "GET /health 200",
    "POST /cron 200",
];

/// A line of the log for the terminal, or `None` for noise. A structured line becomes
/// `worker level message key=value …`.
pub(crate) fn readable(line: &str) -> Option<String> {
    let text = line.trim();
    let text = text.strip_prefix("▲ [WARNING] ").unwrap_or(text);
    let text = text.strip_prefix("[wrangler:info] ").unwrap_or(text);
    if text.is_empty()
        || text.ends_with("has access to the following bindings:")
        || NOISE.iter().any(|noise| text.starts_with(noise))
    {
        return None;
    }
    // `[webhook-delivery] {"level":…}`: wrangler says which Worker it was.
    let (worker, logged) =
        text.split_once("] ").map_or(("", text), |(start, rest)| (start.trim_start_matches('['), rest));
    let Ok(Value::Object(mut fields)) = serde_json::from_str(logged) else {
        return Some(text.to_owned());
    };
    let mut words: Vec<String> =
        Some(worker.to_owned()).filter(|name| !name.is_empty()).into_iter().collect();
    for key in ["level", "message"] {
        words.extend(fields.remove(key).map(|value| plain(&value)));
    }
    words.extend(fields.iter().map(|(key, value)| format!("{key}={}", plain(value))));
    // The texts were JSON, where an escape is what it stands for only here.
    Some(Printable::from(words.join("  ")).to_string())
}

/// A line that a process printed, for the log and the terminal: without its colours, and without whatever in it could begin
/// another line, move the cursor or hide text.
pub(crate) fn printable(raw: &[u8]) -> String {
    Printable::from(uncoloured(String::from_utf8_lossy(raw).trim_end())).to_string()
}

/// Text without the escape sequences that colour it on a terminal.
#[must_use]
pub fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        plain.push_str(part.get(end..).unwrap_or_default());
    }
    plain
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| readable(line).is_some()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_left_out() {
        assert_eq!(readable("env.DATABASE (tenants)    D1 Database   local"), None);
        assert_eq!(readable("gateway has access to the following bindings:"), None);
        assert_eq!(readable("  "), None);
    }

    #[test]
    fn colours_are_taken_away() {
        assert_eq!(uncoloured("\u{1b}[33m▲ \u{1b}[43;33m[\u{1b}[0mWARNING"), "▲ [WARNING");
        assert_eq!(uncoloured("plain"), "plain");
    }

    #[test]
    fn words_from_outside_stay_in_their_line() {
        let printed = printable("a\rb\u{9b}2J\u{202e}c\u{7} \u{1b}[31md\u{1b}]0;title\n".as_bytes());
        assert_eq!(printed, "a b\u{fffd}2J\u{fffd}c\u{fffd} d\u{fffd}]0;title");
        let line = r#"[webhook-delivery] {"message":"attempt","level":"info","error":"x\n[admin-api]  error\u001b[2J\u202e\u200b","\u000ak":{"a":"\u009b"}}"#;
        let shown = readable(line).unwrap();
        assert!(shown.chars().all(shared::text::is_printable), "{shown}");
        assert!(shown.contains("error=x [admin-api]  error\u{fffd}[2J"), "{shown}");
    }

    #[test]
    fn requests_and_structured_lines_are_readable() {
        assert_eq!(
            readable("[wrangler:info] POST /events 202 Accepted (3ms)").unwrap(),
            "POST /events 202 Accepted (3ms)"
        );
        let line =
            r#"[webhook-delivery] {"message":"delivered","level":"info","orgId":"acme-corp","attempts":3}"#;
        assert_eq!(readable(line).unwrap(), "webhook-delivery  info  delivered  attempts=3  orgId=acme-corp");
    }
}
