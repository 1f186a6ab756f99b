//! The issuer's public keys: ten minutes in memory, a day in KV, fetched at most every thirty seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use serde::{Deserialize, Serialize};
use shared::ports::{BodyStore, DocumentClient};
use shared::time::Timestamp;

/// How long fetched keys are taken as they are.
const FRESH: Duration = Duration::from_secs(600);
/// The least time between two fetches, whatever callers send.
const BETWEEN_FETCHES: Duration = Duration::from_secs(30);
/// How long keys serve where the issuer cannot be reached, in memory and in KV.
const KEPT: Duration = Duration::from_secs(86_400);
/// The longest key id that is looked up at all.
const LONGEST_KEY_ID: usize = 256;
const STORE_KEY: &str = "jwks";

/// An RSA public key (RFC 7517, RFC 7518 section 6.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    id: Option<String>,
    /// Big-endian.
    pub modulus: Vec<u8>,
    /// Big-endian.
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

/// The keys of a set that can sign an RS256 token; others are passed over, as RFC 7517 section 5 asks.
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

/// Where the keys come from.
pub struct KeySource {
    /// `{issuer}.well-known/jwks.json`, where Auth0 has them.
    pub url: String,
    /// Fetches them.
    pub client: Arc<dyn DocumentClient>,
    /// Keeps them for the other isolates.
    pub store: Arc<dyn BodyStore>,
}

/// The keys as this isolate knows them.
pub struct KeyCache {
    source: KeySource,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Option<Fetched>,
    /// By this isolate or, where it took keys from the store, by the one that put them there.
    last_fetch: Option<Timestamp>,
}

#[derive(Clone)]
struct Fetched {
    at: Timestamp,
    keys: Arc<[RsaKey]>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    at: Timestamp,
    document: String,
}

impl KeyCache {
    /// Knows nothing yet.
    pub fn new(source: KeySource) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// The key a token names; nothing where there is none.
    ///
    /// # Errors
    /// 503 where no keys can be had at all.
    pub async fn find(&self, key_id: Option<&str>, now: Timestamp) -> Result<Option<RsaKey>, Problem> {
        if key_id.is_some_and(|id| id.len() > LONGEST_KEY_ID) {
            return Ok(None);
        }
        let fetched = self.keys(now).await?;
        let found = pick(&fetched.keys, key_id);
        if found.is_some() || key_id.is_none() || fetched.at == now {
            return Ok(found);
        }
        // A key this isolate has not seen: rotated, perhaps. One fetch finds out.
        Ok(self.fetch(now).await.ok().and_then(|fetched| pick(&fetched.keys, key_id)))
    }

    async fn keys(&self, now: Timestamp) -> Result<Fetched, Problem> {
        let remembered = self.known().keys.clone();
        if let Some(fetched) = remembered.as_ref().filter(|fetched| now.since(fetched.at) < FRESH) {
            return Ok(fetched.clone());
        }
        let stored = self.stored().await;
        if let Some(fetched) = stored.as_ref().filter(|fetched| now.since(fetched.at) < FRESH) {
            self.remember(fetched);
            return Ok(fetched.clone());
        }
        // The issuer being away is no reason to lock everybody out: what was fetched within a day still serves.
        self.fetch(now).await.or_else(|fault| {
            let cached = [remembered, stored].into_iter().flatten();
            let serving = cached.filter(|fetched| now.since(fetched.at) < KEPT);
            serving
                .max_by_key(|fetched| fetched.at)
                .ok_or_else(|| Problem::unavailable(format!("no keys of the issuer are cached, and {fault}")))
        })
    }

    async fn stored(&self) -> Option<Fetched> {
        let text = self.source.store.get(STORE_KEY).await.ok().flatten()?;
        let stored: Stored = serde_json::from_str(&text).ok()?;
        Some(Fetched { at: stored.at, keys: signing_keys(&stored.document)?.into() })
    }

    /// Fetches, unless that was done within the last thirty seconds. While there are no keys at all, requests that
    /// come at once each fetch: one that waited for another's fetch would hang on Workers, and none is to blame.
    async fn fetch(&self, now: Timestamp) -> Result<Fetched, String> {
        {
            let mut known = self.known();
            if known.last_fetch.is_some_and(|last| now.since(last) < BETWEEN_FETCHES) {
                return Err("a fetch within the last 30 seconds did not help".to_owned());
            }
            if known.keys.is_some() {
                known.last_fetch = Some(now);
            }
        }
        let answer = self.source.client.get(&self.source.url).await;
        self.known().last_fetch = Some(now);
        let document = answer.map_err(|error| error.to_string())?;
        let keys = signing_keys(&document).ok_or("the issuer's document is no key set")?;
        let fetched = Fetched { at: now, keys: keys.into() };
        self.remember(&fetched);
        if let Ok(text) = serde_json::to_string(&Stored { at: now, document }) {
            // Only a convenience for other isolates: a failure costs them one fetch.
            let _ = self.source.store.put(STORE_KEY, &text, KEPT).await;
        }
        Ok(fetched)
    }

    fn remember(&self, fetched: &Fetched) {
        let mut known = self.known();
        known.last_fetch = known.last_fetch.max(Some(fetched.at));
        known.keys = Some(fetched.clone());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token without a key id is fine as long as there is no choice.
fn pick(keys: &[RsaKey], key_id: Option<&str>) -> Option<RsaKey> {
    match (key_id, keys) {
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
        (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)).cloned(),
    }
}
