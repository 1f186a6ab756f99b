//! Tokens and keys (spec: Adversarial cases): who is let in, and that nobody else can tell why they are not.

mod claims;
mod keys;
mod service;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::testing::{TestKey, hs256, hs512};
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Answer, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

/// The one 401: to callers, every other is the same but for the request's id.
async fn refusal(app: &TestApp) -> Answer {
    let refusal = app.anybody().get("/tenants").await;
    refusal.is_problem(401, "unauthorized");
    refusal
}

/// A caller with the admin key and this token gets the one 401, and nothing is fetched for it.
async fn is_refused(app: &TestApp, what: &str, token: &str) {
    let answer = app.bearer(token).get("/tenants").await;
    assert_eq!(answer.without_request_id(), refusal(app).await.without_request_id(), "{what}");
}

async fn is_refused_without_fetch(app: &TestApp, what: &str, token: &str) {
    is_refused(app, what, token).await;
    assert_eq!(app.issuer.take_fetches(), Vec::<String>::new(), "{what}");
}

#[tokio::test]
async fn both_credentials_together_open_the_door() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
}

#[tokio::test]
async fn anything_less_gets_one_and_the_same_answer() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).signed();
    let bearer = format!("Bearer {token}");
    let refusal = refusal(&app).await;
    assert_eq!(refusal.headers["www-authenticate"], "Bearer");
    for (what, headers) in [
        ("key only", vec![("x-admin-api-key", ADMIN_KEY)]),
        ("token only", vec![("authorization", &*bearer)]),
        (
            "wrong key",
            vec![("x-admin-api-key", "wrong-key-0123456789abcdef0123456789"), ("authorization", &bearer)],
        ),
        ("empty key", vec![("x-admin-api-key", ""), ("authorization", &bearer)]),
        ("truncated key", vec![("x-admin-api-key", &ADMIN_KEY[1..]), ("authorization", &bearer)]),
        (
            "key twice",
            vec![("x-admin-api-key", ADMIN_KEY), ("x-admin-api-key", ADMIN_KEY), ("authorization", &bearer)],
        ),
        (
            "keys joined",
            vec![("x-admin-api-key", &format!("{ADMIN_KEY}, {ADMIN_KEY}")), ("authorization", &bearer)],
        ),
        ("key in another header", vec![("x-api-key", ADMIN_KEY), ("authorization", &bearer)]),
        ("empty token", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", "")]),
        ("no token", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", "Bearer ")]),
        ("no scheme", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &token)]),
        (
            "another scheme",
            vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &format!("Basic {token}"))],
        ),
        ("two spaces", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &format!("Bearer  {token}"))]),
        (
            "two tokens",
            vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &bearer), ("authorization", &bearer)],
        ),
    ] {
        let caller =
            headers.into_iter().fold(app.anybody(), |caller, (name, value)| caller.with(name, value));
        assert_eq!(caller.get("/tenants").await.without_request_id(), refusal.without_request_id(), "{what}");
    }
    for query in [
        format!("X-Admin-API-Key={ADMIN_KEY}&access_token={token}"),
        format!("x-admin-api-key={ADMIN_KEY}"),
        format!("key={ADMIN_KEY}"),
    ] {
        let answer = app.anybody().with("authorization", &*bearer).get(&format!("/tenants?{query}")).await;
        assert_eq!(answer.without_request_id(), refusal.without_request_id(), "{query}");
    }
}

#[tokio::test]
async fn header_values_that_are_no_text_are_refused() {
    let app = TestApp::default();
    let refusal = refusal(&app).await.without_request_id();
    let odd =
        app.anybody().with("x-admin-api-key", ADMIN_KEY).with("authorization", b"Bearer \xff\xfe".to_vec());
    assert_eq!(odd.get("/tenants").await.without_request_id(), refusal);
    let odd = app.anybody().with("x-admin-api-key", b"\xff\xfe".to_vec());
    assert_eq!(odd.get("/tenants").await.without_request_id(), refusal);
}

#[tokio::test]
async fn the_scheme_ignores_case() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).signed();
    let caller =
        app.anybody().with("x-admin-api-key", ADMIN_KEY).with("authorization", format!("bEARER {token}"));
    caller.get("/tenants").await.is(200);
}

#[tokio::test]
async fn a_token_without_signature_is_refused() {
    let app = TestApp::default();
    let token = || token_of_admin(&app.clock);
    for algorithm in ["none", "None", "NONE", "nOnE", "", " none", "RS256 ", "rs256", "Rs256"] {
        let unsigned = token().header("alg", algorithm).signed_with(|_| Vec::new());
        is_refused_without_fetch(&app, algorithm, &unsigned).await;
        let signed = token().header("alg", algorithm).signed();
        is_refused_without_fetch(&app, algorithm, &signed).await;
    }
    is_refused(&app, "RS256, empty signature", &token().signed_with(|_| Vec::new())).await;
    is_refused_without_fetch(
        &app,
        "HS256, empty signature",
        &token().header("alg", "HS256").signed_with(|_| Vec::new()),
    )
    .await;
    is_refused_without_fetch(&app, "no algorithm", &token().without_header("alg").signed()).await;
    is_refused_without_fetch(&app, "algorithm not a text", &token().header("alg", json!(["RS256"])).signed())
        .await;
    is_refused_without_fetch(&app, "algorithm null", &token().header("alg", Value::Null).signed()).await;
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let app = TestApp::default();
    let public = TestKey::first().public();
    let modulus = TestKey::first().modulus();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("PEM", public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes()),
        ("PEM, trimmed", public.to_public_key_pem(LineEnding::LF).unwrap().trim().into()),
        ("DER", public.to_public_key_der().unwrap().into_vec()),
        ("PKCS #1 PEM", public.to_pkcs1_pem(LineEnding::LF).unwrap().into_bytes()),
        ("PKCS #1 DER", public.to_pkcs1_der().unwrap().into_vec()),
        ("modulus", modulus.clone()),
        ("modulus in base64url", URL_SAFE_NO_PAD.encode(&modulus).into_bytes()),
        ("JWK", TestKey::first().jwk().to_string().into_bytes()),
        ("nothing", Vec::new()),
    ];
    for (what, secret) in secrets {
        let admin = token_of_admin(&app.clock).header("alg", "HS256");
        is_refused_without_fetch(&app, what, &admin.signed_with(|signed| hs256(&secret, signed))).await;
        let portal = token_of_portal(&app.clock, "owner@example.com");
        is_refused_without_fetch(&app, what, &portal.signed_with(|signed| hs256(&secret, signed))).await;
    }
}

