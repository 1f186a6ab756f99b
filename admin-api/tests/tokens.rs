//! Tokens and keys (spec: Adversarial cases): who is let in, and that nobody else can tell why they are not.

mod claims;
mod foreign;
mod keys;
mod portal;
mod rotation;
mod service;
mod sweep;

use edge::testing::{forgeries, hs256, hs512, own_key_headers, public_key_spellings};

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
        ("a tab", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &format!("Bearer\t{token}"))]),
        ("a colon", vec![("x-admin-api-key", ADMIN_KEY), ("authorization", &format!("Bearer: {token}"))]),
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
async fn the_scheme_ignores_case_and_ends_in_any_number_of_spaces() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).signed();
    for scheme in ["bEARER ", "Bearer  ", "bearer     "] {
        let caller = app.anybody().with("x-admin-api-key", ADMIN_KEY);
        caller.with("authorization", format!("{scheme}{token}")).get("/tenants").await.is(200);
    }
}

#[tokio::test]
async fn no_forgery_is_taken() {
    let (before_any_keys, app) = (TestApp::default(), TestApp::default());
    for forgery in forgeries() {
        if forgery.asks_for_keys {
            is_refused(&app, &forgery.name, &forgery.of(token_of_admin(&app.clock))).await;
        } else {
            let token = forgery.of(token_of_admin(&before_any_keys.clock));
            is_refused_without_fetch(&before_any_keys, &forgery.name, &token).await;
        }
    }
    app.admin().get("/tenants").await.is(200);
}

#[tokio::test]
async fn no_forgery_of_the_portal_s_tokens_is_taken() {
    let app = TestApp::default();
    let token = || token_of_portal(&app.clock, "owner@example.com");
    for (spelling, secret) in public_key_spellings() {
        let signed = token().signed_with(|signed| hs256(&secret, signed));
        is_refused_without_fetch(&app, spelling, &signed).await;
    }
    for (name, value) in own_key_headers() {
        let what = format!("{name}: {value}");
        let signed = token().header(name, value).signed_hs256(SERVICE_SECRET);
        is_refused_without_fetch(&app, &what, &signed).await;
    }
}

#[tokio::test]
async fn the_portal_s_secret_signs_no_longer_digest() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).header("alg", "HS512");
    is_refused(&app, "HS512", &token.signed_with(|signed| hs512(SERVICE_SECRET.as_bytes(), signed))).await;
}

#[tokio::test]
async fn a_token_longer_than_any_honest_one_is_not_looked_at() {
    let app = TestApp::default();
    let token = |length: usize| token_of_admin(&app.clock).claim("x", "x".repeat(length)).signed();
    is_refused_without_fetch(&app, "long", &token(13 * 1024)).await;
    app.bearer(&token(8 * 1024)).get("/tenants").await.is(200);
}
