//! API keys: issued, rotated, revoked, expired, listed.

use std::time::Duration;

use serde_json::{Value, json};
use shared::ports::Clock;

use crate::support::{Answer, TestApp};

fn soon(app: &TestApp, seconds: u64) -> Value {
    json!(app.clock.now().plus(Duration::from_secs(seconds)))
}

async fn rotate(app: &TestApp, body: Value) -> Answer {
    let rotated = app.admin().post("/api-keys/acme-corp/rotate", body).await;
    rotated.is(201);
    rotated
}

async fn states(app: &TestApp) -> Vec<String> {
    let listed = app.admin().get("/api-keys?orgId=acme-corp").await;
    let keys = listed.is(200).body["apiKeys"].as_array().unwrap();
    keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_key_has_a_label_of_its_own_or_the_tenant_s() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let end = soon(&app, 3600);
    let body = json!({"orgId": "acme-corp", "orgName": "ACME <staging>", "expiresAt": end});
    let issued = app.admin().post("/api-keys", body).await;
    assert_eq!(issued.is(201).body["orgName"], "ACME <staging>");
    assert_eq!(issued.body["expiresAt"], end);
    let rotated = rotate(&app, json!({})).await;
    assert_eq!(rotated.body["orgName"], "Some Organization");
    assert_eq!(rotated.body["expiresAt"], Value::Null);
    assert_ne!(rotated.text_at("apiKey"), issued.text_at("apiKey"));
}

#[tokio::test]
async fn an_expired_key_counts_as_none() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let body = json!({"orgId": "acme-corp", "expiresAt": soon(&app, 60)});
    app.admin().post("/api-keys", body).await.is(201);
    assert_ne!(app.admin().get("/tenants/acme-corp").await.body["apiKey"], Value::Null);
    app.wait(60);
    assert_eq!(app.admin().get("/tenants/acme-corp").await.body["apiKey"], Value::Null);
    assert_eq!(app.admin().get("/tenants").await.body["tenants"][0]["apiKey"], Value::Null);
    assert_eq!(states(&app).await, ["expired"]);
    app.admin().delete("/api-keys/acme-corp").await.is_problem(404, "no_active_key");
    app.admin().post("/api-keys", json!({"orgId": "acme-corp"})).await.is(201);
    assert_eq!(states(&app).await, ["expired", "active"]);
}

#[tokio::test]
async fn every_key_ever_issued_is_listed_masked_with_its_state() {
    let app = TestApp::default();
    let first = app.given_key("acme-corp").await;
    app.wait(1);
    let second = rotate(&app, json!({})).await.text_at("apiKey");
    app.wait(1);
    let third =
        rotate(&app, json!({"graceSeconds": 60, "expiresAt": soon(&app, 30)})).await.text_at("apiKey");
    assert_eq!(states(&app).await, ["revoked", "retiring", "active"]);

    let listed = app.admin().get("/api-keys?orgId=acme-corp&limit=2&offset=1").await;
    assert_eq!(
        (&listed.body["total"], &listed.body["limit"], &listed.body["offset"]),
        (&json!(3), &json!(2), &json!(1))
    );
    let expected = json!({
        "prefix": second[..8], "masked": format!("{}…{}", &second[..8], &second[36..]),
        "createdAt": "2026-04-02T10:00:01.000Z", "createdBy": "admin@smartphonekey.com", "expiresAt": null,
        "orgName": "Some Organization", "state": "retiring", "revokedAt": "2026-04-02T10:01:02.000Z",
    });
    assert_eq!(listed.body["apiKeys"][0], expected);
    assert_eq!(listed.body["apiKeys"].as_array().unwrap().len(), 2);
    for key in [first, second, third] {
        assert!(!app.admin().get("/api-keys?orgId=acme-corp").await.text.contains(&key));
    }

    app.wait(30);
    assert_eq!(states(&app).await, ["revoked", "retiring", "expired"]);
    app.wait(30);
    assert_eq!(states(&app).await, ["revoked", "revoked", "expired"]);
    app.admin().get("/api-keys?orgId=none-corp").await.is_problem(404, "tenant_not_registered");
}

#[tokio::test]
async fn rotation_works_where_no_key_is_active() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let key = rotate(&app, json!({"graceSeconds": 60})).await.text_at("apiKey");
    app.partner(&key).get("/webhooks").await.is(200);
    app.admin().delete("/api-keys/acme-corp").await.is(200);
    rotate(&app, json!({})).await;
    assert_eq!(states(&app).await, ["revoked", "active"]);
    app.admin().post("/api-keys/none-corp/rotate", json!({})).await.is_problem(404, "tenant_not_registered");
}

#[tokio::test]
async fn a_grace_never_grows() {
    let app = TestApp::default();
    let first = app.given_key("acme-corp").await;
    rotate(&app, json!({"graceSeconds": 600})).await;
    // A later rotation with a longer grace leaves the first key's end where it is.
    let third = rotate(&app, json!({"graceSeconds": 604_800})).await.text_at("apiKey");
    app.wait(600);
    app.partner(&first).get("/webhooks").await.is(401);
    assert_eq!(states(&app).await, ["revoked", "retiring", "active"]);
    // One without grace ends all.
    rotate(&app, json!({"graceSeconds": 0})).await;
    assert_eq!(states(&app).await, ["revoked", "revoked", "revoked", "active"]);
    app.partner(&third).get("/webhooks").await.is(401);
}

#[tokio::test]
async fn revoking_counts_its_transitions_and_ends_every_key_at_once() {
    let app = TestApp::default();
    app.given_key("acme-corp").await;
    rotate(&app, json!({"graceSeconds": 600})).await;
    let revoked = app.admin().delete("/api-keys/acme-corp").await;
    assert_eq!(revoked.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 3}));
    assert_eq!(states(&app).await, ["revoked", "revoked"]);
    app.admin().delete("/api-keys/acme-corp").await.is_problem(404, "no_active_key");
    app.admin().delete("/api-keys/none-corp").await.is_problem(404, "no_active_key");
}

#[tokio::test]
async fn a_retiring_key_alone_can_be_ended() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let first = rotate(&app, json!({})).await.text_at("apiKey");
    rotate(&app, json!({"graceSeconds": 600, "expiresAt": soon(&app, 10)})).await;
    app.wait(10);
    assert_eq!(states(&app).await, ["retiring", "expired"]);
    app.admin().delete("/api-keys/acme-corp").await.is(200);
    app.partner(&first).get("/webhooks").await.is(401);
}
