//! Sign-ins under way, which the browser keeps in encrypted cookies: one for each, named by its state, so that several
//! tabs can sign in at once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ports::Random;
use shared::sealer::Sealer;
use shared::time::Timestamp;
use subtle::ConstantTimeEq;

use crate::cookies;
use crate::paths::{to_confirm, with_return};
use crate::session::{ABSOLUTE, RECENT};

/// The time that a person may take at the provider.
pub const LIFE: Duration = Duration::from_secs(10 * 60);
/// The most sign-ins that one browser may have under way.
const MOST: usize = 5;
/// Tells a transaction from other values that the same key encrypts.
const CONTEXT: &str = "sign-in transaction";

/// What a sign-in is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A session.
    Session,
    /// A session whose person may do what is dangerous: the person has to have signed in lately, and the provider has to
    /// say when that was.
    Confirmation,
}

impl Purpose {
    /// Returns the age that the person's sign-in at the provider may have.
    pub fn max_age(self) -> Duration {
        match self {
            Self::Session => ABSOLUTE,
            Self::Confirmation => RECENT,
        }
    }
}

/// A sign-in under way.
#[derive(Serialize, Deserialize)]
pub struct Transaction {
    /// Ties the callback to this browser.
    pub state: String,
    /// Ties the ID token to this sign-in.
    pub nonce: String,
    /// Proves to the token endpoint that the portal began this sign-in (RFC 7636).
    pub verifier: String,
    /// The path of the portal to go to afterwards.
    pub return_to: String,
    /// What the sign-in is for.
    pub purpose: Purpose,
    /// The time when the sign-in began.
    pub began_at: Timestamp,
}

impl Transaction {
    /// Begins a sign-in.
    pub fn begin(random: &dyn Random, return_to: &str, purpose: Purpose, now: Timestamp) -> Self {
        let draw = || {
            let mut bytes = [0_u8; 32];
            random.fill(&mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        Self {
            state: draw(),
            nonce: draw(),
            verifier: draw(),
            return_to: return_to.to_owned(),
            purpose,
            began_at: now,
        }
    }

    /// Returns the time when the sign-in expires.
    pub fn expires_at(&self) -> Timestamp {
        self.began_at.plus(LIFE)
    }

    /// Returns the PKCE challenge, method S256.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    /// Returns the digest under which the database remembers that the state was used.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.state))
    }

    /// Returns the cookies for an answer that begins this sign-in: its own, and those that clear the cookies of sign-ins
    /// that have expired and of the oldest beyond the limit.
    ///
    /// `None` if the platform's cryptography fails.
    pub async fn cookies(
        &self,
        headers: &HeaderMap,
        sealer: &Sealer,
        now: Timestamp,
    ) -> Option<Vec<HeaderValue>> {
        let sealed = sealer.seal(CONTEXT, &serde_json::to_string(self).ok()?).await.ok()?;
        let mut cookies = vec![cookies::set(&name(&self.state), &sealed, LIFE)?];
        let mut others = Vec::new();
        for state in cookies::names(headers, cookies::TRANSACTION) {
            match Self::of_state(headers, state, sealer, now).await {
                Some(other) => others.push((other.began_at, state)),
                None => cookies.extend(cookies::clear(&name(state))),
            }
        }
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(MOST);
        cookies.extend(others.iter().take(surplus).filter_map(|(_, state)| cookies::clear(&name(state))));
        Some(cookies)
    }

    /// Returns the sign-in of this browser with this state; `None` if the portal did not begin it here, or if it has
    /// expired.
    pub async fn of_state(headers: &HeaderMap, state: &str, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        let cookie = cookies::read(headers, &name(state))?;
        let text = sealer.open(CONTEXT, cookie).await.ok()?;
        let transaction: Self = serde_json::from_str(text.expose_secret()).ok()?;
        // Somebody may have renamed the cookie.
        let same = bool::from(transaction.state.as_bytes().ct_eq(state.as_bytes()));
        (same && now < transaction.expires_at()).then_some(transaction)
    }

    /// Returns the path of the portal where this sign-in begins anew.
    pub fn sign_in_path(&self) -> String {
        match self.purpose {
            Purpose::Session => with_return("/login", &self.return_to),
            Purpose::Confirmation => to_confirm(&self.return_to),
        }
    }

    /// Returns the header that clears the sign-in's cookie.
    pub fn clear(&self) -> Option<HeaderValue> {
        cookies::clear(&name(&self.state))
    }
}

/// Returns the name of the cookie of the sign-in with this state.
fn name(state: &str) -> String {
    format!("{}{state}", cookies::TRANSACTION)
}
