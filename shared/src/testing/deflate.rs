//! DEFLATE for native tests, which have no `CompressionStream`.

use std::io::Read;

use async_trait::async_trait;
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

use crate::ports::{CompressionError, Compressor};

/// Raw DEFLATE by flate2.
pub struct Deflate;

fn all(mut reader: impl Read) -> Result<Vec<u8>, CompressionError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|_| CompressionError)?;
    Ok(bytes)
}

#[async_trait]
impl Compressor for Deflate {
    async fn deflate(&self, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
        all(DeflateEncoder::new(bytes, Compression::default()))
    }

    async fn inflate(&self, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
        all(DeflateDecoder::new(bytes))
    }
}
