//! A browser in which somebody has signed in before. Its sign-ins are counted by that person and not by address, so that a stranger
//! behind the same address does not keep the person out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::sealer::Sealer;
use shared::time::Timestamp;

use crate::cookies;

/// Tells the cookie from other values that the same key encrypts.
const CONTEXT: &str = "known browser";
/// A browser is known for this much time after the last sign-in there.
const LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

#[derive(Serialize, Deserialize)]
struct KnownBrowser {
    /// A digest of the person's e-mail address, which is the same in all browsers of the person.
    person: String,
    expires_at: Timestamp,
}

/// Returns the cookie for a browser in which the person with this address has signed in. The cookie opens nothing.
pub async fn cookie(email: &str, sealer: &Sealer, now: Timestamp) -> Option<HeaderValue> {
    let person = hex::encode(Sha256::digest(email.to_ascii_lowercase()));
    let known = KnownBrowser { person, expires_at: now.plus(LIFE) };
    let sealed = sealer.seal(CONTEXT, &serde_json::to_string(&known).ok()?).await.ok()?;
    cookies::set(cookies::KNOWN_BROWSER, &sealed, LIFE)
}

/// Returns a name for the person who has signed in in this browser, if the portal knows the browser.
pub async fn person(headers: &HeaderMap, sealer: &Sealer, now: Timestamp) -> Option<String> {
    let text = sealer.open(CONTEXT, cookies::read(headers, cookies::KNOWN_BROWSER)?).await.ok()?;
    let known: KnownBrowser = serde_json::from_str(text.expose_secret()).ok()?;
    (now < known.expires_at).then_some(known.person)
}
