//! The story of a partner's onboarding, as far as the Admin API goes, with exactly its bodies and answers; and each of
//! its chapters at length.

mod api_keys;
mod members;
mod signing_secrets;
mod tenants;
mod webhooks;

use serde_json::{Value, json};

use crate::support::{TestApp, VERSION};

/// Everything that was shown once on the way, for those who look for it where it must not be.
pub(crate) struct Shown {
    pub(crate) api_keys: Vec<String>,
    pub(crate) secrets: Vec<String>,
}

/// Tells the story, from before the registration to after the deletion.
pub(crate) async fn tell(app: &TestApp) -> Shown {
    let admin = app.admin();

    // Too early.
    let early = admin.post("/api-keys", json!({"orgId": "acme-corp"})).await;
    assert_eq!(early.is_problem(404, "tenant_not_registered").body["message"], "Tenant not registered");

    let body = json!({"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"});
    let registered = admin.post("/tenants/acme-corp/register", body.clone()).await;
    assert_eq!(registered.is(201).body, json!({"success": true, "aggregateId": "acme-corp", "version": 1}));
    admin.post("/tenants/acme-corp/register", body).await.is_problem(409, "tenant_already_registered");

    let issued = admin.post("/api-keys", json!({"orgId": "acme-corp"})).await;
    let key = issued.is(201).text_at("apiKey");
    assert!(key.len() == 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
    let expected = json!({
        "apiKey": key, "orgId": "acme-corp", "orgName": "ACME Corporation",
        "createdAt": "2026-04-02T10:00:00.000Z", "createdBy": "admin@smartphonekey.com", "expiresAt": null,
    });
    assert_eq!(issued.body, expected);
    admin.post("/api-keys", json!({"orgId": "acme-corp"})).await.is_problem(409, "active_key_exists");

    let body = json!({"url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"]});
    let created = admin.post("/tenants/acme-corp/webhooks", body).await;
    let (id, secret) = (created.is(201).text_at("webhookId"), created.text_at("secret"));
    assert_eq!(created.body["success"], true);
    assert_eq!(created.body["aggregateId"], "acme-corp");
    assert_eq!(created.body["version"], 1);
    assert_eq!(created.body.get("warnings"), None);
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");

    let listed = admin.get("/tenants/acme-corp/webhooks").await;
    let webhook = json!({
        "id": id, "url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"],
        "status": "active", "auth": {"type": "none"},
        "createdAt": "2026-04-02T10:00:00.000Z", "updatedAt": "2026-04-02T10:00:00.000Z",
        "verifiedAt": null, "lastDeliveredAt": null, "lastErrorAt": null, "lastErrorStatus": null,
        "lastErrorMessage": null, "consecutiveFailures": 0, "circuitOpenedAt": null, "nextProbeAt": null, "heldCount": 0, "heldMore": false,
    });
    assert_eq!(listed.is(200).body, json!({"webhooks": [webhook], "total": 1, "limit": 50, "offset": 0}));

    let path = format!("/tenants/acme-corp/webhooks/{id}");
    let changed = admin.put(&path, json!({"url": "https://new.acme-corp.com/in"})).await;
    assert_eq!(changed.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
    assert_eq!(admin.get(&path).await.is(200).body["status"], "pending");
    admin.put(&path, json!({})).await.is_problem(400, "invalid_request");
    let deleted = admin.delete(&path).await;
    assert_eq!(deleted.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 3}));
    admin.get(&path).await.is_problem(404, "webhook_not_found");

    let tenants = admin.get("/tenants").await;
    let masked = format!("{}…{}", &key[..8], &key[36..]);
    let tenant = json!({
        "orgId": "acme-corp", "orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com",
        "createdAt": "2026-04-02T10:00:00.000Z", "createdBy": "admin@smartphonekey.com",
        "apiKey": {
            "prefix": key[..8], "masked": masked, "createdAt": "2026-04-02T10:00:00.000Z",
            "createdBy": "admin@smartphonekey.com", "expiresAt": null,
        },
        "webhookCount": 0,
    });
    assert_eq!(
        tenants.is(200).body,
        json!({"tenants": [tenant], "total": 1, "limit": 50, "nextCursor": null})
    );
    Shown { api_keys: vec![key], secrets: vec![secret] }
}

#[tokio::test]
async fn a_partner_is_onboarded() {
    tell(&TestApp::default()).await;
}

#[tokio::test]
async fn everybody_may_ask_after_our_health() {
    let health = TestApp::default().anybody().get("/health").await;
    assert_eq!(health.is(200).body, json!({"status": "ok", "environment": "prod", "version": VERSION}));
}

#[tokio::test]
async fn the_catalogue_names_every_event_type() {
    let app = TestApp::default();
    let catalogue = app.admin().get("/event-types").await;
    let types = catalogue.is(200).body["eventTypes"].as_array().unwrap();
    let named = |name: &str| types.iter().find(|entry| entry["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(named("KeyAdded")["republished"], true);
    assert!(named("KeyAdded")["schema"].is_object());
    assert_eq!(named("ReportedShadowUpdated")["republished"], false);
    let names: Vec<_> = types.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    app.given_tenant("acme-corp").await;
    let body = json!({"url": "https://hooks.acme-corp.com/in", "events": names});
    app.admin().post("/tenants/acme-corp/webhooks", body).await.is(201);
}
