//! Webhooks: created, changed, limited, and what is shown of them once or never.

use serde_json::{Value, json};

use crate::support::TestApp;

const HOOKS: &str = "/tenants/acme-corp/webhooks";
const URL: &str = "https://hooks.acme-corp.com/in";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn a_tenant_has_twenty_webhooks_at_most() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let mut last = String::new();
    for version in 1..=20 {
        let created = app.admin().post(HOOKS, json!({"url": URL})).await;
        assert_eq!(created.is(201).body["version"], version);
        last = created.text_at("webhookId");
    }
    let before = app.database.dump();
    app.admin().post(HOOKS, json!({"url": URL})).await.is_problem(409, "webhook_limit_reached");
    assert_eq!(app.database.dump(), before);
    let page = app.admin().get(&format!("{HOOKS}?limit=1&offset=19")).await;
    assert_eq!(page.is(200).body["total"], 20);
    assert_eq!(page.text_at("/webhooks/0/id"), last);
    assert_eq!(app.admin().get("/tenants/acme-corp").await.body["webhookCount"], 20);
    // Another tenant's count for themselves, and a deleted one makes room.
    app.given_tenant("other-corp").await;
    app.given_webhook("other-corp").await;
    app.admin().delete(&format!("{HOOKS}/{last}")).await.is(200);
    app.admin().post(HOOKS, json!({"url": URL})).await.is(201);
}

#[tokio::test]
async fn another_url_waits_for_its_verification_and_the_same_one_does_not() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    app.wait(5);
    for same in [URL, "https://HOOKS.acme-corp.com:443/in"] {
        app.admin().put(&path, json!({"url": same})).await.is(200);
        assert_eq!(app.admin().get(&path).await.body["status"], "active", "{same}");
    }
    app.admin().put(&path, json!({"events": ["KeyAdded"]})).await.is(200);
    let webhook = app.admin().get(&path).await;
    assert_eq!((&webhook.body["status"], &webhook.body["events"]), (&json!("active"), &json!(["KeyAdded"])));
    assert_eq!(webhook.body["updatedAt"], "2026-04-02T10:00:05.000Z");
    app.admin().put(&path, json!({"url": "https://hooks.acme-corp.com/other"})).await.is(200);
    let webhook = app.admin().get(&path).await;
    assert_eq!((&webhook.body["status"], &webhook.body["events"]), (&json!("pending"), &json!(["KeyAdded"])));
    // Back again is a change as well.
    app.admin().put(&path, json!({"url": URL})).await.is(200);
    assert_eq!(app.admin().get(&path).await.body["status"], "pending");
}

#[tokio::test]
async fn the_audit_log_names_the_new_url() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    app.admin().put(&path, json!({"url": "https://hooks.acme-corp.com/other"})).await.is(200);
    let log = app.admin().get("/tenants/acme-corp/transitions?limit=1").await;
    let entry = &log.body["transitions"][0];
    assert_eq!(entry["kind"], "WebhookUrlChanged");
    assert_eq!(entry["details"]["url"], "https://hooks.acme-corp.com/other");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_listed() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let auth = json!({"type": "apiKeyHeader", "headerName": "X-Acme-Key"});
    let created = app.admin().post(HOOKS, json!({"url": URL, "auth": auth})).await;
    let (secret, token) = (created.is(201).text_at("secret"), created.text_at("/auth/token"));
    assert_eq!(created.body["auth"]["type"], "apiKeyHeader");
    assert_eq!(token.len(), 43);
    let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
    let rotated = app.admin().post(&format!("{path}/rotate-secret"), json!({})).await;
    let second = rotated.is(200).text_at("secret");
    assert_eq!(
        rotated.body,
        json!({"success": true, "aggregateId": "acme-corp", "version": 2, "secret": second})
    );
    assert_ne!(second, secret);
    for path in [HOOKS, &path, "/tenants/acme-corp", "/tenants/acme-corp/transitions", "/tenants"] {
        let shown = app.admin().get(path).await.is(200).text.clone();
        for hidden in [&secret, &second, &token] {
            assert!(!shown.contains(&**hidden), "{path}");
        }
        assert!(!shown.contains("\"secret\":\"whsec") && !shown.contains("\"token\""), "{path}");
    }
    assert_eq!(app.admin().get(&path).await.body["auth"], auth);
}

