//! Tokens that were verified a moment ago: who sends a token with each request has the signature checked once.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use shared::time::Timestamp;

/// The most tokens that are remembered.
const MOST_TOKENS: usize = 64;

/// Remembers what good tokens led to, by the tokens' SHA-256 digests: a token itself is not kept.
///
/// An outcome counts no longer than the token, and no longer than the set of keys that its signature was checked with: a key that
/// the issuer withdraws is refused as soon as without this memory.
#[derive(Debug)]
pub struct VerifiedTokens<T>(Mutex<Vec<Verified<T>>>);

#[derive(Debug)]
struct Verified<T> {
    token: [u8; 32],
    keys_at: Timestamp,
    ends_at: Timestamp,
    outcome: T,
}

impl<T> Default for VerifiedTokens<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> VerifiedTokens<T> {
    /// What this token led to, while the keys are those that were fetched at `keys_at`.
    pub fn get(&self, token: &str, keys_at: Timestamp, now: Timestamp) -> Option<T> {
        let token: [u8; 32] = Sha256::digest(token).into();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = |verified: &&Verified<T>| {
            verified.token == token && verified.keys_at == keys_at && now < verified.ends_at
        };
        known.iter().find(counts).map(|verified| verified.outcome.clone())
    }

    /// Remembers the outcome of a token that ends at `ends_at`, in place of the oldest outcome if there are many.
    pub fn remember(&self, token: &str, keys_at: Timestamp, ends_at: Timestamp, outcome: T) {
        let token: [u8; 32] = Sha256::digest(token).into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|verified| verified.token != token);
        if known.len() == MOST_TOKENS {
            known.remove(0);
        }
        known.push(Verified { token, keys_at, ends_at, outcome });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FETCHED: Timestamp = Timestamp::from_milliseconds(1_000);
    const NOW: Timestamp = Timestamp::from_milliseconds(2_000);
    const END: Timestamp = Timestamp::from_milliseconds(3_000);

    #[test]
    fn a_token_is_known_by_all_its_bytes_until_its_end() {
        let tokens = VerifiedTokens::default();
        tokens.remember("a.b.c", FETCHED, END, 7);
        assert_eq!(tokens.get("a.b.c", FETCHED, NOW), Some(7));
        assert_eq!(tokens.get("a.b.d", FETCHED, NOW), None);
        assert_eq!(tokens.get("a.b.", FETCHED, NOW), None);
        assert_eq!(tokens.get("a.b.c", FETCHED, END), None);
    }

    #[test]
    fn with_other_keys_a_token_is_checked_again() {
        let tokens = VerifiedTokens::default();
        tokens.remember("a.b.c", FETCHED, END, 7);
        assert_eq!(tokens.get("a.b.c", NOW, NOW), None);
        tokens.remember("a.b.c", NOW, END, 8);
        assert_eq!(tokens.get("a.b.c", NOW, NOW), Some(8));
        assert_eq!(tokens.get("a.b.c", FETCHED, NOW), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let tokens = VerifiedTokens::default();
        for number in 0..=MOST_TOKENS {
            tokens.remember(&number.to_string(), FETCHED, END, number);
        }
        assert_eq!(tokens.get("0", FETCHED, NOW), None);
        assert_eq!(tokens.get("1", FETCHED, NOW), Some(1));
        assert_eq!(tokens.get(&MOST_TOKENS.to_string(), FETCHED, NOW), Some(MOST_TOKENS));
    }
}
