//! API keys: shown once, kept as digests, at most one active per tenant.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::shard::Bucket;
use crate::time::Timestamp;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of a key: 40 of 62 letters and digits are 238 bits.
pub const API_KEY_LENGTH: usize = 40;

/// A full API key. Its `Debug` prints nothing of it.
#[derive(Clone, Debug)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Draws a key from a source of random bytes. Bytes of 248 and above are thrown away, so that every
    /// character is equally likely.
    pub fn generate(mut fill: impl FnMut(&mut [u8])) -> Self {
        let mut text = String::with_capacity(API_KEY_LENGTH);
        let mut bytes = [0_u8; 64];
        while text.len() < API_KEY_LENGTH {
            fill(&mut bytes);
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let characters = fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
            text.extend(characters.take(API_KEY_LENGTH - text.len()));
        }
        Self(text.into())
    }

    /// Draws keys until the digest of one begins with this bucket: 256 of them on average.
    pub fn generate_in(bucket: Bucket, mut fill: impl FnMut(&mut [u8])) -> Self {
        // Randomness for some sixty keys at a time: each call crosses an edge.
        let (mut drawn, mut used) = (vec![0_u8; 4_096], 4_096);
        let mut from_drawn = |bytes: &mut [u8]| {
            if used + bytes.len() > drawn.len() {
                fill(&mut drawn);
                used = 0;
            }
            bytes.copy_from_slice(&drawn[used..used + bytes.len()]);
            used += bytes.len();
        };
        loop {
            let key = Self::generate(&mut from_drawn);
            if key.digest().bucket() == bucket {
                return key;
            }
        }
    }

    /// A key as a caller presents it; nothing where it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let good = text.len() == API_KEY_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then(|| Self(text.into()))
    }

    /// What is stored and looked up.
    pub fn digest(&self) -> ApiKeyDigest {
        let digest = Sha256::digest(self.0.expose_secret().as_bytes());
        ApiKeyDigest { bucket: Bucket(digest[0]), text: hex::encode(digest) }
    }

    /// The first 8 characters.
    pub fn prefix(&self) -> &str {
        &self.0.expose_secret()[..8]
    }

    /// The last 4 characters.
    pub fn suffix(&self) -> &str {
        &self.0.expose_secret()[API_KEY_LENGTH - 4..]
    }

    /// The whole key, for the one response that shows it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

/// SHA-256 of a key, in hexadecimal. Looking it up needs no constant time: what an attacker could learn of a
/// digest tells nothing of a key with 238 random bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyDigest {
    bucket: Bucket,
    text: String,
}

impl ApiKeyDigest {
    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bucket of the key's tenant.
    pub fn bucket(&self) -> Bucket {
        self.bucket
    }
}

/// A key as people may see it: the first 8 characters, an ellipsis, the last 4.
pub fn masked(prefix: &str, suffix: &str) -> String {
    format!("{prefix}…{suffix}")
}

/// A tenant's active key as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySummary {
    /// The first 8 characters.
    pub prefix: String,
    /// `3f9a1b2c…7d4e`.
    pub masked: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it stops working by itself, if ever.
    pub expires_at: Option<Timestamp>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyState {
    /// Works.
    Active,
    /// Rotated, and works until its grace ends.
    Retiring,
    /// Ended by a person.
    Revoked,
    /// Ended by its own date.
    Expired,
}

impl ApiKeyState {
    /// The state that these dates mean now. A `revoked_at` ahead is a grace still running.
    pub fn at(now: Timestamp, expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>) -> Self {
        let expired = expires_at.is_some_and(|end| end <= now);
        match revoked_at {
            Some(end) if end <= now && expires_at.is_none_or(|expiry| end < expiry) => Self::Revoked,
            _ if expired => Self::Expired,
            Some(end) if end <= now => Self::Revoked,
            Some(_) => Self::Retiring,
            None => Self::Active,
        }
    }

    /// Whether a caller with this key is let in.
    pub fn works(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

/// One key ever issued, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedApiKey {
    /// What the active key shows as well.
    #[serde(flatten)]
    pub summary: ApiKeySummary,
    /// The label it was issued under.
    pub org_name: String,
    /// Where it is in its life now.
    pub state: ApiKeyState,
    /// When it was revoked, or, for a retiring key, when its grace ends.
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRandom;

    fn key(random: &SeededRandom) -> ApiKey {
        ApiKey::generate(random.source())
    }

    #[test]
    fn a_key_is_forty_letters_and_digits_and_no_two_are_alike() {
        let random = SeededRandom::new(1);
        let keys: Vec<_> = (0..200).map(|_| key(&random)).collect();
        for key in &keys {
            assert!(ApiKey::parse(key.reveal()).is_some());
        }
        let distinct: std::collections::HashSet<_> = keys.iter().map(|key| key.reveal().to_owned()).collect();
        assert_eq!(distinct.len(), 200);
    }

    #[test]
    fn every_character_of_the_alphabet_is_drawn_about_equally_often() {
        let random = SeededRandom::new(2);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..2_000 {
            for character in key(&random).reveal().chars() {
                *counts.entry(character).or_insert(0_u32) += 1;
            }
        }
        assert_eq!(counts.len(), 62);
        // 80,000 draws: 1,290 each, standard deviation 36.
        assert!(counts.values().all(|count| (1_090..1_490).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_padded_truncated_or_foreign_key_is_none() {
        let key = key(&SeededRandom::new(3));
        for bad in [
            &key.reveal()[1..],
            &format!("{} ", key.reveal()),
            &format!("{}a", key.reveal()),
            "",
            key.digest().as_str(),
        ] {
            assert!(ApiKey::parse(bad).is_none());
        }
    }

    #[test]
    fn debug_prints_nothing_of_a_key() {
        let key = key(&SeededRandom::new(4));
        assert!(!format!("{key:?}").contains(key.prefix()));
    }

    #[test]
    fn states_follow_from_the_dates() {
        let at = |milliseconds| Some(Timestamp::from_milliseconds(milliseconds));
        let now = Timestamp::from_milliseconds(1_000);
        for (expires_at, revoked_at, state) in [
            (None, None, ApiKeyState::Active),
            (at(1_001), None, ApiKeyState::Active),
            (at(1_000), None, ApiKeyState::Expired),
            (at(900), at(900), ApiKeyState::Expired),
            (at(900), at(2_000), ApiKeyState::Expired),
            (at(900), at(800), ApiKeyState::Revoked),
            (None, at(1_000), ApiKeyState::Revoked),
            (None, at(1_001), ApiKeyState::Retiring),
        ] {
            assert_eq!(ApiKeyState::at(now, expires_at, revoked_at), state, "{expires_at:?} {revoked_at:?}");
        }
    }
}
