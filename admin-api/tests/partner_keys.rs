//! A partner's own key (spec: Adversarial cases, Tokens and keys): what it opens, and until when.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::ports::Clock;

use crate::support::{ADMIN_KEY, TestApp, token_of_admin};

const NEW_URL: &str = "https://other.acme-corp.com/in";

/// What a partner calls a webhook by: its path without the tenant.
fn own_path(path: &str) -> String {
    path.replacen("/tenants/acme-corp", "", 1)
}

/// The key opens nothing: the answer is the one that a request without any credentials gets.
async fn is_refused(app: &TestApp, what: &str, key: &str) {
    for path in ["/api-keys/self", "/webhooks"] {
        let refusal = app.anybody().get(path).await;
        refusal.is_problem(401, "unauthorized");
        let answer = app.partner(key).get(path).await;
        assert_eq!(answer.without_request_id(), refusal.without_request_id(), "{what}: {path}");
    }
}

#[tokio::test]
async fn a_key_says_whose_it_is() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let own = app.partner(&key).get("/api-keys/self").await;
    let expected = json!({
        "orgId": "acme-corp", "orgName": "Some Organization", "prefix": key[..8], "expiresAt": null,
    });
    assert_eq!(own.is(200).body, expected);
}

#[tokio::test]
async fn a_partner_sees_its_own_webhooks_and_changes_their_urls() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    app.given_tenant("other-corp").await;
    app.given_webhook("other-corp").await;

    let listed = app.partner(&key).get("/webhooks?limit=10").await;
    assert_eq!(listed.is(200).body["total"], 1);
    assert_eq!(listed.body["limit"], 10);
    let id = listed.text_at("/webhooks/0/id");
    assert_eq!(path, format!("/tenants/acme-corp/webhooks/{id}"));

    let changed = app.partner(&key).patch(&format!("/webhooks/{id}"), json!({"url": NEW_URL})).await;
    assert_eq!(changed.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
    let webhook = app.admin().get(&path).await;
    assert_eq!((&webhook.body["url"], &webhook.body["status"]), (&json!(NEW_URL), &json!("pending")));
    let log = app.admin().get("/tenants/acme-corp/transitions?limit=1").await;
    assert_eq!(log.body["transitions"][0]["actor"], "partner:acme-corp");
    assert_eq!(log.body["transitions"][0]["kind"], "WebhookUrlChanged");
}

#[tokio::test]
async fn another_tenant_s_webhook_is_no_webhook() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    app.given_tenant("other-corp").await;
    let foreign = app.given_webhook("other-corp").await.replacen("/tenants/other-corp", "", 1);
    let before = app.database.dump();

    let body = json!({"url": NEW_URL});
    let none = app.partner(&key).patch("/webhooks/00000000-0000-4000-8000-000000000000", body.clone()).await;
    none.is_problem(404, "webhook_not_found");
    let other = app.partner(&key).patch(&foreign, body.clone()).await;
    assert_eq!(other.without_request_id(), none.without_request_id());
    let odd = app.partner(&key).patch("/webhooks/no-uuid", body).await;
    assert_eq!(odd.without_request_id(), none.without_request_id());
    // Nor does a body that is wrong tell them apart.
    let wrong = json!({"url": "http://10.0.0.1/"});
    let none = app.partner(&key).patch("/webhooks/00000000-0000-4000-8000-000000000000", wrong.clone()).await;
    let other = app.partner(&key).patch(&foreign, wrong).await;
    assert_eq!(other.without_request_id(), none.without_request_id());
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn on_an_admin_s_route_it_opens_nothing() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let token = token_of_admin(&app.clock).signed();
    for (what, headers) in [
        ("as it is", vec![("x-api-key", key.clone())]),
        (
            "as the admin key",
            vec![("x-admin-api-key", key.clone()), ("authorization", format!("Bearer {token}"))],
        ),
        (
            "as the token",
            vec![("x-admin-api-key", ADMIN_KEY.into()), ("authorization", format!("Bearer {key}"))],
        ),
        ("beside the admin key", vec![("x-api-key", key.clone()), ("x-admin-api-key", ADMIN_KEY.into())]),
        ("beside the token", vec![("x-api-key", key.clone()), ("authorization", format!("Bearer {token}"))]),
    ] {
        for path in
            ["/tenants", "/tenants/acme-corp", "/tenants/acme-corp/webhooks", "/api-keys?orgId=acme-corp"]
        {
            let caller =
                headers.iter().fold(app.anybody(), |caller, (name, value)| caller.with(name, &**value));
            let answer = caller.get(path).await;
            let refusal = app.anybody().get(path).await;
            assert_eq!(answer.without_request_id(), refusal.is(401).without_request_id(), "{what}: {path}");
        }
    }
}

