//! Signing in with an OpenID provider: Auth0, or the local one in its place.

mod metadata;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use edge::oidc::{AnyClaims, CachedDocument, DocumentSource, IssuerTokens, KeyCache};
use edge::ports::{FormClient, Rs256};
use edge::problem::Problem;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use shared::code::ErrorCode;
use shared::tenant::EmailAddress;
use shared::time::Timestamp;
use shared::whatwg::Url;
use subtle::ConstantTimeEq;

pub use metadata::Metadata;
pub use transaction::{LIFE as TRANSACTION_LIFE, Purpose, Transaction};

use crate::config::Config;

/// Clocks may differ by a minute.
const SKEW: Duration = Duration::from_secs(60);

/// The provider where people sign in.
pub struct Provider {
    issuer: String,
    client_id: String,
    client_secret: SecretString,
    callback_url: String,
    origin: String,
    metadata: CachedDocument<Metadata>,
    id_tokens: IssuerTokens,
    forms: Arc<dyn FormClient>,
}

/// A person who has signed in at the provider.
pub struct Person {
    /// The verified e-mail address.
    pub email: EmailAddress,
    /// The time when the person signed in at the provider, if the provider says so.
    pub authenticated_at: Option<Timestamp>,
    /// The ID token, which logout sends as a hint.
    pub id_token: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
}

impl Provider {
    /// The configured provider. Its documents are fetched when they are first needed.
    pub fn new(
        config: &Config,
        documents: DocumentSource,
        forms: Arc<dyn FormClient>,
        rs256: Arc<dyn Rs256>,
    ) -> Self {
        let keys = KeyCache::new(documents.clone());
        Self {
            issuer: config.issuer.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            callback_url: config.callback_url(),
            origin: config.origin.clone(),
            metadata: CachedDocument::new(documents, "openid-configuration", Metadata::parse),
            id_tokens: IssuerTokens::new(config.issuer.clone(), config.client_id.clone(), keys, rs256),
            forms,
        }
    }

    /// Returns the URL where the person signs in. With `again`, the provider asks even a person whom it remembers.
    ///
    /// # Errors
    /// 503 if the provider does not answer.
    pub async fn sign_in_url(
        &self,
        transaction: &Transaction,
        again: bool,
        now: Timestamp,
    ) -> Result<String, Problem> {
        let metadata = self.metadata(now).await?;
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.callback_url.as_str()),
            ("scope", "openid profile email"),
            ("state", transaction.state.as_str()),
            ("nonce", transaction.nonce.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let challenge = transaction.challenge();
        parameters.push(("code_challenge", &challenge));
        // The provider then also says when the person signed in (OpenID Connect Core, section 3.1.2.1).
        let max_age = transaction.purpose.max_age().as_secs().to_string();
        parameters.push(("max_age", &max_age));
        if again {
            parameters.push(("prompt", "login"));
        }
        with_query(&metadata.authorization_endpoint, &parameters)
    }

    /// Returns the URL where the person signs out and comes back from.
    ///
    /// # Errors
    /// 503 if the provider does not answer.
    pub async fn sign_out_url(&self, id_token: Option<&str>, now: Timestamp) -> Result<String, Problem> {
        let metadata = self.metadata(now).await?;
        let back = format!("{}/", self.origin);
        let mut parameters =
            vec![("client_id", self.client_id.as_str()), ("post_logout_redirect_uri", back.as_str())];
        parameters.extend(id_token.map(|token| ("id_token_hint", token)));
        // Auth0 has this endpoint even if the tenant's settings leave it out of the document.
        let usual = format!("{}oidc/logout", self.issuer);
        with_query(metadata.end_session_endpoint.as_deref().unwrap_or(&usual), &parameters)
    }

