//! AES-256-GCM for native tests, which have no WebCrypto.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use async_trait::async_trait;

use crate::ports::{Aead, CipherError};

/// AES-256-GCM of the RustCrypto project.
pub struct AesGcm;

#[async_trait]
impl Aead for AesGcm {
    async fn seal(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let cipher = Aes256Gcm::new(key.into());
        cipher
            .encrypt(Nonce::from_slice(nonce), Payload { msg: plaintext, aad: context })
            .map_err(|_| CipherError)
    }

    async fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        context: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let cipher = Aes256Gcm::new(key.into());
        cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: ciphertext, aad: context })
            .map_err(|_| CipherError)
    }
}
