//! Time that passes when everybody waits.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::Clock;
use crate::time::Timestamp;

/// A clock that stands until it is moved, or until all that [`FakeClock::drive`] drives is waiting: then it jumps to the
/// end of the shortest wait.
pub struct FakeClock {
    now: AtomicI64,
    waits: AtomicU64,
    waiting: Mutex<BTreeMap<(i64, u64), Waker>>,
}

impl Default for FakeClock {
    /// 2026-04-02T10:00:00.000Z
    fn default() -> Self {
        Self { now: AtomicI64::new(1_775_124_000_000), waits: AtomicU64::new(0), waiting: Mutex::default() }
    }
}

impl FakeClock {
    /// Moves it ahead.
    pub fn advance(&self, duration: Duration) {
        self.now.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Moves it to this instant.
    pub fn set(&self, time: Timestamp) {
        self.now.store(time.milliseconds(), Ordering::Relaxed);
    }

    /// Drives a future to its end, letting time pass whenever nothing else happens. `None` where nothing will ever wake
    /// it again: a consumer that died.
    pub fn drive<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(output);
            }
            if !woken.0.swap(false, Ordering::Relaxed) && !self.pass() {
                return None;
            }
        }
    }

    /// Jumps to the end of the shortest wait; `false` where nobody waits.
    fn pass(&self) -> bool {
        let Some(((end, _), waker)) = self.waiting.lock().unwrap().pop_first() else { return false };
        self.now.fetch_max(end, Ordering::Relaxed);
        waker.wake();
        true
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A wait until an instant. Dropped, nobody waits for it any more.
struct Wait<'a> {
    clock: &'a FakeClock,
    place: (i64, u64),
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now.load(Ordering::Relaxed) >= self.place.0 {
            return Poll::Ready(());
        }
        self.clock.waiting.lock().unwrap().insert(self.place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.clock.waiting.lock().unwrap().remove(&self.place);
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.now.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now().plus(duration).milliseconds();
        let place = (end, self.waits.fetch_add(1, Ordering::Relaxed));
        Wait { clock: self, place }.await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{Either, join, select};

    use super::*;

    #[test]
    fn time_passes_as_far_as_somebody_waits_for_it() {
        let clock = FakeClock::default();
        let began = clock.now();
        let seconds = Duration::from_secs;
        let both = clock.drive(join(clock.sleep(seconds(20)), clock.sleep(seconds(3))));
        assert_eq!((both, clock.now().since(began)), (Some(((), ())), seconds(20)));
        let (long, short) = (pin!(clock.sleep(seconds(60))), pin!(clock.sleep(seconds(1))));
        assert!(matches!(clock.drive(select(long, short)), Some(Either::Right(_))));
        assert_eq!(clock.now().since(began), seconds(21));
        assert_eq!(clock.drive(std::future::pending::<()>()), None);
    }
}
