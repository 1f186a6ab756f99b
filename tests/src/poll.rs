//! Waiting for what will be so in a moment.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);
/// Long enough for anything but backoff and time-outs, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Now, for measuring.
#[allow(clippy::disallowed_methods, reason = "the rule is for the Workers; tests measure real time")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Looks until there is something, and gives it back.
///
/// # Panics
/// Naming what was waited for, once `limit` has passed.
pub async fn eventually<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(now() < deadline, "{what}: not within {limit:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
