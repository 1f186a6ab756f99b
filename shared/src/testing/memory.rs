//! Clock, randomness, queue, store and log that tests can steer and look into.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::delivery::measurement::Measurement;
use crate::ports::{
    BodyStore, Log, Metrics, MetricsError, Queue, QueueError, QueuedMessage, Random, RateLimiter, StoreError,
};

/// The same bytes for the same seed (SplitMix64).
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A function that fills slices, as domain functions take it.
    pub fn source(&self) -> impl FnMut(&mut [u8]) + '_ {
        |bytes| self.fill(bytes)
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self
                .0
                .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
                .wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A queue that keeps what it was sent.
#[derive(Default)]
pub struct MemoryQueue {
    messages: Mutex<Vec<QueuedMessage>>,
    refusing: Mutex<bool>,
}

impl MemoryQueue {
    /// Everything sent since the last call.
    pub fn take(&self) -> Vec<QueuedMessage> {
        std::mem::take(&mut self.messages.lock().unwrap())
    }

    /// Whether it refuses from now on.
    pub fn refuse(&self, refusing: bool) {
        *self.refusing.lock().unwrap() = refusing;
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, messages: Vec<QueuedMessage>) -> Result<(), QueueError> {
        if *self.refusing.lock().unwrap() {
            return Err(QueueError("refused".into()));
        }
        self.messages.lock().unwrap().extend(messages);
        Ok(())
    }
}

/// A key-value store.
#[derive(Default)]
pub struct MemoryStore {
    values: Mutex<BTreeMap<String, String>>,
    failing: Mutex<bool>,
}

impl MemoryStore {
    /// Whether every call fails from now on.
    pub fn fail(&self, failing: bool) {
        *self.failing.lock().unwrap() = failing;
    }

    /// Every key and value as one text.
    pub fn dump(&self) -> String {
        format!("{:?}", self.values.lock().unwrap())
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.values.lock().unwrap().len()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.values.lock().unwrap().clear();
    }

    fn check(&self) -> Result<(), StoreError> {
        if *self.failing.lock().unwrap() { Err(StoreError("failing".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl BodyStore for MemoryStore {
    async fn put(&self, key: &str, body: &str, _keep: Duration) -> Result<(), StoreError> {
        self.check()?;
        self.values.lock().unwrap().insert(key.to_owned(), body.to_owned());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.check()?;
        Ok(self.values.lock().unwrap().get(key).cloned())
    }
}

/// Keeps every line.
#[derive(Default)]
pub struct MemoryLog(Mutex<Vec<Value>>);

impl MemoryLog {
    /// Every line so far.
    pub fn lines(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    /// Every line as one text.
    pub fn dump(&self) -> String {
        self.lines().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    }
}

impl Log for MemoryLog {
    fn write(&self, line: Value) {
        self.0.lock().unwrap().push(line);
    }
}

/// Keeps what it was given.
#[derive(Default)]
pub struct MemoryMetrics {
    batches: Mutex<Vec<Vec<Measurement>>>,
    refusing: Mutex<bool>,
}

impl MemoryMetrics {
    /// What each call since the last one of this brought.
    pub fn take(&self) -> Vec<Vec<Measurement>> {
        std::mem::take(&mut self.batches.lock().unwrap())
    }

    /// Whether it refuses from now on.
    pub fn refuse(&self, refusing: bool) {
        *self.refusing.lock().unwrap() = refusing;
    }
}

impl Metrics for MemoryMetrics {
    fn write(&self, measured: Vec<Measurement>) -> Result<(), MetricsError> {
        if *self.refusing.lock().unwrap() {
            return Err(MetricsError("refused".into()));
        }
        self.batches.lock().unwrap().push(measured);
        Ok(())
    }
}

/// Counts, and allows as much as it is told to; by default everything.
#[derive(Default)]
pub struct MemoryRateLimiter {
    counts: Mutex<BTreeMap<String, u32>>,
    most: Mutex<Option<u32>>,
}

impl MemoryRateLimiter {
    /// How many of each key are allowed from now on, counted from none.
    pub fn allow(&self, most: u32) {
        *self.most.lock().unwrap() = Some(most);
        self.counts.lock().unwrap().clear();
    }

    /// What was counted, by key.
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
