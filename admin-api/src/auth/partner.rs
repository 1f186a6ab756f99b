//! A partner's backend, and the limits on its requests.
//!
//! Only the database knows whether a key works, and strangers with made-up keys must not keep the database busy. Nor must
//! they shut out a partner whose requests come from the same address. So a client with too many failures still gets as
//! far as the database with a key that was issued, and with no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use edge::problem::Problem;
use edge::rate_limit::{CLIENT_ADDRESS, RateLimit};
use edge::routes::{Access, Caller};
use edge::secret::the_only;
use http::HeaderName;
use http::request::Parts;
use shared::api_key::{ApiKey, ApiKeyDigest};
use shared::app::App;
use shared::app::authenticate_partner::Partner;
use shared::code::ErrorCode;
use shared::ports::BodyStore;
use shared::shard::Shards;
use shared::tenant::OrgId;

use super::metered;
use crate::service::AdminApi;

/// A partner's own key.
pub const PARTNER_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// How long the store knows that a key was issued: longer than keys are used.
const KEPT: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The most keys that an isolate remembers.
const MOST_REMEMBERED: usize = 2_000;

/// A partner's backend.
pub struct PartnerCaller(pub Partner);

impl Caller for PartnerCaller {
    const ACCESS: Access = Access::Partner;
}

impl FromRequestParts<AdminApi> for PartnerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AdminApi) -> Result<Self, Problem> {
        service.partner_gate.admit(parts, &metered(parts, service.apps.clone())).await.map(Self)
    }
}

/// Lets partners in.
#[derive(Clone)]
pub struct PartnerGate {
    /// The limit on failures, by client.
    failures: RateLimit,
    /// The limit on requests with good keys, by tenant.
    requests: RateLimit,
    issued: IssuedKeys,
}

impl PartnerGate {
    /// Lets partners in within these limits: `failures` by client, `requests` by tenant.
    pub fn new(failures: RateLimit, requests: RateLimit, issued: IssuedKeys) -> Self {
        Self { failures, requests, issued }
    }

    /// Returns the partner with this request's key.
    ///
    /// # Errors
    /// 401 if the key is no partner's; 429 if the partner has asked too often, or the client has had too many failures;
    /// 503 if the database does not answer.
    async fn admit(&self, parts: &Parts, apps: &Shards<App>) -> Result<Partner, Problem> {
        let headers = &parts.headers;
        if !headers.contains_key(PARTNER_KEY) {
            return Err(Problem::unauthorized());
        }
        let presented = the_only(headers, &PARTNER_KEY).and_then(|value| std::str::from_utf8(value).ok());
        let Some(key) = presented.and_then(ApiKey::parse) else {
            return Err(self.failures.failure(headers, Problem::unauthorized()).await);
        };
        let digest = key.digest();
        // Our own Workers call over a service binding, and for all partners: they are not counted.
        let is_counted = headers.contains_key(CLIENT_ADDRESS);
        let refused = Problem::unauthorized();
        let (is_known, is_new) = match self.issued.remembered(&digest) {
            Some(Remembered::Ended) => return Err(self.failures.failure(headers, refused).await),
            Some(Remembered::Working(org_id)) => {
                if is_counted {
                    self.requests.count(org_id.as_str()).await?;
                }
                (true, false)
            }
            // The limiter cannot be asked without counting: a key that is new to the isolate counts as a failure.
            None => match self.failures.failure(headers, refused).await {
                within if within.code == ErrorCode::Unauthorized => (false, true),
                _ if self.issued.knows(&digest).await => (true, true),
                beyond => return Err(beyond),
            },
        };
        let Some(partner) = apps.of(digest.bucket()).authenticate_partner(&key).await? else {
            if is_known {
                self.issued.remember(&digest, Remembered::Ended);
            }
            return Err(Problem::unauthorized());
        };
        self.issued.remember(&digest, Remembered::Working(partner.org_id.clone()));
        if is_new && is_counted {
            self.requests.count(partner.org_id.as_str()).await?;
        }
        Ok(partner)
    }
}

/// What an isolate remembers of a key that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remembered {
    /// The key worked for this tenant when it was last presented.
    Working(OrgId),
    /// The key was revoked or has expired, and never works again.
    Ended,
}

/// The digests of API keys that were issued: all of them in the store, those presented lately in the isolate's memory.
/// Whether a key works is for the database to say.
#[derive(Clone)]
pub struct IssuedKeys {
    store: Arc<dyn BodyStore>,
    memory: Arc<Mutex<HashMap<String, Remembered>>>,
}

impl IssuedKeys {
    /// The keys that this store knows.
    pub fn new(store: Arc<dyn BodyStore>) -> Self {
        Self { store, memory: Arc::default() }
    }

    /// Notes that a key was issued. If the store does not answer, the key works all the same; only, strangers at the
    /// partner's address may shut it out.
    pub async fn note(&self, key: &ApiKey, org_id: &OrgId) {
        let _ = self.store.put(&name(&key.digest()), org_id.as_str(), KEPT).await;
    }

    /// Returns whether the store knows the key, or does not answer.
    async fn knows(&self, digest: &ApiKeyDigest) -> bool {
        self.store.get(&name(digest)).await.map_or(true, |found| found.is_some())
    }

    fn remembered(&self, digest: &ApiKeyDigest) -> Option<Remembered> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.get(digest.as_str()).cloned()
    }

    fn remember(&self, digest: &ApiKeyDigest, what: Remembered) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= MOST_REMEMBERED && !memory.contains_key(digest.as_str()) {
            memory.clear();
        }
        memory.insert(digest.as_str().to_owned(), what);
    }
}

/// The store's key for the digest.
fn name(digest: &ApiKeyDigest) -> String {
    format!("issued-api-key:{}", digest.as_str())
}
