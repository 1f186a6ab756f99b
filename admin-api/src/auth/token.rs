//! Bearer tokens: RS256 by the Auth0 tenant, HS256 by the portal (RFC 8725 throughout).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use edge::problem::Problem;
use http::StatusCode;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, TimeOptions, UntrustedToken};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use shared::actor::Actor;
use shared::ports::Rs256;
use shared::strict_json;
use shared::tenant::EmailAddress;
use shared::time::Timestamp;

use super::jwks::KeyCache;
use crate::config::Config;

/// Admins' addresses are here and nowhere below.
const ADMIN_DOMAIN: &str = "smartphonekey.com";
/// Clocks may differ by a minute.
const SKEW_SECONDS: i64 = 60;
/// The longest life of a service token.
const SERVICE_LIFE_SECONDS: i64 = 60;
const SERVICE_ISSUER: &str = "partner-portal";
const SERVICE_AUDIENCE: &str = "admin-api";
const SERVICE_EMAIL: &str = "partner-portal@smartphonekey.com";
/// The end of the year 9999.
const LATEST_SECOND: i64 = 253_402_300_799;
/// The longest token that is looked at.
const LONGEST_TOKEN: usize = 16 * 1024;

/// The shortest RS256 signature: RFC 7518 section 3.3 asks for keys of 2048 bits or more.
const SHORTEST_SIGNATURE: usize = 256;
/// Header parameters that would have us take a key from the token, or obey an extension we do not know. Refused
/// whatever they hold.
const REFUSED_PARAMETERS: [&str; 6] = ["jwk", "jku", "x5u", "x5c", "crit", "b64"];

type AnyClaims = Claims<Map<String, Value>>;

/// Verifies tokens of both kinds.
pub struct TokenVerifier {
    issuer: String,
    audience: String,
    email_claim: String,
    service_secret: SecretString,
    keys: KeyCache,
    rs256: Arc<dyn Rs256>,
}

impl TokenVerifier {
    /// Verifies against the configured issuer and service secret.
    pub fn new(config: &Config, keys: KeyCache, rs256: Arc<dyn Rs256>) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            email_claim: config.email_claim.clone(),
            service_secret: config.service_jwt_secret.clone(),
            keys,
            rs256,
        }
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// 401, 403 or 503, as [`super::Authenticator::authenticate`] says.
    pub async fn verify(&self, text: &str, now: Timestamp) -> Result<Actor, Problem> {
        let token = parse(text).ok_or_else(Problem::unauthorized)?;
        // The algorithm chooses the issuer, and each issuer has one: a token can never be checked with the wrong key.
        match token.algorithm() {
            "RS256" => self.verify_person(text, &token, now).await,
            "HS256" => self.verify_service(&token, now),
            _ => Err(Problem::unauthorized()),
        }
    }

    async fn verify_person(
        &self,
        text: &str,
        token: &UntrustedToken<'_>,
        now: Timestamp,
    ) -> Result<Actor, Problem> {
        let claims: AnyClaims = token.deserialize_claims_unchecked().map_err(|_| Problem::unauthorized())?;
        // Claims first: a token that is stale, meant for others or not signed at all causes no fetch.
        check_times(&claims, now)?;
        let signature = token.signature_bytes();
        let custom = &claims.custom;
        if custom.get("iss").and_then(Value::as_str) != Some(&self.issuer)
            || !names(custom.get("aud"), &self.audience)
            || signature.len() < SHORTEST_SIGNATURE
        {
            return Err(Problem::unauthorized());
        }
        let key_id = token.header().key_id.as_deref();
        let key = self.keys.find(key_id, now).await?.ok_or_else(Problem::unauthorized)?;
        let signed = text.rsplit_once('.').map(|(signed, _)| signed).unwrap_or_default();
        if !self.rs256.verify(&key.modulus, &key.exponent, signed.as_bytes(), signature).await {
            return Err(Problem::unauthorized());
        }
        let email = custom.get(&self.email_claim).and_then(Value::as_str);
        let email =
            email.and_then(|text| EmailAddress::parse(text).ok()).filter(|email| email.is_at(ADMIN_DOMAIN));
        // Auth0's namespaced claims come in pairs: https://…/email and https://…/email_verified.
        let verified = ["email_verified", &format!("{}_verified", self.email_claim)]
            .into_iter()
            .filter_map(|name| custom.get(name))
            .all(|value| *value == Value::Bool(true));
        match email {
            Some(email) if verified => Ok(Actor::person(email.as_str())),
            _ => Err(email_domain_not_allowed()),
        }
    }

    fn verify_service(&self, token: &UntrustedToken<'_>, now: Timestamp) -> Result<Actor, Problem> {
        let key = Hs256Key::new(self.service_secret.expose_secret().as_bytes());
        let validator = Hs256.validator::<Map<String, Value>>(&key);
        let token = validator.validate(token).map_err(|_| Problem::unauthorized())?;
        let claims = token.claims();
        check_times(claims, now)?;
        let text = |name: &str| claims.custom.get(name).and_then(Value::as_str);
        let life = claims.expiration.zip(claims.issued_at).map(|(end, start)| (end - start).num_seconds());
        let good = text("iss") == Some(SERVICE_ISSUER)
            && names(claims.custom.get("aud"), SERVICE_AUDIENCE)
            && text("email") == Some(SERVICE_EMAIL)
            && life.is_some_and(|seconds| (0..=SERVICE_LIFE_SECONDS).contains(&seconds));
        let person = text("act").and_then(|act| EmailAddress::parse(act).ok()).filter(|_| good);
        person.map(|email| Actor::through_portal(email.as_str())).ok_or_else(Problem::unauthorized)
    }
}

