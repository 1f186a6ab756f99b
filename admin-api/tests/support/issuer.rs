//! The issuer of admins' tokens: the document it publishes its keys in.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use edge::ports::{DocumentClient, NoAnswer};
use edge::testing::TestKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Publishes keys, counts who asks for them, and can be away.
pub(crate) struct Issuer {
    document: Mutex<String>,
    failing: Mutex<bool>,
    fetches: Mutex<Vec<String>>,
    held: Mutex<Option<Arc<Notify>>>,
}

impl Default for Issuer {
    fn default() -> Self {
        let issuer = Self {
            document: Mutex::default(),
            failing: Mutex::default(),
            fetches: Mutex::default(),
            held: Mutex::default(),
        };
        issuer.publish(&[TestKey::first().jwk()]);
        issuer
    }
}

impl Issuer {
    /// From now on these are its keys.
    pub(crate) fn publish(&self, keys: &[Value]) {
        self.publish_text(&json!({"keys": keys}).to_string());
    }

    /// From now on this is its document.
    pub(crate) fn publish_text(&self, document: &str) {
        document.clone_into(&mut self.document.lock().unwrap());
    }

    /// Whether it is away from now on.
    pub(crate) fn fail(&self, failing: bool) {
        *self.failing.lock().unwrap() = failing;
    }

    /// From now on it answers nobody before it is told to.
    pub(crate) fn hold(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.held.lock().unwrap() = Some(gate.clone());
        gate
    }

    /// The URLs asked for since the last call.
    pub(crate) fn take_fetches(&self) -> Vec<String> {
        std::mem::take(&mut self.fetches.lock().unwrap())
    }
}

#[async_trait]
impl DocumentClient for Issuer {
    async fn get(&self, url: &str) -> Result<String, NoAnswer> {
        self.fetches.lock().unwrap().push(url.to_owned());
        let held = self.held.lock().unwrap().clone();
        if let Some(gate) = held {
            gate.notified().await;
        }
        if *self.failing.lock().unwrap() {
            return Err(NoAnswer("the issuer is away".into()));
        }
        Ok(self.document.lock().unwrap().clone())
    }
}
