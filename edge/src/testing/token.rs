//! Bearer tokens, good and bad.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha512};

use super::TestKey;

/// A token builder: begin with a good token, then change what the test is about.
#[derive(Clone)]
pub struct Token {
    header: String,
    claims: String,
}

impl Token {
    /// A token with these claims, for the issuer's first key to sign.
    pub fn rs256(claims: &Value) -> Self {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": TestKey::first().id});
        Self { header: header.to_string(), claims: claims.to_string() }
    }

    /// A token with these claims, for a shared secret to sign.
    pub fn hs256(claims: &Value) -> Self {
        let header = json!({"alg": "HS256", "typ": "JWT"});
        Self { header: header.to_string(), claims: claims.to_string() }
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header = with(&self.header, name, Some(value.into()));
        self
    }

    /// Removes a member of the header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header = with(&self.header, name, None);
        self
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims = with(&self.claims, name, Some(value.into()));
        self
    }

    /// Removes a claim.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims = with(&self.claims, name, None);
        self
    }

    /// Changes the header's JSON as text: for what no JSON value can express.
    pub fn header_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.header = change(&self.header);
        self
    }

    /// Changes the claims' JSON as text.
    pub fn claims_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        self.claims = change(&self.claims);
        self
    }

    /// Signs with the issuer's usual key.
    pub fn signed(self) -> String {
        self.signed_with(|signed| TestKey::first().sign_rs256(signed))
    }

    /// Signs with a shared secret.
    pub fn signed_hs256(self, secret: &str) -> String {
        self.signed_with(|signed| hs256(secret.as_bytes(), signed))
    }

    /// Signs with this function.
    pub fn signed_with(self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
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

/// HMAC with SHA-256.
pub fn hs256(key: &[u8], signed: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(signed);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC with SHA-512.
pub fn hs512(key: &[u8], signed: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(signed);
    mac.finalize().into_bytes().to_vec()
}
