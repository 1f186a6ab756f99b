//! Every fault of a request is named at once: those of single fields, those of rules between fields, and what is not known.

use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn every_fault_of_a_body_is_named_at_once() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let id = webhook.rsplit('/').next().unwrap();
    let past = "2020-01-01T00:00:00Z";
    for (method, path, body, faults) in [
        (
            "POST",
            "/tenants/new-corp/register",
            json!({"orgName": "", "ownerEmail": "nobody", "x": 1, "y": 2}),
            vec!["orgName", "ownerEmail", "x", "y"],
        ),
        ("PATCH", "/tenants/acme-corp", json!({"x": 1}), vec!["body", "x"]),
        ("PATCH", "/tenants/acme-corp", json!({"orgName": " ", "x": 1}), vec!["orgName", "x"]),
        (
            "POST",
            "/api-keys",
            json!({"orgId": "-", "orgName": "", "expiresAt": past, "x": 1}),
            vec!["expiresAt", "orgId", "orgName", "x"],
        ),
        ("POST", "/api-keys", json!({"expiresAt": past}), vec!["expiresAt", "orgId"]),
        (
            "POST",
            "/api-keys/acme-corp/rotate",
            json!({"expiresAt": past, "graceSeconds": -1, "x": 1}),
            vec!["expiresAt", "graceSeconds", "x"],
        ),
        (
            "POST",
            "/tenants/acme-corp/webhooks",
            json!({"url": "http://x/", "events": ["Nothing"], "secret": "s", "auth": {"type": "no", "x": 1}, "y": 2}),
            vec!["auth.type", "auth.x", "events", "secret", "url", "y"],
        ),
        (
            "POST",
            &format!("{webhook}/rotate-secret"),
            json!({"secret": "s", "overlapSeconds": 700_000, "x": 1}),
            vec!["overlapSeconds", "secret", "x"],
        ),
        ("POST", &format!("{webhook}/test"), json!({"eventType": "Nothing", "x": 1}), vec!["eventType", "x"]),
        (
            "POST",
            &format!("{webhook}/redeliver"),
            json!({"since": "soon", "until": 7, "states": ["pending"], "x": 1}),
            vec!["since", "states", "until", "x"],
        ),
        (
            "POST",
            &format!("{webhook}/redeliver"),
            json!({"since": "2026-04-02T10:00:00Z", "until": past, "states": []}),
            vec!["states", "until"],
        ),
    ] {
        let answer = app.admin().request(method, path).json(&body).send().await;
        let named: Vec<_> =
            answer.names_field(faults[0]).body["fields"].as_object().unwrap().keys().collect();
        assert_eq!(named, faults, "{method} {path} {body}");
    }
    let own = app
        .partner(&key)
        .patch(&format!("/webhooks/{id}"), json!({"url": "http://x/", "events": ["*"]}))
        .await;
    assert_eq!(
        own.says("events", "is not a known").body["fields"].as_object().map(serde_json::Map::len),
        Some(2)
    );
}

#[tokio::test]
async fn every_fault_of_a_query_is_named_at_once() {
    let app = TestApp::default();
    let webhook = {
        app.given_tenant("acme-corp").await;
        app.given_webhook("acme-corp").await
    };
    for (path, faults) in [
        ("/tenants?limit=0&cursor=x&ownerEmail=nobody&x=1", vec!["cursor", "limit", "ownerEmail", "x"]),
        ("/tenants?search=&cursor=x&ownerEmail=a@b.c", vec!["cursor", "search"]),
        ("/tenants?limit=1&limit=2&cursor=x", vec!["cursor", "limit"]),
        ("/api-keys?offset=-1&limit=0&x=1", vec!["limit", "offset", "orgId", "x"]),
        ("/tenants/acme-corp/transitions?limit=0&cursor=x&x=1", vec!["cursor", "limit", "x"]),
        ("/tenants/acme-corp/deliveries?x=1", vec!["eventId", "x"]),
        ("/tenants/acme-corp?x=1&y=2", vec!["x", "y"]),
        (
            &format!("{webhook}/deliveries?state=odd&since=soon&until=late&limit=0&cursor=x&x=1"),
            vec!["cursor", "limit", "since", "state", "until", "x"],
        ),
    ] {
        let answer = app.admin().get(path).await;
        let named: Vec<_> =
            answer.names_field(faults[0]).body["fields"].as_object().unwrap().keys().collect();
        assert_eq!(named, faults, "{path}");
        assert_ne!(answer.body["fields"], Value::Null);
    }
}
