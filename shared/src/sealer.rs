//! Seals what must not lie readable in a database or a cookie: AES-256-GCM, by a key that can be rotated.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::ports::{Aead, CipherError, Random};
use crate::settings::Settings;

/// A key of 32 bytes with the id that sealed values name it by.
#[derive(Clone)]
pub struct SealingKey {
    id: String,
    bytes: Arc<SecretBox<[u8; 32]>>,
}

impl SealingKey {
    /// Reads `WEBHOOK_SECRETS_KEY`: standard base64 of exactly 32 bytes. Its id is the start of a digest of it, so
    /// that rotating the key needs no second setting.
    ///
    /// # Errors
    /// What is wrong, without the value.
    pub fn parse(text: &SecretString) -> Result<Self, &'static str> {
        const RULE: &str = "must be base64 of exactly 32 bytes (openssl rand -base64 32)";
        let decoded = Zeroizing::new(STANDARD.decode(text.expose_secret()).map_err(|_| RULE)?);
        let bytes: &[u8; 32] = decoded.as_array().ok_or(RULE)?;
        Ok(Self::of(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(bytes))))
    }

    /// The key with these bytes, which were derived from another key or drawn at random.
    pub fn of(bytes: SecretBox<[u8; 32]>) -> Self {
        let digest =
            Sha256::new().chain_update(b"sealing-key-id").chain_update(bytes.expose_secret()).finalize();
        Self { id: hex::encode(&digest[..4]), bytes: Arc::new(bytes) }
    }

    /// Reads the setting `name`, which must be there. `None` if it is absent or malformed: `settings` notes the fault.
    pub fn required(settings: &mut Settings<'_>, name: &str) -> Option<Self> {
        let text = settings.secret(name)?;
        Self::of_setting(settings, name, &text)
    }

    /// Reads the setting `name`, which may be absent. `None` if it is absent or malformed: `settings` notes the latter.
    pub fn optional(settings: &mut Settings<'_>, name: &str) -> Option<Self> {
        let text = settings.optional_secret(name)?;
        Self::of_setting(settings, name, &text)
    }

    fn of_setting(settings: &mut Settings<'_>, name: &str, text: &SecretString) -> Option<Self> {
        Self::parse(text).map_or_else(|fault| settings.fault(name, fault), Some)
    }
}

/// Seals with the current key, opens with whichever key a value names. While the key is being rotated, there is a
/// previous one.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<[SealingKey]>,
    aead: Arc<dyn Aead>,
    random: Arc<dyn Random>,
}

impl Sealer {
    /// `current` seals; `previous` still opens.
    pub fn new(
        current: SealingKey,
        previous: Option<SealingKey>,
        aead: Arc<dyn Aead>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { keys: std::iter::once(current).chain(previous).collect(), aead, random }
    }

    /// Seals a text. `context` names the text's kind and owner: the value opens with the same context only, so that a
    /// row's secret copied into another row is of no use. The form is `1.<key id>.<base64url of nonce and ciphertext>`.
    ///
    /// # Errors
    /// Where the platform's cryptography refuses.
    pub async fn seal(&self, context: &str, plaintext: &str) -> Result<String, CipherError> {
        let key = self.keys.first().ok_or(CipherError)?;
        let mut nonce = [0_u8; 12];
        self.random.fill(&mut nonce);
        let bytes = key.bytes.expose_secret();
        let ciphertext = self.aead.seal(bytes, &nonce, context.as_bytes(), plaintext.as_bytes()).await?;
        Ok(beginning(key) + &URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat()))
    }

    /// While there is a previous key: how every value begins that the current key sealed.
    pub fn rotating_to(&self) -> Option<String> {
        self.keys.first().filter(|_| self.keys.len() > 1).map(beginning)
    }

    /// Seals with the current key what another key sealed with this context; what the current key sealed stays as it is.
    ///
    /// # Errors
    /// As [`Sealer::open`] and [`Sealer::seal`].
    pub async fn seal_anew(&self, context: &str, sealed: &str) -> Result<String, CipherError> {
        if self.keys.first().is_some_and(|key| sealed.starts_with(&beginning(key))) {
            return Ok(sealed.to_owned());
        }
        let plaintext = self.open(context, sealed).await?;
        self.seal(context, plaintext.expose_secret()).await
    }

    /// Opens what [`Sealer::seal`] made with the same context.
    ///
    /// # Errors
    /// An unknown key, another context, or a value that was tampered with.
    pub async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, CipherError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some("1"), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CipherError);
        };
        let key = self.keys.iter().find(|key| key.id == id).ok_or(CipherError)?;
        let data = URL_SAFE_NO_PAD.decode(data).map_err(|_| CipherError)?;
        let (nonce, ciphertext) = data.split_first_chunk::<12>().ok_or(CipherError)?;
        let plaintext =
            self.aead.open(key.bytes.expose_secret(), nonce, context.as_bytes(), ciphertext).await?;
        String::from_utf8(plaintext).map(Into::into).map_err(|_| CipherError)
    }
}

/// How a value sealed with this key begins.
fn beginning(key: &SealingKey) -> String {
    format!("1.{}.", key.id)
}
