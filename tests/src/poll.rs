//! Waiting for what will be so in a moment.

use std::time::Duration;

use local::clock::now;

/// Between two calls of `look`.
const PAUSE: Duration = Duration::from_millis(25);
/// Long enough for anything but backoff and time-outs, on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Calls `look` until it returns a value.
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
