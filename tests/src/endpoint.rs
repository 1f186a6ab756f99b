//! A partner's endpoint, which scenarios wait for without blocking one another.

use std::ops::Deref;

use local::endpoint as local_endpoint;
pub use local_endpoint::{Behavior, Received};

use crate::poll::{SOON, eventually};

/// A running endpoint. It ends with the process.
#[derive(Clone)]
pub struct Endpoint(local_endpoint::Endpoint);

impl Deref for Endpoint {
    type Target = local_endpoint::Endpoint;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Endpoint {
    /// Starts an endpoint on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self(local_endpoint::Endpoint::start().unwrap())
    }

    /// What a path has received, once that is at least `count` requests.
    pub async fn at_least(&self, count: usize, path: &str) -> Vec<Received> {
        let look = async || Some(self.received(path)).filter(|received| received.len() >= count);
        eventually(SOON * 2, &format!("{count} requests to {path}"), look).await
    }
}
