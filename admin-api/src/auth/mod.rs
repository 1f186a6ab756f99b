//! Who is calling (spec: Admin API, Authentication).
//!
//! A handler names whom it lets in by its first argument: [`Admin`] or [`PartnerCaller`].

mod partner;
pub mod portal;
mod token;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use edge::cost::Cost;
use edge::problem::Problem;
use edge::rate_limit::RateLimit;
use edge::router::MatchedRoute;
use edge::routes::{Access, Caller};
use edge::secret::{SharedSecret, the_only};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use shared::actor::Actor;
use shared::app::App;
use shared::app::idempotency::IdempotencyKey;
use shared::error::Error;
use shared::ports::Clock;
use shared::shard::{Bucket, Shards};
use shared::tenant::OrgId;
use shared::tenant_scope::TenantScope;

use crate::service::AdminApi;

pub use partner::{IssuedKeys, PARTNER_KEY, PartnerCaller, PartnerGate};
pub use token::TokenVerifier;

/// The admin key's header.
pub const ADMIN_KEY: HeaderName = HeaderName::from_static("x-admin-api-key");
/// The key by which a caller repeats a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Checks both of an admin's credentials.
#[derive(Clone)]
pub struct Authenticator {
    key: SharedSecret,
    tokens: Arc<TokenVerifier>,
    failures: RateLimit,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Checks against this key and these issuers. `failures` limits how often a client may present a wrong key.
    pub fn new(key: SharedSecret, tokens: TokenVerifier, failures: RateLimit, clock: Arc<dyn Clock>) -> Self {
        Self { key, tokens: Arc::new(tokens), failures, clock }
    }

    /// Returns the person who is calling. Checks the key first: without it no token is read, and no issuer's key fetched.
    /// Only wrong keys are counted, so that nobody shuts out an admin at the same address.
    ///
    /// # Errors
    /// 401 with one body for every cause; 429 for a wrong key after too many; 403 for a good token of somebody else; 503 if
    /// the issuer's keys are not available.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Admin, Problem> {
        if !self.key.is_presented(headers, &ADMIN_KEY) {
            let refused = Problem::unauthorized();
            let is_guess = headers.contains_key(&ADMIN_KEY);
            return Err(if is_guess { self.failures.failure(headers, refused).await } else { refused });
        }
        let token = bearer_token(headers).ok_or_else(Problem::unauthorized)?;
        self.tokens.verify(token, self.clock.now()).await.map(|actor| Admin { actor })
    }
}

/// The token behind `Bearer`: the scheme in any case, then one or more spaces (RFC 9110 section 11.4).
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = std::str::from_utf8(the_only(headers, &header::AUTHORIZATION)?).ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start_matches(' '))
}

/// An admin, or the portal on behalf of a person.
pub struct Admin {
    /// The person, as the audit log names them.
    pub actor: Actor,
}

impl Admin {
    /// The tenant with this ID, as far as the caller may act for it.
    pub fn of(&self, org_id: OrgId) -> TenantScope {
        TenantScope::new(self.actor.clone(), org_id)
    }

    /// Refuses the portal a part of a route that it may call.
    ///
    /// # Errors
    /// 403 if `refused` and the portal is calling.
    pub fn check_portal(&self, refused: bool) -> Result<(), Problem> {
        if refused && self.actor.is_at_portal() { Err(portal::refusal()) } else { Ok(()) }
    }
}

impl Caller for Admin {
    const ACCESS: Access = Access::Admin;
}

impl FromRequestParts<AdminApi> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AdminApi) -> Result<Self, Problem> {
        let admin = service.authenticator.authenticate(&parts.headers).await?;
        let route = parts.extensions.get::<MatchedRoute>().map_or("", |matched| matched.path);
        admin.check_portal(!portal::may_call(parts.method.as_str(), route))?;
        // The use cases need the caller where the request may be repeated.
        parts.extensions.insert(admin.actor.clone());
        Ok(admin)
    }
}

/// These use cases, over databases that count what the request costs.
fn metered(parts: &Parts, mut apps: Shards<App>) -> Shards<App> {
    let cost = Cost::of(&parts.extensions);
    for app in apps.all_mut() {
        app.database = cost.meter(app.database.clone());
    }
    apps
}

/// The use cases of all shards, over databases that count what this request costs.
///
/// With an `Idempotency-Key`, an admin's POST may be repeated. Every other method is idempotent by itself.
pub struct MeteredApps(pub Shards<App>);

impl FromRequestParts<AdminApi> for MeteredApps {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AdminApi) -> Result<Self, Problem> {
        let apps = metered(parts, service.apps.clone());
        let key = parts.headers.contains_key(&IDEMPOTENCY_KEY) && parts.method == Method::POST;
        let Some(actor) = parts.extensions.get::<Actor>().filter(|_| key) else { return Ok(Self(apps)) };
        let key =
            the_only(&parts.headers, &IDEMPOTENCY_KEY).and_then(IdempotencyKey::parse).ok_or_else(|| {
                let rule = "must be given once, with 1 to 128 visible ASCII characters";
                Problem::invalid_field("Idempotency-Key", rule)
            })?;
        Ok(Self(apps.repeatable(&key, actor).await?))
    }
}

/// The use cases of the shard that has the tenant of the path, `{orgId}`.
pub struct MeteredApp(pub App);

impl FromRequestParts<AdminApi> for MeteredApp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AdminApi) -> Result<Self, Problem> {
        let MeteredApps(apps) = MeteredApps::from_request_parts(parts, service).await?;
        let path = parts.extensions.get::<MatchedRoute>();
        let org_id = match path.map(|path| path.parameter("orgId")) {
            Some(Ok(Some(org_id))) => org_id.to_ascii_lowercase(),
            // A path that is no text has no tenant: the handler's own arguments refuse it.
            Some(Err(_)) => return Ok(Self(apps.all()[0].clone())),
            Some(Ok(None)) | None => {
                let detail = "a route without a tenant asks for the tenant's shard";
                return Err(Error::Internal(detail.to_owned()).into());
            }
        };
        Ok(Self(apps.of(Bucket::of(&org_id)).clone()))
    }
}
