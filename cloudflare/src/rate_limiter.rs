//! The platform's rate limiter, which counts roughly, by Cloudflare location, and without a round trip of its own.

use async_trait::async_trait;
use edge::ports::RateLimiter;
use worker::send::SendFuture;

/// A `[[ratelimits]]` binding, with its limit and period.
pub struct WorkerRateLimiter(worker::RateLimiter);

impl WorkerRateLimiter {
    /// The limiter bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &worker::Env, name: &str) -> worker::Result<Self> {
        Ok(Self(env.rate_limiter(name)?))
    }
}

#[async_trait]
impl RateLimiter for WorkerRateLimiter {
    async fn allows(&self, key: &str) -> bool {
        match SendFuture::new(self.0.limit(key.to_owned())).await {
            Ok(outcome) => outcome.success,
            // A limiter that fails is no reason to refuse anybody.
            Err(_) => true,
        }
    }
}
