//! The platform's rate limiter, which counts roughly, by Cloudflare location, and without a round trip of its own.

use async_trait::async_trait;
use edge::ports::RateLimiter;

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call};

/// A `[[ratelimits]]` binding, with its limit and period.
pub struct WorkerRateLimiter(Bound);

impl WorkerRateLimiter {
    /// The limiter bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "limit").map(Self)
    }
}

#[async_trait]
impl RateLimiter for WorkerRateLimiter {
    async fn allows(&self, key: &str) -> bool {
        // A limiter that fails is no reason to refuse anybody.
        Call::make(|call| glue::limit(call, self.0.place(), key)).await.code != 0
    }
}
