//! The issuer of admins' tokens: its keys, the document it publishes them in, and their verification.

use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer, Verifier};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};
use shared::ports::{DocumentClient, Rs256, StoreError};
use tokio::sync::Notify;

/// One of the issuer's key pairs.
#[derive(Clone, Copy)]
pub(crate) struct TestKey {
    pub(crate) id: &'static str,
    private: &'static RsaPrivateKey,
}

impl TestKey {
    /// The key the issuer signs with, unless a test says otherwise.
    pub(crate) fn first() -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        let text = include_str!("../keys/test-only-issuer-first.pem");
        Self { id: "first", private: KEY.get_or_init(|| RsaPrivateKey::from_pkcs8_pem(text).unwrap()) }
    }

    /// The key it rotates to; until then, a stranger's.
    pub(crate) fn second() -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        let text = include_str!("../keys/test-only-issuer-second.pem");
        Self { id: "second", private: KEY.get_or_init(|| RsaPrivateKey::from_pkcs8_pem(text).unwrap()) }
    }

    pub(crate) fn public(self) -> RsaPublicKey {
        self.private.to_public_key()
    }

    pub(crate) fn modulus(self) -> Vec<u8> {
        self.private.n().to_bytes_be()
    }

    pub(crate) fn sign_rs256(self, signed: &[u8]) -> Vec<u8> {
        SigningKey::<Sha256>::new(self.private.clone()).sign(signed).to_vec()
    }

    pub(crate) fn sign_rs384(self, signed: &[u8]) -> Vec<u8> {
        SigningKey::<Sha384>::new(self.private.clone()).sign(signed).to_vec()
    }

    pub(crate) fn sign_ps256(self, signed: &[u8]) -> Vec<u8> {
        let key = rsa::pss::SigningKey::<Sha256>::new(self.private.clone());
        key.sign_with_rng(&mut rsa::rand_core::OsRng, signed).to_vec()
    }

    /// As the issuer publishes it.
    pub(crate) fn jwk(self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(self.modulus()),
            "e": URL_SAFE_NO_PAD.encode(self.private.e().to_bytes_be()),
        })
    }
}

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
    async fn get(&self, url: &str) -> Result<String, StoreError> {
        self.fetches.lock().unwrap().push(url.to_owned());
        let held = self.held.lock().unwrap().clone();
        if let Some(gate) = held {
            gate.notified().await;
        }
        if *self.failing.lock().unwrap() {
            return Err(StoreError("the issuer is away".into()));
        }
        Ok(self.document.lock().unwrap().clone())
    }
}

/// RS256 where WebCrypto is not.
pub(crate) struct RustCryptoRs256;

#[async_trait]
impl Rs256 for RustCryptoRs256 {
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKey::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let (Ok(key), Ok(signature)) = (key, Signature::try_from(signature)) else { return false };
        VerifyingKey::<Sha256>::new(key).verify(message, &signature).is_ok()
    }
}
