//! The clock of what runs natively. The Workers take theirs as an argument; a tool that waits for processes needs none.
use std::time::{Duration, Instant, SystemTime};

/// The monotonic time.
#[allow(
    clippy::disallowed_methods,
    reason = "the rule is for the Workers; this runs natively and only measures waiting"
)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day, in milliseconds since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "this runs natively, and tells a vendor which time a question is about"
)]
#[must_use]
pub fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Calls `ready` every `pause` until it returns a value or `limit` has passed.
pub fn wait_until<T>(limit: Duration, pause: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if now() >= deadline {
            return None;
        }
        std::thread::sleep(pause);
    }
}
