//! A rate limiter that tests can steer and look into.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use crate::ports::RateLimiter;

/// A rate limiter that counts, and allows as much as a test says; by default everything.
#[derive(Default)]
pub struct MemoryRateLimiter {
    counts: Mutex<BTreeMap<String, u32>>,
    most: Mutex<Option<u32>>,
}

impl MemoryRateLimiter {
    /// Allows so many requests of each key from now on, and begins to count anew.
    pub fn allow(&self, most: u32) {
        *self.most.lock().unwrap() = Some(most);
        self.counts.lock().unwrap().clear();
    }

    /// How many requests were counted, by key.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.counts.lock().unwrap().clone()
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn allows(&self, key: &str) -> bool {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(key.to_owned()).or_default();
        *count += 1;
        self.most.lock().unwrap().is_none_or(|most| *count <= most)
    }
}
