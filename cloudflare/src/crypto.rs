//! WebCrypto, for what is too large to carry in Wasm: RSA and AES. The glue keeps the keys that it has imported, by an id
//! that is a digest: nobody learns a key from its id.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::ports::Rs256;
use sha2::{Digest, Sha256};
use shared::ports::{Aead, CipherError};

use crate::glue::{self, Call};

/// `crypto.subtle`.
pub struct WebCrypto;

fn key_id(kind: &str, parts: &[&[u8]]) -> String {
    let digest =
        parts.iter().fold(Sha256::new().chain_update(kind), |digest, part| digest.chain_update(part));
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

async fn aes(
    operation: &str,
    key: &[u8; 32],
    nonce: &[u8; 12],
    context: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, CipherError> {
    let id = key_id("AES-GCM", &[key]);
    let made = Call::make(|call| glue::aes(call, operation, &id, key, nonce, context, data)).await;
    made.or_thrown().map(|outcome| outcome.bytes).map_err(|_| CipherError)
}

#[async_trait]
impl Aead for WebCrypto {
    async fn seal(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        aes("encrypt", key, nonce, context, plaintext).await
    }

    async fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        aes("decrypt", key, nonce, context, ciphertext).await
    }
}

#[async_trait]
impl Rs256 for WebCrypto {
    async fn verify(&self, modulus: &[u8], exponent: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let id = key_id("RS256", &[modulus, exponent]);
        let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent));
        let verified = Call::make(|call| glue::verify(call, &id, &modulus, &exponent, message, signature));
        verified.await.code == 1
    }
}
