//! The platform in memory.

use std::sync::Arc;

use async_trait::async_trait;
use shared::delivery::outcome::AttemptResult;
use shared::ports::{Aead, Clock, Compressor, HttpClient, Log, OutboundRequest, Random};
use shared::testing::{AesGcm, Deflate};

use super::RustCryptoRs256;
use crate::ports::{DocumentClient, FormAnswer, FormClient, NoAnswer, Platform, Rs256};

/// A platform of parts that a test steers or looks into. Its cryptography is real.
#[derive(Clone)]
pub struct TestPlatform {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// The log.
    pub log: Arc<dyn Log>,
    /// Requests to partners' endpoints.
    pub http: Arc<dyn HttpClient>,
    /// The OpenID provider's documents.
    pub documents: Arc<dyn DocumentClient>,
    /// The OpenID provider's token endpoint.
    pub forms: Arc<dyn FormClient>,
}

impl TestPlatform {
    /// A platform without a network: nobody answers.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, log: Arc<dyn Log>) -> Self {
        let nobody = Arc::new(Nobody);
        Self { clock, random, log, http: nobody.clone(), documents: nobody.clone(), forms: nobody }
    }
}

impl Platform for TestPlatform {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn random(&self) -> Arc<dyn Random> {
        self.random.clone()
    }

    fn log(&self) -> Arc<dyn Log> {
        self.log.clone()
    }

    fn aead(&self) -> Arc<dyn Aead> {
        Arc::new(AesGcm)
    }

    fn compressor(&self) -> Arc<dyn Compressor> {
        Arc::new(Deflate)
    }

    fn rs256(&self) -> Arc<dyn Rs256> {
        Arc::new(RustCryptoRs256)
    }

    fn http(&self) -> Arc<dyn HttpClient> {
        self.http.clone()
    }

    fn documents(&self) -> Arc<dyn DocumentClient> {
        self.documents.clone()
    }

    fn forms(&self) -> Arc<dyn FormClient> {
        self.forms.clone()
    }
}

/// Whom no request reaches.
struct Nobody;

impl Nobody {
    const FAULT: &str = "this platform has no network";
}

#[async_trait]
impl HttpClient for Nobody {
    async fn post(&self, _request: OutboundRequest) -> AttemptResult {
        AttemptResult::ConnectionFailed(Self::FAULT.to_owned())
    }
}

#[async_trait]
impl DocumentClient for Nobody {
    async fn get(&self, _url: &str) -> Result<String, NoAnswer> {
        Err(NoAnswer(Self::FAULT.to_owned()))
    }
}

#[async_trait]
impl FormClient for Nobody {
    async fn post_form(&self, _url: &str, _form: &str) -> Result<FormAnswer, NoAnswer> {
        Err(NoAnswer(Self::FAULT.to_owned()))
    }
}