#[tokio::test]
async fn each_kind_of_authentication_is_kept_as_asked() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    for (asked, shown, token) in [
        (json!({"type": "none"}), json!({"type": "none"}), None),
        (json!({"type": "bearerToken"}), json!({"type": "bearerToken"}), Some("")),
        (
            json!({"type": "bearerToken", "token": "a-partner-s-own-token"}),
            json!({"type": "bearerToken"}),
            Some("a-partner-s-own-token"),
        ),
        (
            json!({"type": "apiKeyHeader", "headerName": "x-key", "token": "0123456789abcdef"}),
            json!({"type": "apiKeyHeader", "headerName": "x-key"}),
            Some("0123456789abcdef"),
        ),
    ] {
        let created = app.admin().post(HOOKS, json!({"url": URL, "auth": asked})).await;
        match token {
            None => assert_eq!(created.is(201).body["auth"], shown),
            Some("") => assert_eq!(created.is(201).text_at("/auth/token").len(), 43),
            Some(token) => assert_eq!(created.is(201).text_at("/auth/token"), token),
        }
        let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
        assert_eq!(app.admin().get(&path).await.body["auth"], shown);
        // Changing something else leaves it.
        app.admin().put(&path, json!({"events": ["KeyAdded"]})).await.is(200);
        assert_eq!(app.admin().get(&path).await.body["auth"], shown);
        let changed = app.admin().put(&path, json!({"auth": {"type": "bearerToken"}})).await;
        assert_eq!(changed.is(200).text_at("/auth/token").len(), 43);
        let dropped = app.admin().put(&path, json!({"auth": {"type": "none"}})).await;
        assert_eq!(dropped.is(200).body["auth"], json!({"type": "none"}));
        assert_eq!(app.admin().get(&path).await.body["auth"], json!({"type": "none"}));
    }
}

#[tokio::test]
async fn a_partner_s_own_secret_is_taken_and_shown() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let created = app.admin().post(HOOKS, json!({"url": URL, "secret": SECRET})).await;
    assert_eq!(created.is(201).text_at("secret"), SECRET);
    let path = format!("{HOOKS}/{}/rotate-secret", created.text_at("webhookId"));
    let rotated = app.admin().post(&path, json!({"secret": SECRET, "overlapSeconds": 0})).await;
    assert_eq!(rotated.is(200).text_at("secret"), SECRET);
}

#[tokio::test]
async fn event_types_that_are_never_delivered_come_with_a_warning() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let events = json!(["KeyAdded", "ReportedShadowUpdated", "DesiredShadowUpdated"]);
    let created = app.admin().post(HOOKS, json!({"url": URL, "events": events})).await;
    let warnings = created.is(201).body["warnings"].as_array().unwrap().clone();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].as_str().unwrap().contains("ReportedShadowUpdated"), "{warnings:?}");
    assert!(warnings[1].as_str().unwrap().contains("DesiredShadowUpdated"), "{warnings:?}");
    let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
    assert_eq!(app.admin().get(&path).await.body["events"], events);
    let changed = app.admin().put(&path, json!({"events": ["ReportedShadowUpdated"]})).await;
    assert_eq!(changed.is(200).body["warnings"].as_array().unwrap().len(), 1);
    let changed = app.admin().put(&path, json!({"events": ["KeyAdded"]})).await;
    assert_eq!(changed.is(200).body.get("warnings"), None);
}