#[tokio::test]
async fn no_other_algorithm_is_taken() {
    let app = TestApp::default();
    let key = TestKey::first();
    let with = |algorithm: &str| token_of_admin(&app.clock).header("alg", algorithm);
    for (what, token) in [
        ("RS384", with("RS384").signed_with(|signed| key.sign_rs384(signed))),
        ("RS384 that says RS256", with("RS256").signed_with(|signed| key.sign_rs384(signed))),
        ("PS256", with("PS256").signed_with(|signed| key.sign_ps256(signed))),
        ("PS256 that says RS256", with("RS256").signed_with(|signed| key.sign_ps256(signed))),
        ("ES256", with("ES256").signed_with(|_| vec![1; 64])),
        ("EdDSA", with("EdDSA").signed_with(|_| vec![1; 64])),
        (
            "HS512",
            with("HS512").signed_with(|signed| hs512(crate::support::SERVICE_SECRET.as_bytes(), signed)),
        ),
        ("another key", with("RS256").signed_with(|signed| TestKey::second().sign_rs256(signed))),
        ("flipped bit", with("RS256").signed_with(|signed| flipped(key.sign_rs256(signed)))),
        ("truncated", with("RS256").signed_with(|signed| key.sign_rs256(signed)[..255].to_vec())),
        ("padded", with("RS256").signed_with(|signed| [key.sign_rs256(signed), vec![0]].concat())),
        ("zeros", with("RS256").signed_with(|_| vec![0; 256])),
    ] {
        is_refused(&app, what, &token).await;
    }
    app.bearer(&with("RS256").signed()).get("/tenants").await.is(200);
}

fn flipped(mut signature: Vec<u8>) -> Vec<u8> {
    signature[100] ^= 1;
    signature
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).signed();
    let parts: Vec<&str> = token.split('.').collect();
    let other = token_of_admin(&app.clock).claim("email", "other@smartphonekey.com").signed();
    let other: Vec<&str> = other.split('.').collect();
    for (what, changed) in [
        ("other claims", format!("{}.{}.{}", parts[0], other[1], parts[2])),
        ("padding", format!("{token}=")),
        ("fourth part", format!("{token}.")),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("no dots", token.replace('.', "")),
        ("spaces", token.replace('.', ". ")),
        (
            "standard base64",
            format!("{}.{}.{}", parts[0], parts[1], parts[2].replace('_', "/").replace('-', "+")),
        ),
        ("only dots", "..".to_owned()),
        ("no JSON", "bm9wZQ.bm9wZQ.bm9wZQ".to_owned()),
        ("17 KiB", format!("{token}{}", "A".repeat(17 * 1024))),
    ] {
        is_refused(&app, what, &changed).await;
    }
}

#[tokio::test]
async fn a_token_longer_than_any_honest_one_is_not_looked_at() {
    let app = TestApp::default();
    let token = |length: usize| token_of_admin(&app.clock).claim("x", "x".repeat(length)).signed();
    is_refused_without_fetch(&app, "long", &token(13 * 1024)).await;
    app.bearer(&token(8 * 1024)).get("/tenants").await.is(200);
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_key_or_rules() {
    let app = TestApp::default();
    let stranger = TestKey::second();
    let chain = json!(["MIIBszCCARygAwIBAgI"]);
    for (name, value) in [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", chain),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        // Also where it says nothing: RFC 7515 gives none of them a null.
        ("jwk", Value::Null),
        ("jku", Value::Null),
        ("x5u", Value::Null),
        ("x5c", Value::Null),
        ("crit", Value::Null),
        ("b64", Value::Null),
        ("jku", json!(7)),
    ] {
        let what = format!("{name}: {value}");
        let token = || token_of_admin(&app.clock).header(name, value.clone());
        is_refused_without_fetch(&app, &what, &token().signed_with(|signed| stranger.sign_rs256(signed)))
            .await;
        is_refused_without_fetch(&app, &what, &token().signed()).await;
        let portal = token_of_portal(&app.clock, "owner@example.com").header(name, value.clone());
        is_refused_without_fetch(&app, &what, &portal.signed_hs256(SERVICE_SECRET)).await;
    }
}

#[tokio::test]
async fn a_header_that_says_something_twice_is_refused() {
    let app = TestApp::default();
    for (what, twice) in [
        ("algorithm", r#"{"alg":"none","#),
        ("key id", r#"{"kid":"other","#),
        ("unknown", r#"{"x":1,"x":2,"#),
    ] {
        let token = token_of_admin(&app.clock).header_text(|text| text.replacen('{', twice, 1));
        is_refused_without_fetch(&app, what, &token.signed()).await;
    }
}
