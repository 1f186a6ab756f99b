//! The issuer's public keys.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use shared::time::Timestamp;

use super::document::{CachedDocument, DocumentSource};
use crate::problem::Problem;

/// The longest key id that is looked up, in bytes.
const LONGEST_KEY_ID: usize = 256;

/// An RSA public key (RFC 7517, RFC 7518 section 6.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    id: Option<String>,
    /// The modulus as big-endian bytes.
    pub modulus: Vec<u8>,
    /// The exponent as big-endian bytes.
    pub exponent: Vec<u8>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: String,
    e: String,
}

/// The keys of a set that can sign an RS256 token. The rest are ignored, as RFC 7517 section 5 asks.
fn signing_keys(document: &str) -> Option<Vec<RsaKey>> {
    let set: KeySet = serde_json::from_str(document).ok()?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let usable = keys.filter(|key| {
        key.kty == "RSA"
            && key.usage.as_deref().is_none_or(|usage| usage == "sig")
            && key.alg.as_deref().is_none_or(|algorithm| algorithm == "RS256")
    });
    let decoded = usable.filter_map(|key| {
        let modulus = URL_SAFE_NO_PAD.decode(key.n).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(key.e).ok()?;
        // RFC 7518 section 3.3: 2048 bits or more.
        (modulus.len() >= 256).then_some(RsaKey { id: key.kid, modulus, exponent })
    });
    Some(decoded.collect())
}

/// An issuer's keys, as this isolate knows them.
pub struct KeyCache(CachedDocument<Vec<RsaKey>>);

impl KeyCache {
    /// A cache without keys yet.
    pub fn new(source: DocumentSource) -> Self {
        Self(CachedDocument::new(source, "jwks", signing_keys))
    }

    /// When the keys that this isolate has were fetched. `None` if [`Self::find`] would look for newer keys first.
    pub fn fetched_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.remembered(now).map(|fetched| fetched.at)
    }

    /// The key that a token names, of the set at this URL. `None` if the set has no such key.
    ///
    /// # Errors
    /// 503 if there is no set of keys at all.
    pub async fn find(
        &self,
        url: &str,
        key_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<RsaKey>, Problem> {
        if key_id.is_some_and(|id| id.len() > LONGEST_KEY_ID) {
            return Ok(None);
        }
        let fetched = self.0.get(url, now).await?;
        let found = pick(&fetched.value, key_id);
        if found.is_some() || key_id.is_none() || fetched.at == now {
            return Ok(found);
        }
        // This isolate does not know the key: perhaps the issuer rotated its keys. One fetch tells.
        Ok(self.0.refresh(url, now).await.ok().and_then(|fetched| pick(&fetched.value, key_id)))
    }
}

/// Picks the named key. A token without a key id is fine if the set has only one key.
fn pick(keys: &[RsaKey], key_id: Option<&str>) -> Option<RsaKey> {
    match (key_id, keys) {
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
        (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)).cloned(),
    }
}
