//! Bearer tokens, good ones and others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha512};
use shared::ports::Clock;
use shared::testing::FakeClock;

use super::{AUDIENCE, ISSUER, SERVICE_SECRET, TestKey};

/// A token in the making: begin with a good one, then change what the test is about.
#[derive(Clone)]
pub(crate) struct Token {
    header: String,
    claims: String,
}

impl Token {
    /// What the issuer gives an admin, good for an hour.
    pub(crate) fn of_admin(clock: &FakeClock) -> Self {
        let now = clock.now().seconds();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": TestKey::first().id});
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "auth0|1", "iat": now, "exp": now + 3600,
            "email": "admin@smartphonekey.com", "email_verified": true,
        });
        Self { header: header.to_string(), claims: claims.to_string() }
    }

    /// What the portal signs for the person at its other end.
    pub(crate) fn of_portal(clock: &FakeClock, person: &str) -> Self {
        let now = clock.now().seconds();
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let claims = json!({
            "iss": "partner-portal", "aud": "admin-api", "iat": now, "exp": now + 60,
            "email": "partner-portal@smartphonekey.com", "act": person,
        });
        Self { header: header.to_string(), claims: claims.to_string() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header = with(&self.header, name, Some(value.into()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.header = with(&self.header, name, None);
        self
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims = with(&self.claims, name, Some(value.into()));
        self
    }

    pub(crate) fn without_claim(mut self, name: &str) -> Self {
        self.claims = with(&self.claims, name, None);
        self
    }

    /// The header's JSON, changed as text: for what no JSON value can say.
    pub(crate) fn header_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.header = change(&self.header);
        self
    }

    /// The claims' JSON, changed as text.
    pub(crate) fn claims_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.claims = change(&self.claims);
        self
    }

    /// Signed by the issuer's usual key.
    pub(crate) fn signed(self) -> String {
        self.signed_with(|signed| TestKey::first().sign_rs256(signed))
    }

    /// Signed by the portal.
    pub(crate) fn signed_by_portal(self) -> String {
        self.signed_with(|signed| hs256(SERVICE_SECRET.as_bytes(), signed))
    }

    /// Signed in any way.
    pub(crate) fn signed_with(self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!("{}.{}", encode(self.header.as_bytes()), encode(self.claims.as_bytes()));
        let signature = sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature))
    }
}

fn with(json: &str, name: &str, value: Option<Value>) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(json).unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    Value::from(members).to_string()
}

pub(crate) fn hs256(key: &[u8], signed: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(signed);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hs512(key: &[u8], signed: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(signed);
    mac.finalize().into_bytes().to_vec()
}
