//! Bearer tokens: RS256 by the Auth0 tenant, HS256 by the portal (RFC 8725 throughout).

use std::sync::Arc;

use edge::oidc::{IssuerTokens, KeyCache, Token, VerifiedTokens, check_times, names, parse};
use edge::ports::Rs256;
use edge::problem::Problem;
use http::StatusCode;
use jwt_compact::AlgorithmExt;
use jwt_compact::alg::{Hs256, Hs256Key};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use shared::actor::Actor;
use shared::code::ErrorCode;
use shared::environment::Environment;
use shared::tenant::EmailAddress;
use shared::time::Timestamp;

use crate::config::Config;

/// The domain of admins' addresses; its subdomains do not count.
const ADMIN_DOMAIN: &str = "smartphonekey.com";
/// The longest life of a person's token.
const PERSON_LIFE_SECONDS: i64 = 3_600;
/// The longest life of a service token, from its making and from now.
const SERVICE_LIFE_SECONDS: i64 = 60;
/// How far the portal's clock may be ahead.
const SERVICE_SKEW_SECONDS: i64 = 5;
const SERVICE_ISSUER: &str = "partner-portal";
const SERVICE_AUDIENCE: &str = "admin-api";
const SERVICE_EMAIL: &str = "partner-portal@smartphonekey.com";

/// Verifies tokens of both kinds.
pub struct TokenVerifier {
    people: IssuerTokens,
    verified_tokens: VerifiedTokens<Actor>,
    keys_url: String,
    email_claim: String,
    /// Whether a token may leave out that its e-mail address is verified.
    verified_by_default: bool,
    service_secrets: Vec<SecretString>,
}

impl TokenVerifier {
    /// Verifies against the configured issuer and service secret.
    pub fn new(config: &Config, keys: KeyCache, rs256: Arc<dyn Rs256>) -> Self {
        Self {
            people: IssuerTokens::new(config.issuer.clone(), config.audience.clone(), keys, rs256)
                .living_at_most(PERSON_LIFE_SECONDS),
            verified_tokens: VerifiedTokens::default(),
            // Auth0 publishes its keys here.
            keys_url: format!("{}.well-known/jwks.json", config.issuer),
            email_claim: config.email_claim.clone(),
            verified_by_default: config.environment == Environment::Local,
            service_secrets: config.service_jwt_secrets.clone(),
        }
    }

    /// Who the token speaks for.
    ///
    /// # Errors
    /// 401, 403 or 503, as [`super::Authenticator::authenticate`] says.
    pub async fn verify(&self, text: &str, now: Timestamp) -> Result<Actor, Problem> {
        let keys_at = self.people.keys_fetched_at(now);
        if let Some(actor) = keys_at.and_then(|keys_at| self.verified_tokens.get(text, keys_at, now)) {
            return Ok(actor);
        }
        let token = parse(text)?;
        // Each issuer has an algorithm of its own, so no token is checked with the other issuer's key.
        match token.algorithm() {
            "HS256" => self.verify_service(&token, now),
            _ => self.verify_person(text, keys_at, now).await,
        }
    }

    async fn verify_person(
        &self,
        text: &str,
        keys_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Actor, Problem> {
        let claims = self.people.verify(&self.keys_url, text, now).await?;
        let custom = &claims.custom;
        let email = custom.get(&self.email_claim).and_then(Value::as_str);
        let email =
            email.and_then(|text| EmailAddress::parse(text).ok()).filter(|email| email.is_at(ADMIN_DOMAIN));
        // Auth0's namespaced claims come in pairs: https://…/email and https://…/email_verified.
        let said = ["email_verified", &format!("{}_verified", self.email_claim)];
        let mut said = said.into_iter().filter_map(|name| custom.get(name)).peekable();
        let verified = match said.peek() {
            Some(_) => said.all(|value| *value == Value::Bool(true)),
            None => self.verified_by_default,
        };
        let email = email.filter(|_| verified).ok_or_else(email_domain_not_allowed)?;
        let actor = Actor::person(email.as_str());
        if let (Some(keys_at), Some(end)) = (keys_at, claims.expiration) {
            let ends_at = Timestamp::from_milliseconds(end.timestamp_millis());
            self.verified_tokens.remember(text, keys_at, ends_at, actor.clone());
        }
        Ok(actor)
    }

    fn verify_service(&self, token: &Token<'_>, now: Timestamp) -> Result<Actor, Problem> {
        let signed = |secret: &SecretString| {
            let key = Hs256Key::new(secret.expose_secret().as_bytes());
            Hs256.validator::<Map<String, Value>>(&key).validate(token).ok()
        };
        let token = self.service_secrets.iter().find_map(signed).ok_or_else(Problem::unauthorized)?;
        let claims = token.claims();
        check_times(claims, now)?;
        let text = |name: &str| claims.custom.get(name).and_then(Value::as_str);
        let seconds = now.seconds();
        let timely = claims.expiration.zip(claims.issued_at).is_some_and(|(end, start)| {
            (0..=SERVICE_LIFE_SECONDS).contains(&(end - start).num_seconds())
                && start.timestamp() <= seconds + SERVICE_SKEW_SECONDS
                && end.timestamp() <= seconds + SERVICE_LIFE_SECONDS
        });
        let good = text("iss") == Some(SERVICE_ISSUER)
            && names(claims.custom.get("aud"), SERVICE_AUDIENCE)
            && text("email") == Some(SERVICE_EMAIL)
            && timely;
        let person = text("act").and_then(|act| EmailAddress::parse(act).ok()).filter(|_| good);
        person.map(|email| Actor::through_portal(email.as_str())).ok_or_else(Problem::unauthorized)
    }
}

fn email_domain_not_allowed() -> Problem {
    let message = format!("Sign in with a verified e-mail address at {ADMIN_DOMAIN}.");
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::EmailDomainNotAllowed, message)
}
