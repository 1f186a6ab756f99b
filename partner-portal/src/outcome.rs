//! Waiting for what comes of an action, so that a page shows the result.

use std::time::Duration;

use shared::ports::Clock;

use crate::admin_client::AdminFault;

/// The time that an action waits for its outcome, at most.
pub const LONGEST: Duration = Duration::from_secs(3);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(400);

/// Looks until `is_over` says that the outcome is there, for [`LONGEST`] at most. Returns what the last look found; `None`
/// if no look found anything, since the action itself was accepted before.
pub async fn wait_for<T, L>(
    clock: &dyn Clock,
    mut look: impl FnMut() -> L,
    is_over: impl Fn(&T) -> bool,
) -> Option<T>
where
    L: Future<Output = Result<T, AdminFault>>,
{
    let began = clock.now();
    let mut seen = None;
    while clock.now().since(began) + PAUSE <= LONGEST {
        clock.sleep(PAUSE).await;
        if let Ok(found) = look().await {
            let over = is_over(&found);
            seen = Some(found);
            if over {
                break;
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use shared::testing::FakeClock;

    use super::*;

    #[test]
    fn the_wait_ends_with_the_outcome_or_after_three_seconds() {
        let clock = FakeClock::default();
        let began = clock.now();
        for (enough, seen, seconds) in [(3, Some(3), 1.2), (100, Some(7), 2.8)] {
            let began = clock.now();
            let looks = Cell::new(0);
            let look = || {
                looks.set(looks.get() + 1);
                std::future::ready(Ok(looks.get()))
            };
            let found = clock.drive(wait_for(&clock, look, |count| *count == enough)).unwrap();
            assert_eq!((found, clock.now().since(began)), (seen, Duration::from_secs_f64(seconds)));
        }
        let failing = || std::future::ready(Err::<u32, _>(AdminFault::Unavailable("down".into())));
        assert_eq!(clock.drive(wait_for(&clock, failing, |_| true)).unwrap(), None);
        assert!(clock.now().since(began) < Duration::from_secs(8));
    }
}
