//! KV: eventually consistent, so only for values that may be a minute late.

use std::time::Duration;

use async_trait::async_trait;
use shared::ports::{BodyStore, StoreError};

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call};

/// The shortest life of a value that KV accepts, in seconds.
const SHORTEST: u64 = 60;

/// A KV namespace.
pub struct Kv(Bound);

impl Kv {
    /// The namespace bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "getWithMetadata").map(Self)
    }
}

#[async_trait]
impl BodyStore for Kv {
    async fn put(&self, key: &str, body: &str, keep: Duration) -> Result<(), StoreError> {
        let keep = Duration::from_secs(keep.as_secs().max(SHORTEST)).as_secs_f64();
        let put = Call::make(|call| glue::put(call, self.0.place(), key, body, keep));
        put.await.or_thrown().map(drop).map_err(StoreError)
    }

    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let got = Call::make(|call| glue::get(call, self.0.place(), key)).await;
        let outcome = got.or_thrown().map_err(StoreError)?;
        Ok((outcome.code == 0).then_some(outcome.text))
    }
}
