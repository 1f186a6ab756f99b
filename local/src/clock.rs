//! The clock of what runs natively. The Workers take theirs as an argument; a tool that waits for processes needs none.
use std::time::{Duration, Instant};

/// The monotonic time.
#[allow(
    clippy::disallowed_methods,
    reason = "the rule is for the Workers; this runs natively and only measures waiting"
)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
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