/// Takes a token apart. Header and claims are checked as strictly as any body is: of a member that is there twice,
/// another reader could take the other value.
fn parse(text: &str) -> Option<UntrustedToken<'_>> {
    if text.len() > LONGEST_TOKEN {
        return None;
    }
    let mut parts = text.split('.');
    let header = strict_object(parts.next()?)?;
    strict_object(parts.next()?)?;
    let refused = REFUSED_PARAMETERS.iter().any(|name| header.contains_key(*name));
    let key_id_is_text = header.get("kid").is_none_or(Value::is_string);
    if refused || !key_id_is_text { None } else { UntrustedToken::new(text).ok() }
}

fn strict_object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    strict_json::check_object(&bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `exp` and `iat` must be there; `nbf` counts where it is.
fn check_times(claims: &AnyClaims, now: Timestamp) -> Result<(), Problem> {
    let clock = || DateTime::<Utc>::from_timestamp_millis(now.milliseconds()).unwrap_or_default();
    let skew = chrono::Duration::seconds(SKEW_SECONDS);
    let options = TimeOptions::new(skew, clock);
    // Beyond the years 1970 to 9999 the arithmetic could overflow, and no honest token is there.
    let times = [claims.expiration, claims.not_before, claims.issued_at];
    if !times.into_iter().flatten().all(|time| (0..=LATEST_SECOND).contains(&time.timestamp())) {
        return Err(Problem::unauthorized());
    }
    let expiration = claims.validate_expiration(&options).is_ok();
    let maturity = claims.not_before.is_none() || claims.validate_maturity(&options).is_ok();
    let issued = claims.issued_at.is_some_and(|issued| issued <= clock() + skew);
    if expiration && maturity && issued { Ok(()) } else { Err(Problem::unauthorized()) }
}

/// Whether `aud`, one text or a list of them, names this audience.
fn names(audience: Option<&Value>, expected: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == expected,
        Some(Value::Array(many)) => {
            many.iter().all(Value::is_string) && many.iter().any(|one| one.as_str() == Some(expected))
        }
        _ => false,
    }
}

fn email_domain_not_allowed() -> Problem {
    let message = format!("Sign in with a verified e-mail address at {ADMIN_DOMAIN}.");
    Problem::new(StatusCode::FORBIDDEN, "email_domain_not_allowed", message)
}
