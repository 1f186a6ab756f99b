//! Randomness, queue, store, log and metrics that tests can steer and look into.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::delivery::measurement::Measurement;
use crate::mail::Mail;
use crate::ports::{
    Backlog, BodyStore, Log, MailError, Mailer, Metrics, MetricsError, Queue, QueueError, QueuedMessage,
    Random, StoreError,
};

/// Randomness that draws the same bytes for the same seed (SplitMix64).
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The stream of bytes of this seed.
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
    backlog: Mutex<Backlog>,
}

impl MemoryQueue {
    /// Sets what the queue tells of its backlog.
    pub fn set_backlog(&self, backlog: Backlog) {
        *self.backlog.lock().unwrap() = backlog;
    }

    /// Every message sent since the last `take`.
    pub fn take(&self) -> Vec<QueuedMessage> {
        std::mem::take(&mut self.messages.lock().unwrap())
    }

    /// Sets whether every call is refused from now on.
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

    async fn backlog(&self) -> Result<Backlog, QueueError> {
        if *self.refusing.lock().unwrap() {
            return Err(QueueError("refused".into()));
        }
        Ok(*self.backlog.lock().unwrap())
    }
}

/// A key-value store.
#[derive(Default)]
pub struct MemoryStore {
    values: Mutex<BTreeMap<String, String>>,
    failing: Mutex<bool>,
}

impl MemoryStore {
    /// Sets whether every call fails from now on.
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

/// A log that keeps every line.
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
    fn write_text(&self, text: String) {
        self.0.lock().unwrap().push(serde_json::from_str(&text).unwrap());
    }
}

/// A mail service that keeps what it takes, and takes nothing for recipients that are refused.
#[derive(Default)]
pub struct MemoryMailer {
    mails: Mutex<Vec<Mail>>,
    refused: Mutex<Option<String>>,
}

impl MemoryMailer {
    /// Every mail taken since the last `take`.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.mails.lock().unwrap())
    }

    /// Sets whom no mail is taken for.
    pub fn refuse(&self, recipient: Option<&str>) {
        *self.refused.lock().unwrap() = recipient.map(str::to_owned);
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        if self.refused.lock().unwrap().as_ref() == Some(&mail.to) {
            return Err(MailError("recipient suppressed".to_owned()));
        }
        self.mails.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

/// Metrics that keep what they were given.
#[derive(Default)]
pub struct MemoryMetrics {
    batches: Mutex<Vec<Vec<Measurement>>>,
    refusing: Mutex<bool>,
}

impl MemoryMetrics {
    /// The measurements of each `write` since the last `take`.
    pub fn take(&self) -> Vec<Vec<Measurement>> {
        std::mem::take(&mut self.batches.lock().unwrap())
    }

    /// Sets whether every call is refused from now on.
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
