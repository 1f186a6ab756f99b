//! A sign-in under way, which the browser keeps in an encrypted cookie.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ports::Random;
use shared::sealer::Sealer;
use shared::time::Timestamp;
use subtle::ConstantTimeEq;

/// The time that a person may take at the provider.
pub const LIFE: Duration = Duration::from_secs(10 * 60);
/// Tells a transaction from other values that the same key encrypts.
const CONTEXT: &str = "sign-in transaction";

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
    /// The time when the sign-in expires.
    pub expires_at: Timestamp,
}

impl Transaction {
    /// Begins a sign-in.
    pub fn begin(random: &dyn Random, return_to: &str, now: Timestamp) -> Self {
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
            expires_at: now.plus(LIFE),
        }
    }

    /// Returns the PKCE challenge, method S256.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    /// Returns the digest under which the database remembers that the state was used.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.state))
    }

    /// Returns the cookie's value.
    pub async fn seal(&self, sealer: &Sealer) -> Option<String> {
        sealer.seal(CONTEXT, &serde_json::to_string(self).ok()?).await.ok()
    }

    /// Reads the cookie; `None` if the portal did not make it, if it has another state, or if it has expired.
    pub async fn open(cookie: &str, state: &str, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        let text = sealer.open(CONTEXT, cookie).await.ok()?;
        let transaction: Self = serde_json::from_str(text.expose_secret()).ok()?;
        let same = bool::from(transaction.state.as_bytes().ct_eq(state.as_bytes()));
        (same && now < transaction.expires_at).then_some(transaction)
    }
}
