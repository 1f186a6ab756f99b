//! Another Worker of ours, reached without a network.

use async_trait::async_trait;

/// A service binding.
#[async_trait]
pub trait ServiceBinding: Send + Sync {
    /// The other Worker's answer, whatever its status. Nothing is followed.
    ///
    /// # Errors
    /// Where there is none: not bound to anything, crashed, or over 10 seconds.
    async fn call(&self, request: http::Request<String>) -> Result<http::Response<Vec<u8>>, NoAnswer>;
}

/// The other Worker did not answer. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(pub String);
