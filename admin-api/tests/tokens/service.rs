//! The portal's tokens: a minute's life, its own secret, a person behind each.

use edge::testing::{Token, hs256};
use serde_json::{Value, json};
use shared::ports::Clock;

use super::{is_refused, is_refused_without_fetch};
use crate::support::{ADMIN_KEY, AUDIENCE, ISSUER, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

const PERSON: &str = "owner@acme-corp.com";

fn token(app: &TestApp) -> Token {
    token_of_portal(&app.clock, PERSON)
}

#[tokio::test]
async fn the_portal_acts_for_a_person() {
    let app = TestApp::default();
    let body = json!({"orgName": "ACME", "ownerEmail": PERSON});
    app.portal(PERSON).post("/tenants/acme-corp/register", body).await.is(201);
    let issued = app.portal(PERSON).post("/api-keys", json!({"orgId": "acme-corp"})).await;
    assert_eq!(issued.is(201).body["createdBy"], PERSON);
    let log = app.admin().get("/tenants/acme-corp/transitions").await;
    for transition in log.body["transitions"].as_array().unwrap() {
        assert_eq!((&transition["actor"], &transition["via"]), (&json!(PERSON), &json!("partner-portal")));
    }
    assert!(
        app.another_isolate().issuer.take_fetches().len() <= 1,
        "the portal's tokens need no fetched key"
    );
}

#[tokio::test]
async fn the_portal_sets_up_the_first_webhook_only_and_never_sees_its_secret() {
    let app = TestApp::default();
    let tenant = json!({"orgName": "ACME", "ownerEmail": PERSON});
    app.portal(PERSON).post("/tenants/acme-corp/register", tenant).await.is(201);
    let body = json!({"url": "https://hooks.acme-corp.com/in"});
    let created = app.portal(PERSON).post("/tenants/acme-corp/webhooks", body.clone()).await;
    assert_eq!(created.is(201).body.get("secret"), None);
    assert!(!created.body.to_string().contains("whsec_"));
    let second = app.portal(PERSON).post("/tenants/acme-corp/webhooks", body.clone()).await;
    second.is_problem(409, "webhook_limit_reached");
    let admins = app.admin().post("/tenants/acme-corp/webhooks", body).await;
    assert!(admins.is(201).text_at("secret").starts_with("whsec_"));
}

#[tokio::test]
async fn its_tokens_live_for_a_minute_at_most() {
    let app = TestApp::default();
    let now = app.clock.now().seconds();
    for (issued, expires, status) in [
        (now, now + 60, 200),
        (now, now + 1, 200),
        (now - 60, now, 200),
        (now - 120, now - 60, 200),
        (now + 5, now + 60, 200),
        (now + 5, now + 65, 401),
        (now + 6, now + 60, 401),
        (now + 60, now + 120, 401),
        (now, now + 61, 401),
        (now, now + 3600, 401),
        (now - 121, now - 61, 401),
        (now + 61, now + 62, 401),
        (now, now - 1, 401),
    ] {
        let token = token(&app).claim("iat", issued).claim("exp", expires).signed_hs256(SERVICE_SECRET);
        app.bearer(&token).get("/tenants").await.is(status);
    }
    let unripe = token(&app).claim("nbf", now + 61).signed_hs256(SERVICE_SECRET);
    is_refused_without_fetch(&app, "nbf", &unripe).await;
}

#[tokio::test]
async fn each_claim_must_be_what_the_portal_writes() {
    let app = TestApp::default();
    for (name, values) in [
        (
            "iss",
            vec![json!("partner-portal/"), json!("Partner-Portal"), json!(ISSUER), json!(["partner-portal"])],
        ),
        (
            "aud",
            vec![json!("partner-portal"), json!(AUDIENCE), json!(["admin-api", 1]), json!([]), Value::Null],
        ),
        (
            "email",
            vec![json!("admin@smartphonekey.com"), json!(["partner-portal@smartphonekey.com"]), Value::Null],
        ),
        (
            "act",
            vec![
                json!(""),
                json!("nobody"),
                json!({"sub": PERSON}),
                json!([PERSON]),
                json!("a@b@c"),
                Value::Null,
            ],
        ),
    ] {
        for value in values {
            let what = format!("{name}: {value}");
            is_refused_without_fetch(
                &app,
                &what,
                &token(&app).claim(name, value).signed_hs256(SERVICE_SECRET),
            )
            .await;
        }
    }
    for name in ["iss", "aud", "email", "act", "exp", "iat"] {
        is_refused_without_fetch(&app, name, &token(&app).without_claim(name).signed_hs256(SERVICE_SECRET))
            .await;
    }
}

#[tokio::test]
async fn only_its_own_secret_signs_them() {
    let app = TestApp::default();
    for secret in [ADMIN_KEY, "", &SERVICE_SECRET[1..], &format!("{SERVICE_SECRET} ")] {
        let signed = token(&app).signed_with(|signed| hs256(secret.as_bytes(), signed));
        is_refused_without_fetch(&app, secret, &signed).await;
    }
    let truncated = token(&app).signed_with(|signed| hs256(SERVICE_SECRET.as_bytes(), signed)[..16].to_vec());
    is_refused_without_fetch(&app, "truncated", &truncated).await;
    // The admin key is asked for all the same.
    let bearer = format!("Bearer {}", token(&app).signed_hs256(SERVICE_SECRET));
    app.anybody().with("authorization", bearer).get("/tenants").await.is(401);
}

#[tokio::test]
async fn neither_kind_of_token_passes_for_the_other() {
    let app = TestApp::default();
    is_refused(&app, "RS256 with a service's claims", &token(&app).header("alg", "RS256").signed()).await;
    let person = token_of_admin(&app.clock).header("alg", "HS256");
    is_refused_without_fetch(&app, "HS256 with a person's claims", &person.signed_hs256(SERVICE_SECRET))
        .await;
    let person = token_of_admin(&app.clock).header("alg", "HS256").claim("act", PERSON);
    is_refused_without_fetch(&app, "HS256 with act", &person.signed_hs256(SERVICE_SECRET)).await;
    // `act` in a person's token is nothing to us.
    let acting = token_of_admin(&app.clock).claim("act", PERSON).signed();
    let body = json!({"orgName": "ACME", "ownerEmail": PERSON});
    app.bearer(&acting).post("/tenants/acme-corp/register", body).await.is(201);
    let tenant = app.admin().get("/tenants/acme-corp").await;
    assert_eq!(tenant.body["createdBy"], "admin@smartphonekey.com");
}
