//! A clock whose waits are over at once, with all that Queues would have done meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use shared::ports::Clock;
use shared::testing::{Fixture, Simulation};
use shared::time::Timestamp;

/// The portal's clock.
pub(crate) struct PassingClock {
    tenants: Arc<Fixture>,
    works: AtomicBool,
}

impl PassingClock {
    pub(crate) fn new(tenants: Arc<Fixture>) -> Self {
        Self { tenants, works: AtomicBool::new(false) }
    }

    /// Has deliveries made while the portal waits, from now on or no longer.
    pub(crate) fn set_courier_works(&self, works: bool) {
        self.works.store(works, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for PassingClock {
    fn now(&self) -> Timestamp {
        self.tenants.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now().plus(duration);
        if self.works.load(Ordering::Relaxed) {
            let _ = Simulation::new(&self.tenants).run(duration).now_or_never();
        }
        if self.now() < end {
            self.tenants.clock.set(end);
        }
    }
}
