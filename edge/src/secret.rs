//! Shared secrets that callers present in a header.

use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The digest of a secret, which presented secrets are compared with in constant time.
#[derive(Clone)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Digests the configured secret.
    pub fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret().as_bytes()).into())
    }

    /// Whether the headers have `name` exactly once, with the secret as its value.
    pub fn is_presented(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let presented: [u8; 32] = Sha256::digest(the_only(headers, name).unwrap_or_default()).into();
        bool::from(presented.ct_eq(&self.0))
    }
}

/// The value of a header that is there exactly once; `None` if the header is absent or there twice.
pub fn the_only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}
