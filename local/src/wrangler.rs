//! wrangler as a program runs it.
use std::path::Path;
use std::process::Command;

/// Keeps wrangler from asking, colouring its output, and reporting to anybody; it logs into the folder `logs`.
pub fn quieten<'a>(command: &'a mut Command, logs: &Path) -> &'a mut Command {
    command
        .env("NO_COLOR", "1")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_LOG_PATH", logs)
        .env("WRANGLER_NO_SKILLS_UPDATE_PROMPTS", "true")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_SEND_METRICS", "false")
}
