//! Who is calling (spec: Admin API, Authentication).
//!
//! A handler names whom it lets in by its first argument: [`Admin`] or [`PartnerCaller`].

pub mod portal;
mod token;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, MatchedPath, RawPathParams};
use edge::cost::Cost;
use edge::problem::Problem;
use edge::rate_limit::{RateLimit, client_network};
use edge::routes::{Access, Caller};
use edge::secret::{SharedSecret, the_only};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use shared::actor::Actor;
use shared::api_key::ApiKey;
use shared::app::App;
use shared::app::authenticate_partner::Partner;
use shared::app::idempotency::IdempotencyKey;
use shared::error::Error;
use shared::ports::Clock;
use shared::shard::{Bucket, Shards};
use shared::tenant::OrgId;
use shared::tenant_scope::TenantScope;

pub use token::TokenVerifier;

/// The admin key's header.
pub const ADMIN_KEY: HeaderName = HeaderName::from_static("x-admin-api-key");
/// The key by which a caller repeats a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// A partner's own key.
pub const PARTNER_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Checks both of an admin's credentials.
#[derive(Clone)]
pub struct Authenticator {
    key: SharedSecret,
    tokens: Arc<TokenVerifier>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Checks against this key and these issuers.
    pub fn new(key: SharedSecret, tokens: TokenVerifier, clock: Arc<dyn Clock>) -> Self {
        Self { key, tokens: Arc::new(tokens), clock }
    }

    /// Returns the person who is calling. Checks the key first: without it no token is read, and no issuer's key fetched.
    ///
    /// # Errors
    /// 401 with one body for every cause; 403 for a good token of somebody else; 503 if the issuer's keys are not
    /// available.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Admin, Problem> {
        if !self.key.is_presented(headers, &ADMIN_KEY) {
            return Err(Problem::unauthorized());
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

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let admin = Authenticator::from_ref(state).authenticate(&parts.headers).await?;
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        admin.check_portal(!portal::may_call(parts.method.as_str(), route))?;
        // The use cases need the caller where the request may be repeated.
        parts.extensions.insert(admin.actor.clone());
        Ok(admin)
    }
}

/// A partner's backend.
///
/// Only the database knows whether a key is a partner's, and strangers with made-up keys must not keep it busy. So there is
/// a limit on the requests of each client, whatever its key.
pub struct PartnerCaller(pub Partner);

impl Caller for PartnerCaller {
    const ACCESS: Access = Access::Partner;
}

impl<S: Send + Sync> FromRequestParts<S> for PartnerCaller
where
    Shards<App>: FromRef<S>,
    RateLimit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let presented =
            the_only(&parts.headers, &PARTNER_KEY).and_then(|value| std::str::from_utf8(value).ok());
        let key = presented.and_then(ApiKey::parse).ok_or_else(Problem::unauthorized)?;
        if let Some(client) = client_network(&parts.headers) {
            RateLimit::from_ref(state).count(&client).await?;
        }
        let apps = MeteredApps::metered(parts, state);
        apps.of(key.digest().bucket())
            .authenticate_partner(&key)
            .await?
            .map(Self)
            .ok_or_else(Problem::unauthorized)
    }
}

/// The use cases of all shards, over databases that count what this request costs.
pub struct MeteredApps(pub Shards<App>);

impl MeteredApps {
    fn metered<S>(parts: &Parts, state: &S) -> Shards<App>
    where
        Shards<App>: FromRef<S>,
    {
        let mut apps = Shards::<App>::from_ref(state);
        if let Some(cost) = parts.extensions.get::<Cost>() {
            for app in apps.all_mut() {
                app.database = cost.meter(app.database.clone());
            }
        }
        apps
    }

    /// The same for an admin's request: with an `Idempotency-Key`, a POST may be repeated. Every other method is idempotent by
    /// itself.
    async fn for_admin<S>(parts: &Parts, state: &S) -> Result<Shards<App>, Problem>
    where
        Shards<App>: FromRef<S>,
    {
        let apps = Self::metered(parts, state);
        let key = parts.headers.contains_key(&IDEMPOTENCY_KEY) && parts.method == Method::POST;
        let Some(actor) = parts.extensions.get::<Actor>().filter(|_| key) else { return Ok(apps) };
        let key =
            the_only(&parts.headers, &IDEMPOTENCY_KEY).and_then(IdempotencyKey::parse).ok_or_else(|| {
                let rule = "must be given once, with 1 to 128 visible ASCII characters";
                Problem::invalid_field("Idempotency-Key", rule)
            })?;
        Ok(apps.repeatable(&key, actor).await?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MeteredApps
where
    Shards<App>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(Self::for_admin(parts, state).await?))
    }
}

/// The use cases of the shard that has the tenant of the path, `{orgId}`.
pub struct MeteredApp(pub App);

impl<S: Send + Sync> FromRequestParts<S> for MeteredApp
where
    Shards<App>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let apps = MeteredApps::for_admin(parts, state).await?;
        // A path that is no text has no tenant: the handler's own arguments refuse it.
        let Ok(path) = RawPathParams::from_request_parts(parts, state).await else {
            return Ok(Self(apps.all()[0].clone()));
        };
        let (_, org_id) = path.iter().find(|(name, _)| *name == "orgId").ok_or_else(|| {
            Problem::from(Error::Internal("a route without a tenant asks for the tenant's shard".to_owned()))
        })?;
        Ok(Self(apps.of(Bucket::of(&org_id.to_ascii_lowercase())).clone()))
    }
}
