//! Signed tokens (RFC 7519), read by the rules of RFC 8725.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jwt_compact::{Claims, TimeOptions, UntrustedToken};
use serde_json::{Map, Value};
use shared::strict_json;
use shared::time::Timestamp;

use super::jwks::KeyCache;
use crate::ports::Rs256;
use crate::problem::Problem;

/// Clocks may differ by a minute.
const SKEW_SECONDS: i64 = 60;
/// The end of the year 9999.
const LATEST_SECOND: i64 = 253_402_300_799;
/// The longest token that is parsed, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// The shortest RS256 signature: RFC 7518 section 3.3 asks for keys of 2048 bits or more.
const SHORTEST_SIGNATURE: usize = 256;
/// Header parameters that would have us take a key from the token, obey an extension that we do not know, or read the claims as
/// something else than JSON. A token with any of them is refused, whatever its value.
const REFUSED_PARAMETERS: [&str; 9] = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "cty", "enc", "zip"];
/// What a token may say that it is, in any case, if it says so: no token that was signed for another purpose is taken
/// (RFC 8725, section 3.11; RFC 9068, section 4).
const TYPES: [&str; 4] = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

/// A token whose signature is not verified yet.
pub type Token<'a> = UntrustedToken<'a>;
/// The claims of a token. Times are parsed; all other claims are as the token has them.
pub type AnyClaims = Claims<Map<String, Value>>;

/// Parses a token. Header and claims are checked as strictly as any request body: of a member that stands there twice,
/// another reader could take the other value.
///
/// # Errors
/// 401 if the text is no token, the token brings its own key, or it says that it is for something else.
pub fn parse(text: &str) -> Result<Token<'_>, Problem> {
    taken_apart(text).ok_or_else(Problem::unauthorized)
}

fn taken_apart(text: &str) -> Option<Token<'_>> {
    if text.len() > LONGEST_TOKEN {
        return None;
    }
    let mut parts = text.split('.');
    let header = strict_object(parts.next()?)?;
    strict_object(parts.next()?)?;
    let refused = REFUSED_PARAMETERS.iter().any(|name| header.contains_key(*name));
    let key_id_is_text = header.get("kid").is_none_or(Value::is_string);
    let is_ours = |kind: &Value| {
        kind.as_str().is_some_and(|kind| TYPES.iter().any(|ours| ours.eq_ignore_ascii_case(kind)))
    };
    let is_taken = !refused && key_id_is_text && header.get("typ").is_none_or(is_ours);
    if is_taken { Token::new(text).ok() } else { None }
}

fn strict_object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    strict_json::check_object(&bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Verifies the tokens that an issuer signs for one audience.
pub struct IssuerTokens {
    issuer: String,
    audience: String,
    keys: KeyCache,
    rs256: Arc<dyn Rs256>,
    longest_life: Option<i64>,
}

impl IssuerTokens {
    /// Accepts tokens of this issuer for this audience, both compared byte by byte.
    pub fn new(issuer: String, audience: String, keys: KeyCache, rs256: Arc<dyn Rs256>) -> Self {
        Self { issuer, audience, keys, rs256, longest_life: None }
    }

    /// The same, but of tokens that live so many seconds at most, from `iat` to `exp`.
    #[must_use]
    pub fn living_at_most(self, seconds: i64) -> Self {
        Self { longest_life: Some(seconds), ..self }
    }

    /// When the keys were fetched that a token would be checked with. `None` if newer keys would be looked for first.
    pub fn keys_fetched_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.keys.fetched_at(now)
    }

    /// Verifies an RS256 token with the issuer's keys, which are at `keys_url`. Returns the token's claims.
    ///
    /// # Errors
    /// 401 with one body for every cause; 503 if the issuer's keys cannot be fetched.
    pub async fn verify(&self, keys_url: &str, text: &str, now: Timestamp) -> Result<AnyClaims, Problem> {
        let token = parse(text)?;
        if token.algorithm() != "RS256" {
            return Err(Problem::unauthorized());
        }
        let claims: AnyClaims = token.deserialize_claims_unchecked().map_err(|_| Problem::unauthorized())?;
        // Claims first: a token that is stale, meant for others or not signed at all causes no fetch.
        check_times(&claims, now)?;
        if self.longest_life.is_some_and(|longest| life(&claims).is_none_or(|seconds| seconds > longest)) {
            return Err(Problem::unauthorized());
        }
        let signature = token.signature_bytes();
        if signature.len() < SHORTEST_SIGNATURE
            || claims.custom.get("iss").and_then(Value::as_str) != Some(&self.issuer)
            || !names(claims.custom.get("aud"), &self.audience)
        {
            return Err(Problem::unauthorized());
        }
        let key_id = token.header().key_id.as_deref();
        let key = self.keys.find(keys_url, key_id, now).await?.ok_or_else(Problem::unauthorized)?;
        let signed = text.rsplit_once('.').map(|(signed, _)| signed).unwrap_or_default();
        if self.rs256.verify(&key.modulus, &key.exponent, signed.as_bytes(), signature).await {
            Ok(claims)
        } else {
            Err(Problem::unauthorized())
        }
    }
}

/// The seconds from `iat` to `exp`.
fn life(claims: &AnyClaims) -> Option<i64> {
    claims.expiration.zip(claims.issued_at).map(|(end, start)| (end - start).num_seconds())
}

/// Checks the token's times. `exp` and `iat` must be there, `exp` after `iat`; `nbf` need not.
///
/// # Errors
/// 401 if a time is missing, out of range, or not fulfilled.
pub fn check_times(claims: &AnyClaims, now: Timestamp) -> Result<(), Problem> {
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
    let ends_after_it_began = life(claims).is_some_and(|seconds| seconds > 0);
    if expiration && maturity && issued && ends_after_it_began {
        Ok(())
    } else {
        Err(Problem::unauthorized())
    }
}

/// Whether `aud`, one text or a list of them, names this audience.
pub fn names(audience: Option<&Value>, expected: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == expected,
        Some(Value::Array(many)) => {
            many.iter().all(Value::is_string) && many.iter().any(|one| one.as_str() == Some(expected))
        }
        _ => false,
    }
}
