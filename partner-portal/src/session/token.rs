//! The value of the session cookie: a signed token with a random id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::oidc::parse;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ports::Random;

use super::keys::KeyRing;

/// The longest cookie that the portal reads.
const LONGEST: usize = 512;

/// A session's id: 128 random bits, which only the cookie contains.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId([u8; 16]);

#[derive(Serialize, Deserialize)]
struct SessionClaims {
    sid: String,
}

impl SessionId {
    /// Draws an id.
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0_u8; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Returns the digest under which the database has the session.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0))
    }

    /// Returns the value of the cookie.
    pub fn sign(&self, ring: &KeyRing) -> Option<String> {
        let keys = ring.current();
        let header = Header::empty().with_key_id(keys.id.clone());
        let claims = Claims::new(SessionClaims { sid: URL_SAFE_NO_PAD.encode(self.0) });
        Hs256.token(&header, &claims, &Hs256Key::new(keys.session.expose_secret())).ok()
    }

    /// Reads the value of a cookie; `None` if the portal did not sign it.
    pub fn read(text: &str, ring: &KeyRing) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let token = parse(text).ok()?;
        let keys = ring.find(token.header().key_id.as_deref()?)?;
        let key = Hs256Key::new(keys.session.expose_secret());
        // The validator accepts only its own algorithm.
        let token = Hs256.validator::<SessionClaims>(&key).validate(&token).ok()?;
        let bytes = URL_SAFE_NO_PAD.decode(&token.claims().custom.sid).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use shared::testing::SeededRandom;

    use super::*;

    #[test]
    fn a_cookie_is_read_back_and_any_changed_one_is_not() {
        let ring = KeyRing::new(&"a key".into(), None);
        let id = SessionId::draw(&SeededRandom::new(1));
        let cookie = id.sign(&ring).unwrap();
        assert!(SessionId::read(&cookie, &ring) == Some(id));
        for index in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[index] ^= 1;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(SessionId::read(&changed, &ring).is_none(), "{index}");
        }
    }

    #[test]
    fn a_retired_key_s_cookie_is_none() {
        let old = KeyRing::new(&"old".into(), None);
        let cookie = SessionId::draw(&SeededRandom::new(1)).sign(&old).unwrap();
        assert!(SessionId::read(&cookie, &KeyRing::new(&"new".into(), Some(&"old".into()))).is_some());
        assert!(SessionId::read(&cookie, &KeyRing::new(&"new".into(), None)).is_none());
    }

    #[test]
    fn what_is_no_token_is_none() {
        let ring = KeyRing::new(&"a key".into(), None);
        for bad in ["", ".", "..", "a.b.c", &"x".repeat(5_000), "eyJhbGciOiJub25lIn0.eyJzaWQiOiJhIn0."] {
            assert!(SessionId::read(bad, &ring).is_none());
        }
    }
}
