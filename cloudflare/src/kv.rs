//! KV: eventually consistent, so only for values that may be a minute late.

use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{BodyStore, StoreError};
use worker::kv::KvStore;
use worker::send::{SendFuture, SendWrapper};

/// The shortest life of a value that KV accepts, in seconds.
const SHORTEST: u64 = 60;

/// A KV namespace.
pub struct Kv(SendWrapper<KvStore>);

impl Kv {
    /// The namespace bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &worker::Env, name: &str) -> worker::Result<Self> {
        Ok(Self(SendWrapper(env.kv(name)?)))
    }
}

#[async_trait]
impl BodyStore for Kv {
    async fn put(&self, key: &str, body: &str, keep: Duration) -> Result<(), StoreError> {
        let put = async {
            let builder = self.0.put(key, body)?.expiration_ttl(keep.as_secs().max(SHORTEST));
            builder.execute().await
        };
        SendFuture::new(put).await.map_err(|error| StoreError(error.to_string()))
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        SendFuture::new(self.0.get(key).text()).await.map_err(|error| StoreError(error.to_string()))
    }
}