#[tokio::test]
async fn an_unknown_event_type_is_refused_with_the_nearest_known_one() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    for (unknown, nearest) in
        [("KeyAded", "KeyAdded"), ("lockcreated", "LockCreated"), ("KeyAdded ", "KeyAdded")]
    {
        let body = json!({"url": URL, "events": ["KeyRemoved", unknown]});
        for answer in
            [app.admin().post(HOOKS, body.clone()).await, app.admin().put(&path, body.clone()).await]
        {
            let fault = answer.names_field("events").text_at("/fields/events");
            assert!(fault.contains(unknown) && fault.contains(nearest), "{fault}");
        }
    }
    app.admin().post(HOOKS, json!({"url": URL, "events": [""]})).await.names_field("events");
    app.admin().post(HOOKS, json!({"url": URL, "events": ["x".repeat(500)]})).await.names_field("events");
}

#[tokio::test]
async fn versions_count_all_of_a_tenant_s_webhooks_together() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.given_tenant("other-corp").await;
    let (first, second) = (app.given_webhook("acme-corp").await, app.given_webhook("acme-corp").await);
    app.given_webhook("other-corp").await;
    for (version, path) in [(3, &first), (4, &second), (5, &first)] {
        assert_eq!(app.admin().put(path, json!({"events": ["*"]})).await.is(200).body["version"], version);
    }
    assert_eq!(app.admin().delete(&first).await.is(200).body["version"], 6);
    assert_eq!(app.admin().post(HOOKS, json!({"url": URL})).await.is(201).body["version"], 7);
}

#[tokio::test]
async fn a_webhook_belongs_to_its_tenant() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.given_tenant("other-corp").await;
    let own = app.given_webhook("acme-corp").await;
    let foreign = own.replace("acme-corp", "other-corp");
    let none = "/tenants/acme-corp/webhooks/00000000-0000-4000-8000-000000000000".to_owned();
    let nobody = own.replace("acme-corp", "none-corp");
    let before = app.database.dump();
    for (path, code) in
        [(foreign, "webhook_not_found"), (none, "webhook_not_found"), (nobody, "tenant_not_registered")]
    {
        let admin = app.admin();
        for answer in [
            admin.get(&path).await,
            admin.put(&path, json!({"events": ["*"]})).await,
            admin.put(&path, json!({"secret": SECRET})).await,
            admin.put(&path, json!({"auth": {"type": "bearerToken", "token": "0123456789abcdef"}})).await,
            admin.delete(&path).await,
            admin.post(&format!("{path}/rotate-secret"), json!({})).await,
            admin.post(&format!("{path}/rotate-secret"), json!({"secret": SECRET})).await,
            admin.get(&format!("{path}/deliveries")).await,
            admin.get(&format!("{path}/deliveries/event-1")).await,
            admin.request("POST", &format!("{path}/deliveries/event-1/redeliver")).send().await,
        ] {
            answer.is_problem(404, code);
        }
    }
    assert_eq!(app.database.dump(), before);
    assert_eq!(app.retries.take().len(), 0);
    let listed = app.admin().get("/tenants/other-corp/webhooks").await;
    assert_eq!(listed.is(200).body, json!({"webhooks": [], "total": 0, "limit": 50, "offset": 0}));
}

mod token_and_secret {
    use super::*;

    /// What gives the secret away: its text, the base64 in it, the key itself.
    const TOKENS: [&str; 3] = [
        "whsec_YS1zaWduaW5nLWtleS1vZi0zMi1wbGFpbi1ieXRlcyE=",
        "YS1zaWduaW5nLWtleS1vZi0zMi1wbGFpbi1ieXRlcyE",
        "a-signing-key-of-32-plain-bytes!",
    ];
    const ITS_SECRET: &str = TOKENS[0];

    fn bearer(token: &str) -> Value {
        json!({"type": "bearerToken", "token": token})
    }

    #[tokio::test]
    async fn may_not_be_the_same_where_both_are_given() {
        let app = TestApp::default();
        app.given_tenant("acme-corp").await;
        let path = app.given_webhook("acme-corp").await;
        for token in TOKENS {
            let body = json!({"url": URL, "secret": ITS_SECRET, "auth": bearer(token)});
            app.admin().post(HOOKS, body.clone()).await.names_field("auth.token");
            app.admin().put(&path, body).await.names_field("auth.token");
        }
    }

