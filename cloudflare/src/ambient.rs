//! Clock, randomness and console. No other file of the Workers reads the runtime's clock or draws from its randomness:
//! `clippy.toml` bans the functions that would.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use shared::ports::{Clock, Log, Random};
use shared::text::printable_json;
use shared::time::Timestamp;

use crate::glue::{self, Call};

/// `Date.now()`. On Workers it stands still between two I/O operations, so each of those brings the time along.
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::cast_possible_truncation, reason = "milliseconds until the year 9999 fit")]
        Timestamp::from_milliseconds(glue::last_time() as i64)
    }

    async fn sleep(&self, duration: Duration) {
        Call::sleeping(duration.as_secs_f64() * 1000.0).await;
    }
}

/// `crypto.getRandomValues()`.
pub struct WebRandom;

impl Random for WebRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // WebCrypto has no way to fail here: the quota of 65,536 bytes is never reached.
        glue::random(bytes);
    }
}

/// `console.log()`, one line of JSON, which Workers Logs indexes by field.
pub struct ConsoleLog;

impl Log for ConsoleLog {
    fn write(&self, line: Value) {
        glue::log(&printable_json(&line.to_string()));
    }
}
