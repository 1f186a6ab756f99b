//! `CompressionStream`: DEFLATE without its code in Wasm.

use async_trait::async_trait;
use shared::ports::{CompressionError, Compressor};

use crate::glue::{self, Call};

/// The runtime's compression.
pub struct CompressionStreams;

async fn through(bytes: &[u8], back: bool) -> Result<Vec<u8>, CompressionError> {
    let outcome = Call::make(|call| glue::deflate(call, bytes, back)).await;
    outcome.or_thrown().map(|outcome| outcome.bytes).map_err(|_| CompressionError)
}

#[async_trait]
impl Compressor for CompressionStreams {
    async fn deflate(&self, plain: &[u8]) -> Result<Vec<u8>, CompressionError> {
        through(plain, false).await
    }

    async fn inflate(&self, deflated: &[u8]) -> Result<Vec<u8>, CompressionError> {
        through(deflated, true).await
    }
}
