//! wrangler as a program runs it.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use crate::log::uncoloured;

/// Keeps wrangler from asking, colouring its output, and reporting to anybody; it logs into the folder `logs`.
pub fn quieten<'a>(command: &'a mut Command, logs: &Path) -> &'a mut Command {
    command
        .env("NO_COLOR", "1")
        .env("WRANGLER_HIDE_BANNER", "true")
        // A developer's `debug` would print more than the answer, and `error` not even the answer.
        .env("WRANGLER_LOG", "log")
        .env("WRANGLER_LOG_PATH", logs)
        .env("WRANGLER_NO_SKILLS_UPDATE_PROMPTS", "true")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_SEND_METRICS", "false")
}

/// Reads the JSON that wrangler printed: the first line on which a value of this type begins, up to that value's end. A notice, a
/// warning (`[WARNING]`) or colours may stand before it and after it.
///
/// # Errors
///
/// Fails where no line begins such a value.
pub fn json_in<T: DeserializeOwned>(printed: &str) -> Result<T> {
    let printed = uncoloured(printed);
    let starts = std::iter::once(0).chain(printed.match_indices('\n').map(|(end, _)| end + 1));
    let values = starts.filter_map(|start| printed.get(start..)).filter(|rest| rest.starts_with(['[', '{']));
    let mut read = values.map(|rest| T::deserialize(&mut serde_json::Deserializer::from_str(rest)));
    read.find_map(Result::ok).context("there is no such JSON in what wrangler printed")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn json_is_found_between_notices_warnings_and_colours() {
        let json = "[\n  {\n    \"name\": \"a\"\n  }\n]\n";
        let expected = json!([{"name": "a"}]);
        for printed in [
            json.to_owned(),
            format!("\n \u{26c5}\u{fe0f} wrangler 4.164.0 (update available 4.999.0)\n------\n{json}"),
            format!(
                "\u{1b}[33m\u{25b2} \u{1b}[43;33m[\u{1b}[43;30mWARNING\u{1b}[43;33m]\u{1b}[0m Processing [env]:\n[WARNING] old\n{json}"
            ),
            format!("{json}\nTo learn more, see [the docs].\n"),
        ] {
            assert_eq!(json_in::<Value>(&printed).unwrap(), expected, "{printed}");
        }
        for printed in ["", "[WARNING] nothing\n", "no [] here\n", "[{\"name\":"] {
            assert!(json_in::<Value>(printed).is_err(), "{printed}");
        }
    }
}
