//! What the Workers' HTTP side needs from outside, besides the domain's [`shared::ports`]. `cloudflare/` implements these
//! traits on Workers, `testing/` and the Workers' own tests in memory.

use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::{Aead, Clock, Compressor, HttpClient, Log, Random};

use crate::serve::Surroundings;

/// What the runtime offers every Worker without a binding.
///
/// A Worker takes a platform as a generic argument, so that its Wasm file has the code of those parts only that this
/// Worker asks for: a struct of all parts would bring all their code into all three Workers.
pub trait Platform {
    /// The time of day.
    fn clock(&self) -> Arc<dyn Clock>;
    /// Random bytes.
    fn random(&self) -> Arc<dyn Random>;
    /// The log.
    fn log(&self) -> Arc<dyn Log>;
    /// AES-256-GCM.
    fn aead(&self) -> Arc<dyn Aead>;
    /// DEFLATE.
    fn compressor(&self) -> Arc<dyn Compressor>;
    /// RS256.
    fn rs256(&self) -> Arc<dyn Rs256>;
    /// Requests to partners' endpoints.
    fn http(&self) -> Arc<dyn HttpClient>;
    /// Reads an OpenID provider's documents.
    fn documents(&self) -> Arc<dyn DocumentClient>;
    /// Sends forms to an OpenID provider.
    fn forms(&self) -> Arc<dyn FormClient>;

    /// The parts that answering any request takes.
    fn surroundings(&self) -> Surroundings {
        let (clock, random, log) = (self.clock(), self.random(), self.log());
        Surroundings { clock, random, log, refusals: Arc::default(), reads: Arc::default() }
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), the `RS256` of RFC 7518.
#[async_trait]
pub trait Rs256: Send + Sync {
    /// Whether `signature` over `message` is by the key with this modulus and exponent, both big-endian bytes.
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool;
}

/// Reads a JSON document over HTTP: a provider's public keys.
#[async_trait]
pub trait DocumentClient: Send + Sync {
    /// The body of a 200 answer, at most 64 KiB, within 5 seconds.
    ///
    /// # Errors
    /// Anything else.
    async fn get(&self, url: &str) -> Result<String, NoAnswer>;
}

/// Sends a form to a provider's token endpoint.
#[async_trait]
pub trait FormClient: Send + Sync {
    /// The answer to one POST of `application/x-www-form-urlencoded`: at most 64 KiB, within 10 seconds, no redirect
    /// followed. The body may hold secrets.
    ///
    /// # Errors
    /// If there is no whole answer; the error says nothing of the form.
    async fn post_form(&self, url: &str, form: &str) -> Result<FormAnswer, NoAnswer>;
}

/// What a token endpoint answered.
#[derive(Clone)]
pub struct FormAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; it holds tokens if the form was accepted.
    pub body: String,
}

/// Another Worker of ours, reached without a network.
#[async_trait]
pub trait ServiceBinding: Send + Sync {
    /// The other Worker's answer, whatever its status. No redirect is followed.
    ///
    /// # Errors
    /// If there is no answer: the binding leads to no Worker, the other Worker crashed, or 10 seconds passed.
    async fn call(&self, request: http::Request<String>) -> Result<http::Response<Vec<u8>>, NoAnswer>;
}

/// Whoever was called gave no answer, or none that can be used. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no usable answer: {0}")]
pub struct NoAnswer(pub String);

/// Counts requests by key, against a limit of its own.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one more request of `key`. Returns whether `key` is within its limit; `true` if the limiter fails.
    async fn allows(&self, key: &str) -> bool;
}
