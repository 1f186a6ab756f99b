//! What the runtime offers every Worker without a binding.

use std::sync::Arc;

use edge::ports::{DocumentClient, FormClient, Platform, Rs256};
use shared::ports::{Aead, Clock, Compressor, HttpClient, Log, Random};

use crate::{CompressionStreams, ConsoleLog, Fetch, SystemClock, WebCrypto, WebRandom};

/// The Workers runtime as a [`Platform`].
pub struct Runtime;

impl Platform for Runtime {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn random(&self) -> Arc<dyn Random> {
        Arc::new(WebRandom)
    }

    fn log(&self) -> Arc<dyn Log> {
        Arc::new(ConsoleLog)
    }

    fn aead(&self) -> Arc<dyn Aead> {
        Arc::new(WebCrypto)
    }

    fn compressor(&self) -> Arc<dyn Compressor> {
        Arc::new(CompressionStreams)
    }

    fn rs256(&self) -> Arc<dyn Rs256> {
        Arc::new(WebCrypto)
    }

    fn http(&self) -> Arc<dyn HttpClient> {
        Arc::new(Fetch)
    }

    fn documents(&self) -> Arc<dyn DocumentClient> {
        Arc::new(Fetch)
    }

    fn forms(&self) -> Arc<dyn FormClient> {
        Arc::new(Fetch)
    }
}