    #[tokio::test]
    async fn may_not_be_the_same_where_the_secret_is_stored() {
        let app = TestApp::default();
        app.given_tenant("acme-corp").await;
        let created = app.admin().post(HOOKS, json!({"url": URL, "secret": ITS_SECRET})).await;
        let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
        let before = app.database.dump();
        for token in TOKENS {
            app.admin().put(&path, json!({"auth": bearer(token)})).await.names_field("auth.token");
            let both = json!({"url": "https://other.acme-corp.com/", "auth": bearer(token)});
            app.admin().put(&path, both).await.names_field("auth.token");
        }
        assert_eq!(app.database.dump(), before);
        // With another secret at the same time it is nobody's secret any more.
        let body = json!({"secret": SECRET, "auth": bearer(TOKENS[1])});
        app.admin().put(&path, body).await.is(200);
        app.admin().put(&path, json!({"auth": bearer("another-token-of-theirs")})).await.is(200);
    }

    #[tokio::test]
    async fn may_not_be_the_same_where_the_secret_still_signs_beside_a_newer_one() {
        let app = TestApp::default();
        app.given_tenant("acme-corp").await;
        let created = app.admin().post(HOOKS, json!({"url": URL, "secret": ITS_SECRET})).await;
        let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
        app.admin().post(&format!("{path}/rotate-secret"), json!({"overlapSeconds": 60})).await.is(200);
        app.wait(59);
        app.admin().put(&path, json!({"auth": bearer(TOKENS[1])})).await.names_field("auth.token");
        app.wait(1);
        app.admin().put(&path, json!({"auth": bearer(TOKENS[1])})).await.is(200);
    }

    #[tokio::test]
    async fn may_not_be_the_same_where_the_token_is_stored() {
        let app = TestApp::default();
        app.given_tenant("acme-corp").await;
        for token in TOKENS {
            let created = app.admin().post(HOOKS, json!({"url": URL, "auth": bearer(token)})).await;
            let path = format!("{HOOKS}/{}", created.is(201).text_at("webhookId"));
            let before = app.database.dump();
            app.admin().put(&path, json!({"secret": ITS_SECRET})).await.names_field("secret");
            let with_events = json!({"secret": ITS_SECRET, "events": ["KeyAdded"]});
            app.admin().put(&path, with_events).await.names_field("secret");
            let rotation = json!({"secret": ITS_SECRET});
            app.admin().post(&format!("{path}/rotate-secret"), rotation).await.names_field("secret");
            assert_eq!(app.database.dump(), before);
            // Where the token goes at the same time, or a fresh one comes, nothing stands against it.
            let body = json!({"secret": ITS_SECRET, "auth": {"type": "bearerToken"}});
            app.admin().put(&path, body).await.is(200);
            app.admin().put(&path, json!({"auth": {"type": "none"}})).await.is(200);
            app.admin().put(&path, json!({"secret": ITS_SECRET})).await.is(200);
        }
    }

    #[tokio::test]
    async fn may_be_replaced_where_no_key_opens_them_any_more() {
        let app = TestApp::default();
        app.given_tenant("acme-corp").await;
        let body = json!({"url": URL, "secret": SECRET, "auth": bearer(TOKENS[1])});
        let created = app.admin().post(HOOKS, body).await;
        let path = format!("{HOOKS}/{}", created.is(201).text_at("webhookId"));
        // 32 bytes of 0x08.
        let key = [("WEBHOOK_SECRETS_KEY", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=")];
        let later = app.deployed_with(&key);
        later.admin().put(&path, json!({"auth": bearer("another-token-of-theirs")})).await.is(200);
        later.admin().put(&path, json!({"secret": ITS_SECRET})).await.is(200);
        later.admin().post(&format!("{path}/rotate-secret"), json!({"secret": SECRET})).await.is(200);
    }
}
