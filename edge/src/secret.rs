//! Shared secrets that callers present in a header.

use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret that callers present: its current value and, while it is being rotated, the previous value. Kept as digests,
/// which presented values are compared with in constant time.
#[derive(Clone)]
pub struct SharedSecret {
    digests: Vec<[u8; 32]>,
}

impl SharedSecret {
    /// Accepts each of these values: see [`shared::settings::Settings::rotating_secret`].
    pub fn of(values: &[SecretString]) -> Self {
        let digest = |value: &SecretString| Sha256::digest(value.expose_secret().as_bytes()).into();
        Self { digests: values.iter().map(digest).collect() }
    }

    /// Whether the headers have `name` exactly once, with an accepted value.
    pub fn is_presented(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        let presented: [u8; 32] = Sha256::digest(the_only(headers, name).unwrap_or_default()).into();
        let matching = self.digests.iter().map(|digest| bool::from(presented.ct_eq(digest)));
        matching.fold(false, |found, this| found | this)
    }
}

/// The value of a header that is there exactly once; `None` if the header is absent or there twice.
pub fn the_only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}