#[tokio::test]
async fn nothing_but_the_whole_key_opens_anything() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let digest = Sha256::digest(key.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    for (what, bad) in [
        ("empty", String::new()),
        ("prefix", key[..8].to_owned()),
        ("masked", format!("{}...{}", &key[..8], &key[36..])),
        ("digest", hex.clone()),
        ("digest's start", hex[..40].to_owned()),
        ("truncated", key[..39].to_owned()),
        ("padded", format!("{key}a")),
        ("padded by a space", format!("{key} ")),
        ("padded in front", format!(" {key}")),
        ("shifted", format!("{}a", &key[1..])),
        ("other case", key.to_lowercase()),
        ("twice in one", format!("{key}, {key}")),
        ("as a bearer", format!("Bearer {key}")),
        ("pattern", format!("{}%", &key[..39])),
        ("the admin key", ADMIN_KEY.to_owned()),
    ] {
        is_refused(&app, what, &bad).await;
    }
    let refusal = app.anybody().get("/webhooks").await.without_request_id();
    let twice = app.partner(&key).with("x-api-key", &*key).get("/webhooks").await;
    assert_eq!(twice.without_request_id(), refusal, "two headers");
    let odd = app.anybody().with("x-api-key", [key.as_bytes(), b"\xff"].concat()).get("/webhooks").await;
    assert_eq!(odd.without_request_id(), refusal, "no text");
    let query = app.anybody().get(&format!("/webhooks?x-api-key={key}")).await;
    assert_eq!(query.without_request_id(), refusal, "in the query");
    app.partner(&key).get("/webhooks").await.is(200);
}

#[tokio::test]
async fn a_rotated_key_is_refused_at_once() {
    let app = TestApp::default();
    let old = app.given_key("acme-corp").await;
    let new = app.admin().post("/api-keys/acme-corp/rotate", json!({})).await.is(201).text_at("apiKey");
    is_refused(&app, "rotated", &old).await;
    app.partner(&new).get("/webhooks").await.is(200);
}

#[tokio::test]
async fn a_grace_keeps_the_old_key_alive_and_no_longer() {
    let app = TestApp::default();
    let old = app.given_key("acme-corp").await;
    let new = app.admin().post("/api-keys/acme-corp/rotate", json!({"graceSeconds": 600})).await;
    let new = new.is(201).text_at("apiKey");
    app.wait(599);
    app.partner(&old).get("/webhooks").await.is(200);
    app.partner(&new).get("/webhooks").await.is(200);
    app.wait(1);
    is_refused(&app, "after the grace", &old).await;
    app.partner(&new).get("/webhooks").await.is(200);
}

#[tokio::test]
async fn an_expired_key_is_refused_at_once() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let end = app.clock.now().plus(std::time::Duration::from_secs(60));
    let body = json!({"orgId": "acme-corp", "expiresAt": end});
    let key = app.admin().post("/api-keys", body).await.is(201).text_at("apiKey");
    app.wait(59);
    let own = app.partner(&key).get("/api-keys/self").await;
    assert_eq!(own.is(200).body["expiresAt"], json!(end));
    app.wait(1);
    is_refused(&app, "expired", &key).await;
}

#[tokio::test]
async fn a_grace_does_not_outlive_the_key_s_own_end() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let end = app.clock.now().plus(std::time::Duration::from_secs(60));
    let body = json!({"orgId": "acme-corp", "expiresAt": end});
    let key = app.admin().post("/api-keys", body).await.is(201).text_at("apiKey");
    app.admin().post("/api-keys/acme-corp/rotate", json!({"graceSeconds": 3600})).await.is(201);
    app.wait(60);
    is_refused(&app, "expired in its grace", &key).await;
}

#[tokio::test]
async fn a_revoked_key_and_those_in_grace_are_refused_at_once() {
    let app = TestApp::default();
    let old = app.given_key("acme-corp").await;
    let new = app.admin().post("/api-keys/acme-corp/rotate", json!({"graceSeconds": 604_800})).await;
    let new = new.is(201).text_at("apiKey");
    app.partner(&old).get("/webhooks").await.is(200);
    app.admin().delete("/api-keys/acme-corp").await.is(200);
    is_refused(&app, "retiring", &old).await;
    is_refused(&app, "revoked", &new).await;
}

#[tokio::test]
async fn a_closed_tenant_s_keys_are_refused_at_once() {
    let app = TestApp::default();
    let old = app.given_key("acme-corp").await;
    let new = app.admin().post("/api-keys/acme-corp/rotate", json!({"graceSeconds": 604_800})).await;
    app.admin().delete("/tenants/acme-corp").await.is(200);
    is_refused(&app, "retiring", &old).await;
    is_refused(&app, "active", &new.text_at("apiKey")).await;
}

#[tokio::test]
async fn a_partner_may_set_the_url_and_nothing_else() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let path = own_path(&app.given_webhook("acme-corp").await);
    let before = app.database.dump();
    for (field, value) in [
        ("events", json!(["*"])),
        ("secret", json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        ("auth", json!({"type": "none"})),
        ("status", json!("active")),
        ("orgId", json!("other-corp")),
        ("Url", json!(NEW_URL)),
        ("events", Value::Null),
    ] {
        app.partner(&key).patch(&path, json!({"url": NEW_URL, field: value})).await.names_field(field);
    }
    app.partner(&key).patch(&path, json!({})).await.names_field("url");
    app.partner(&key).patch(&path, json!({"url": null})).await.names_field("url");
    app.partner(&key).patch(&path, json!({"url": "http://acme-corp.com/in"})).await.names_field("url");
    app.partner(&key).patch(&path, json!({"url": "https://127.0.0.1/in"})).await.names_field("url");
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn a_partner_cannot_do_what_is_left_to_admins() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let path = own_path(&app.given_webhook("acme-corp").await);
    for (method, path) in [("DELETE", &*path), ("GET", &path), ("PUT", &path), ("POST", "/webhooks")] {
        app.partner(&key).request(method, path).json(&json!({"url": NEW_URL})).send().await.is(401);
    }
}
