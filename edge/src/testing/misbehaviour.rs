//! What can be wrong with an ID token, or with the way the portal gets one.
//!
//! After the OpenID Foundation's conformance tests for relying parties, and OpenID Connect Core, section 3.1.3.7. What no
//! token may be is in [`super::forgeries`].

use http::StatusCode;
use serde_json::{Value, json};

use super::{Forgery, TestKey, Token, forgeries};

/// What the provider does wrong.
pub enum Misbehaviour {
    /// Changes header or claims before signing.
    Token(Box<dyn Fn(Token) -> Token + Send>),
    /// Forges the token.
    Forged(Forgery),
    /// The token endpoint answers with this status and body.
    TokenEndpoint(u16, &'static str),
}

/// A sign-in that must not succeed.
pub struct BadSignIn {
    /// What is wrong, for the message of a failing test.
    pub name: String,
    /// What the provider does wrong.
    pub misbehaviour: Misbehaviour,
    /// The status that the person gets.
    pub status: StatusCode,
}

impl Misbehaviour {
    /// Gives a claim another value.
    pub fn claim(name: &'static str, value: Value) -> Self {
        Self::Token(Box::new(move |token| token.claim(name, value.clone())))
    }

    /// Leaves a claim out.
    pub fn without(name: &'static str) -> Self {
        Self::Token(Box::new(move |token| token.without_claim(name)))
    }

    /// Gives a member of the header another value.
    pub fn header(name: &'static str, value: Value) -> Self {
        Self::Token(Box::new(move |token| token.header(name, value.clone())))
    }

    /// Leaves the key id out of the header.
    pub fn without_key_id() -> Self {
        Self::Token(Box::new(|token| token.without_header("kid")))
    }

    /// The token that the misbehaving provider issues.
    pub(super) fn sign(self, token: Token, key: TestKey) -> String {
        match self {
            Self::Token(change) => change(token).signed_with(|signed| key.sign_rs256(signed)),
            Self::Forged(forgery) => forgery.of(token),
            Self::TokenEndpoint(..) => token.signed_with(|signed| key.sign_rs256(signed)),
        }
    }
}

/// Every sign-in that must not succeed.
pub fn bad_sign_ins(client_id: &str, email: &str) -> Vec<BadSignIn> {
    let far = 99_999_999_999_u64;
    let claims = [
        ("iss", json!("https://tenant.auth0.example")),
        ("iss", json!("https://other.auth0.example/")),
        ("iss", json!(["https://other.auth0.example/"])),
        ("aud", json!("another-client")),
        ("aud", json!([])),
        ("aud", json!([client_id, 7])),
        ("aud", json!([client_id, "another-client"])),
        ("azp", json!("another-client")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("iat", json!(far)),
        ("iat", json!("now")),
        ("exp", json!(1_000)),
        ("exp", json!("later")),
        ("nbf", json!(far)),
        ("nonce", json!("another")),
        ("nonce", json!("")),
        ("nonce", json!(["a"])),
        ("email", json!("not an address")),
        ("email", json!([email])),
    ];
    let others = [
        ("no ID token", Misbehaviour::TokenEndpoint(200, "{}")),
        ("no JSON", Misbehaviour::TokenEndpoint(200, "<html>")),
        ("no token", Misbehaviour::TokenEndpoint(200, "{\"id_token\": \"a.b.c\"}")),
        ("an ID token that is no text", Misbehaviour::TokenEndpoint(200, "{\"id_token\": [7]}")),
        ("the code is refused", Misbehaviour::TokenEndpoint(403, "{\"error\": \"invalid_grant\"}")),
    ];
    let bad = |name: String, misbehaviour| BadSignIn { name, misbehaviour, status: StatusCode::BAD_REQUEST };
    let mut all: Vec<BadSignIn> = Vec::new();
    all.extend(claims.map(|(name, value)| bad(format!("{name}: {value}"), Misbehaviour::claim(name, value))));
    all.extend(
        ["iss", "aud", "sub", "iat", "exp", "nonce", "email"]
            .map(|name| bad(format!("no {name}"), Misbehaviour::without(name))),
    );
    all.extend(
        forgeries().into_iter().map(|forgery| bad(forgery.name.clone(), Misbehaviour::Forged(forgery))),
    );
    all.extend(others.map(|(name, misbehaviour)| bad(name.to_owned(), misbehaviour)));
    let unverified = [json!(false), json!("true"), json!(1)];
    let unverified = unverified.map(|value| Misbehaviour::claim("email_verified", value));
    for misbehaviour in unverified.into_iter().chain([Misbehaviour::without("email_verified")]) {
        let name = "an address that is not verified".to_owned();
        all.push(BadSignIn { name, misbehaviour, status: StatusCode::FORBIDDEN });
    }
    let our_own =
        [(500, ""), (302, ""), (401, "{\"error\": \"invalid_client\"}"), (401, "<script>"), (429, "{}")];
    for (status, body) in our_own {
        let misbehaviour = Misbehaviour::TokenEndpoint(status, body);
        let name = format!("the token endpoint answers {status} {body}");
        all.push(BadSignIn { name, misbehaviour, status: StatusCode::SERVICE_UNAVAILABLE });
    }
    all
}
