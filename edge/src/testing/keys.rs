//! An issuer's signing keys, and RS256 for native tests, which have no WebCrypto.

use std::sync::OnceLock;

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

use crate::ports::Rs256;

/// One of the issuer's key pairs.
#[derive(Clone, Copy)]
pub struct TestKey {
    /// The key's `kid`.
    pub id: &'static str,
    private: &'static RsaPrivateKey,
}

impl TestKey {
    /// The key the issuer signs with, unless a test says otherwise.
    pub fn first() -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        let text = include_str!("keys/test-only-issuer-first.pem");
        Self { id: "first", private: KEY.get_or_init(|| RsaPrivateKey::from_pkcs8_pem(text).unwrap()) }
    }

    /// The key that the issuer rotates to; until then, a stranger's.
    pub fn second() -> Self {
        static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
        let text = include_str!("keys/test-only-issuer-second.pem");
        Self { id: "second", private: KEY.get_or_init(|| RsaPrivateKey::from_pkcs8_pem(text).unwrap()) }
    }

    /// The key of a private JSON Web Key (RFC 7518, section 6.3.2), which lasts as long as the process.
    ///
    /// # Panics
    /// If the value is no such key.
    pub fn of_jwk(jwk: &Value) -> Self {
        let text = |name: &str| jwk[name].as_str().unwrap();
        let number = |name: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text(name)).unwrap());
        let primes = vec![number("p"), number("q")];
        let key = RsaPrivateKey::from_components(number("n"), number("e"), number("d"), primes).unwrap();
        Self { id: text("kid").to_owned().leak(), private: Box::leak(Box::new(key)) }
    }

    /// The public key.
    pub fn public(self) -> RsaPublicKey {
        self.private.to_public_key()
    }

    /// The modulus as big-endian bytes.
    pub fn modulus(self) -> Vec<u8> {
        self.private.n().to_bytes_be()
    }

    /// Signs with RS256, the one algorithm that this system takes.
    pub fn sign_rs256(self, signed: &[u8]) -> Vec<u8> {
        SigningKey::<Sha256>::new(self.private.clone()).sign(signed).to_vec()
    }

    /// Signs with RS384, which this system refuses.
    pub fn sign_rs384(self, signed: &[u8]) -> Vec<u8> {
        SigningKey::<Sha384>::new(self.private.clone()).sign(signed).to_vec()
    }

    /// Signs with PS256, which this system refuses.
    pub fn sign_ps256(self, signed: &[u8]) -> Vec<u8> {
        let key = rsa::pss::SigningKey::<Sha256>::new(self.private.clone());
        key.sign_with_rng(&mut rsa::rand_core::OsRng, signed).to_vec()
    }

    /// The public key as the issuer publishes it.
    pub fn jwk(self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(self.modulus()),
            "e": URL_SAFE_NO_PAD.encode(self.private.e().to_bytes_be()),
        })
    }
}

/// RS256 of the RustCrypto project.
pub struct RustCryptoRs256;

#[async_trait]
impl Rs256 for RustCryptoRs256 {
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKey::new(BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let (Ok(key), Ok(signature)) = (key, Signature::try_from(signature)) else { return false };
        VerifyingKey::<Sha256>::new(key).verify(message, &signature).is_ok()
    }
}
