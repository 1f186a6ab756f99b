//! The keys for cookies and forms: one for each purpose, derived from one secret (HKDF-SHA256, RFC 5869).

use std::sync::Arc;

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use shared::sealer::SealingKey;
use subtle::ConstantTimeEq;

/// The keys that are derived from one secret.
pub struct Subkeys {
    /// The id by which tokens name the secret.
    pub id: String,
    /// The key that signs session cookies.
    pub session: SecretBox<[u8; 32]>,
    /// The key for the tokens of forms.
    csrf: SecretBox<[u8; 32]>,
    /// The key that encrypts the transaction cookie and the stored ID token.
    pub sealing: SealingKey,
}

/// The keys of the current secret, and of the previous secret while it is accepted.
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<Subkeys>,
    previous: Option<Arc<Subkeys>>,
}

impl KeyRing {
    /// Derives the keys of both secrets.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        let derive = |secret| Arc::new(Subkeys::derive(secret));
        Self { current: derive(current), previous: previous.map(derive) }
    }

    /// The keys for new values.
    pub fn current(&self) -> &Subkeys {
        &self.current
    }

    /// The keys of values that were made before the last rotation.
    pub fn previous(&self) -> Option<&Subkeys> {
        self.previous.as_deref()
    }

    fn all(&self) -> impl Iterator<Item = &Subkeys> {
        std::iter::once(self.current()).chain(self.previous())
    }

    /// Returns the keys with this id.
    pub fn find(&self, id: &str) -> Option<&Subkeys> {
        self.all().find(|keys| keys.id == id)
    }

    /// Returns the token for the forms of this session.
    pub fn csrf_token(&self, session_digest: &str) -> String {
        hex::encode(self.current.csrf_code(session_digest))
    }

    /// Returns, in constant time, whether a form's token is for this session.
    pub fn is_csrf_token(&self, session_digest: &str, presented: &str) -> bool {
        let presented = hex::decode(presented).unwrap_or_default();
        let matching = self.all().map(|keys| keys.csrf_code(session_digest).as_slice().ct_eq(&presented));
        matching.fold(false, |found, this| found | bool::from(this))
    }
}

impl Subkeys {
    fn derive(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let derivation = Hkdf::<Sha256>::new(Some(b"smartphonekey partner-portal"), bytes);
        let key = |purpose: &str| {
            SecretBox::init_with_mut(|key: &mut [u8; 32]| {
                // Only a length beyond 8,160 bytes would fail.
                let expanded = derivation.expand(purpose.as_bytes(), key);
                debug_assert!(expanded.is_ok());
            })
        };
        Self {
            id: hex::encode(&Sha256::digest(key("key id").expose_secret())[..4]),
            session: key("session cookie"),
            csrf: key("form token"),
            sealing: SealingKey::of(key("sealing")),
        }
    }

    fn csrf_code(&self, session_digest: &str) -> [u8; 32] {
        let mut code = [0_u8; 32];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.csrf.expose_secret()) {
            mac.update(session_digest.as_bytes());
            code = mac.finalize().into_bytes().into();
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(current: &str, previous: Option<&str>) -> KeyRing {
        KeyRing::new(&current.into(), previous.map(Into::into).as_ref())
    }

    #[test]
    fn a_token_is_good_for_its_session_and_until_its_key_is_gone() {
        let old = ring("one", None);
        let token = old.csrf_token("session");
        assert!(old.is_csrf_token("session", &token));
        assert!(ring("two", Some("one")).is_csrf_token("session", &token));
        assert!(!ring("two", None).is_csrf_token("session", &token));
        assert!(!old.is_csrf_token("another", &token));
        for bad in ["", "00", "zz", &token[2..], &token.to_uppercase()[1..]] {
            assert!(!old.is_csrf_token("session", bad), "{bad}");
        }
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let ring = ring("one", None);
        let keys = ring.current();
        assert_ne!(keys.session.expose_secret(), keys.csrf.expose_secret());
        assert_eq!(format!("{:?}", keys.session), "SecretBox<[u8; 32]>([REDACTED])");
    }
}