    /// Exchanges the code of a callback for an ID token, and checks the token.
    ///
    /// # Errors
    /// 400 if the provider refuses the code or the token is not valid; 403 if the e-mail address is not verified; 503 if
    /// the provider does not answer.
    pub async fn finish(
        &self,
        transaction: &Transaction,
        code: &str,
        now: Timestamp,
    ) -> Result<Person, Problem> {
        let metadata = self.metadata(now).await?;
        let form = serde_urlencoded::to_string([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback_url),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("code_verifier", &transaction.verifier),
        ]);
        let form = form.map_err(|error| failed(error.to_string()))?;
        let answer = self.forms.post_form(&metadata.token_endpoint, &form).await;
        let answer = answer.map_err(|error| unavailable(format!("token endpoint: {error}")))?;
        let id_token = match answer.status {
            200 => {
                serde_json::from_str::<TokenAnswer>(&answer.body)
                    .map_err(|_| failed("the token endpoint gave no ID token".to_owned()))?
                    .id_token
            }
            status => {
                let error = serde_json::from_str::<TokenRefusal>(&answer.body).map(|refusal| refusal.error);
                // A code of RFC 6749, section 5.2.
                let error: String = error.unwrap_or_default().chars().take(40).collect();
                let detail = format!("the token endpoint answered {status}: {error}");
                // A person can only mend the code; our secret, a rate limit or an outage are for the operators.
                let refused = (400..500).contains(&status) && error == "invalid_grant";
                return Err(if refused { failed(detail) } else { unavailable(detail) });
            }
        };
        let verified = self.id_tokens.verify(&metadata.jwks_uri, &id_token, now).await;
        let claims = verified.map_err(|problem| match problem.status {
            StatusCode::UNAUTHORIZED => failed("the ID token is not valid".to_owned()),
            _ => unavailable(problem.detail.unwrap_or_default()),
        })?;
        let email = self.check(&claims, &transaction.nonce)?;
        let authenticated_at = authenticated_at(&claims, transaction, now)?;
        Ok(Person { email, authenticated_at, id_token })
    }

    /// Checks what OpenID Connect Core, section 3.1.3.7, requires beside signature, issuer, audience and times.
    fn check(&self, claims: &AnyClaims, nonce: &str) -> Result<EmailAddress, Problem> {
        let text = |name: &str| claims.custom.get(name).and_then(Value::as_str);
        let same_nonce =
            text("nonce").is_some_and(|given| bool::from(given.as_bytes().ct_eq(nonce.as_bytes())));
        if !same_nonce {
            return Err(failed("the ID token has another nonce".to_owned()));
        }
        if text("sub").is_none_or(str::is_empty) {
            return Err(failed("the ID token names no subject".to_owned()));
        }
        let audiences = claims.custom.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
        let party = claims.custom.get("azp");
        if (audiences > 1 && party.is_none())
            || party.is_some_and(|party| party.as_str() != Some(&self.client_id))
        {
            return Err(failed("the ID token was issued to another party".to_owned()));
        }
        if claims.custom.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(email_not_verified());
        }
        let email = text("email").and_then(|email| EmailAddress::parse(email).ok());
        email.ok_or_else(email_not_usable)
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, Problem> {
        // OpenID Connect Discovery, section 4: the path is appended to the issuer.
        let url = format!("{}.well-known/openid-configuration", self.issuer);
        let fetched = self.metadata.get(&url, now).await;
        let metadata = fetched.map_err(|problem| unavailable(problem.detail.unwrap_or_default()))?.value;
        if metadata.issuer != self.issuer {
            return Err(unavailable("the discovery document is of another issuer".to_owned()));
        }
        Ok(metadata)
    }

    /// Returns whether an answer comes from this issuer (RFC 9207). `named` is the issuer that the answer names, which a
    /// provider that says that it sends the name must not leave out.
    ///
    /// # Errors
    /// 503 if the provider does not answer.
    pub async fn is_issuer(&self, named: Option<&str>, now: Timestamp) -> Result<bool, Problem> {
        match named {
            Some(named) => Ok(named == self.issuer),
            None => Ok(!self.metadata(now).await?.authorization_response_iss_parameter_supported),
        }
    }
}

/// Returns the time when the person signed in at the provider.
///
/// # Errors
/// 400 if that was longer ago than the transaction allows, or is to come, or if the provider does not say the time and
/// the transaction needs it (OpenID Connect Core, section 3.1.3.7, number 13).
fn authenticated_at(
    claims: &AnyClaims,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let fault = |detail: &str| failed(format!("the ID token's auth_time {detail}"));
    let Some(claim) = claims.custom.get("auth_time") else {
        return match transaction.purpose {
            Purpose::Session => Ok(None),
            Purpose::Confirmation => Err(fault("is missing")),
        };
    };
    let seconds = claim.as_i64().filter(|seconds| *seconds >= 0).ok_or_else(|| fault("is no time"))?;
    let at = Timestamp::from_milliseconds(seconds.saturating_mul(1000));
    if at > now.plus(SKEW) {
        return Err(fault("is to come"));
    }
    if at.plus(transaction.purpose.max_age()).plus(SKEW) < transaction.began_at {
        return Err(fault("is too long ago"));
    }
    Ok(Some(at))
}

fn with_query(endpoint: &str, parameters: &[(&str, &str)]) -> Result<String, Problem> {
    let url = Url::parse(endpoint).ok_or_else(|| unavailable("an endpoint is no URL".to_owned()))?;
    let whole = url.href.strip_suffix(&url.hash).unwrap_or(&url.href);
    let between = match url.search.as_str() {
        _ if whole.ends_with('?') => "",
        "" => "?",
        _ => "&",
    };
    let added = serde_urlencoded::to_string(parameters).map_err(|error| unavailable(error.to_string()))?;
    Ok(format!("{whole}{between}{added}{}", url.hash))
}

fn unavailable(detail: String) -> Problem {
    let message = "We cannot reach the sign-in service at the moment. Your organization's keys and webhooks are not \
                   affected. Try again in a minute.";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ProviderUnavailable, message);
    Problem { detail: Some(detail), ..problem }
}

/// The sign-in did not complete. The detail goes to the log.
pub fn failed(detail: String) -> Problem {
    let message = "We could not complete this sign-in: it took longer than ten minutes, began in another browser, or was \
                   used already. You are not signed in. Start again.";
    let problem = Problem::new(StatusCode::BAD_REQUEST, ErrorCode::SignInFailed, message);
    Problem { detail: Some(detail), ..problem }
}

fn email_not_usable() -> Problem {
    let message = "Your account has no e-mail address that we can use. The address must have plain letters without accents, \
                   such as you@example.com. Use another account, or change the address.";
    Problem::new(StatusCode::BAD_REQUEST, ErrorCode::EmailNotUsable, message)
}

fn email_not_verified() -> Problem {
    let message = "Your e-mail address is not verified yet. Open the message that you got when you signed up, follow the \
                   link in it, and then sign in again.";
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::EmailNotVerified, message)
}
