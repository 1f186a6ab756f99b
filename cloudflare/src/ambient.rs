//! Clock, randomness and console. No other file of the Workers reads the runtime's clock or draws from its randomness:
//! `clippy.toml` bans the functions that would.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use shared::ports::{Clock, Log, Random};
use shared::text::printable_json;
use shared::time::Timestamp;
use worker::Delay;
use worker::send::SendFuture;

/// `Date.now()`. On Workers it stands still between two I/O operations.
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the runtime's clock")]
    fn now(&self) -> Timestamp {
        #[allow(clippy::cast_possible_truncation, reason = "milliseconds until the year 9999 fit")]
        Timestamp::from_milliseconds(js_sys::Date::now() as i64)
    }

    async fn sleep(&self, duration: Duration) {
        SendFuture::new(Delay::from(duration)).await;
    }
}

/// `crypto.getRandomValues()`.
pub struct WebRandom;

impl Random for WebRandom {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that draws from the runtime's randomness"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        // WebCrypto has no way to fail here: the quota of 65,536 bytes is never reached.
        let filled = getrandom::fill(bytes);
        debug_assert!(filled.is_ok());
    }
}

/// `console.log()`, one line of JSON, which Workers Logs indexes by field.
pub struct ConsoleLog;

impl Log for ConsoleLog {
    fn write(&self, line: Value) {
        worker::console_log!("{}", printable_json(&line.to_string()));
    }
}
