//! After the whole story, and after much that went wrong, nothing that was shown once is anywhere we keep things.

use serde_json::{Value, json};

use crate::story;
use crate::support::{ADMIN_KEY, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

const HOOKS: &str = "/tenants/acme-corp/webhooks";
const URL: &str = "https://hooks.acme-corp.com/in";

/// Every place something could be left in.
fn kept(app: &TestApp) -> String {
    let queued: Vec<_> = app.retries.take().into_iter().map(|message| message.body.to_string()).collect();
    [app.database.dump(), app.cache.dump(), app.log.dump(), queued.join("\n")].join("\n")
}

#[tokio::test]
async fn what_is_shown_once_is_kept_nowhere() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).claim("jti", "told-apart").signed();
    let portal = token_of_portal(&app.clock, "owner@acme-corp.com").signed_hs256(SERVICE_SECRET);
    let shown = story::tell(&app).await;
    let mut hidden: Vec<String> = [shown.api_keys, shown.secrets].concat();
    hidden.extend([ADMIN_KEY, SERVICE_SECRET, "BwcHBwcHBwcH"].map(str::to_owned));
    hidden.extend([&token, &portal].map(|token| token.rsplit('.').next().unwrap().to_owned()));

    // More of everything that is shown once.
    let admin = app.bearer(&token);
    let rotated = app.bearer(&portal).post("/api-keys/acme-corp/rotate", json!({"graceSeconds": 60})).await;
    let key = rotated.is(201).text_at("apiKey");
    hidden.push(key.clone());
    let own = "whsec_b3VyLW93bi1zZWNyZXQtb2YtMzItYnl0ZXMtaGVyZSE=";
    for body in [
        json!({"url": URL, "auth": {"type": "bearerToken"}}),
        json!({"url": URL, "secret": own, "auth": {"type": "bearerToken", "token": "their-own-token-01"}}),
        json!({"url": URL, "auth": {"type": "apiKeyHeader", "headerName": "X-Key", "token": "their-own-token-02"}}),
    ] {
        let created = admin.post(HOOKS, body).await;
        hidden.extend([created.is(201).text_at("secret"), created.text_at("/auth/token")]);
        let path = format!("{HOOKS}/{}", created.text_at("webhookId"));
        hidden.push(admin.post(&format!("{path}/rotate-secret"), json!({})).await.is(200).text_at("secret"));
        let changed = admin.put(&path, json!({"auth": {"type": "bearerToken"}})).await;
        hidden.push(changed.is(200).text_at("/auth/token"));
        admin.put(&path, json!({"secret": own})).await.is(200);
        let id = created.text_at("webhookId");
        app.partner(&key).patch(&format!("/webhooks/{id}"), json!({"url": URL})).await.is(200);
    }

    // Secrets in the wrong places, and in requests that fail.
    for body in [
        json!({"url": URL, "secret": [own]}),
        json!({"url": URL, "secret": format!("{own}x")}),
        json!({"url": URL, "auth": "their-own-token-01"}),
        json!({"url": URL, "auth": {"type": "their-own-token-01"}}),
        json!({"url": URL, "auth": {"type": "bearerToken", "token": ["their-own-token-01"]}}),
        json!({"url": URL, "auth": {"type": "bearerToken", "token": format!("their-own-token-01 {own}")}}),
        json!({"url": URL, "events": own}),
        json!({"url": URL, "secret": own, "auth": {"type": "bearerToken", "token": own}}),
    ] {
        let refused = admin.post(HOOKS, body).await;
        assert!(
            !refused.is(400).text.contains("b3VyLW93bi1z") && !refused.text.contains("own-token"),
            "{}",
            refused.text
        );
    }
    app.anybody().get(&format!("/webhooks?x-api-key={key}&access_token={token}")).await.is(401);
    app.partner(&format!("{key}x")).get("/webhooks").await.is(401);
    app.bearer(&key).get("/tenants").await.is(401);
    app.anybody().with("authorization", format!("Bearer {token}")).get("/tenants").await.is(401);
    for path in ["/api-keys", "/tenants", "/webhooks", "/no/such/path"] {
        for credential in [&key, &token, own] {
            let path = format!("{path}/{credential}");
            assert!(admin.delete(&path).await.status.is_client_error(), "{path}");
            app.anybody().get(&format!("{path}/x")).await.is(401);
        }
    }
    app.database.fail(Some("away"));
    admin.post(HOOKS, json!({"url": URL, "secret": own})).await.is(503);
    app.database.fail(None);
    app.partner(&key).get("/api-keys/self").await.is(200);

    let kept = kept(&app);
    for secret in hidden {
        let bare = secret.strip_prefix("whsec_").unwrap_or(&secret);
        assert!(bare.len() >= 12, "{bare}");
        assert!(!kept.contains(bare), "{secret} is kept");
    }
    // The dump is no empty promise: what may be kept is there.
    assert!(kept.contains("ACME Corporation") && kept.contains(&key[..8]) && kept.contains("requestId"));
}

#[tokio::test]
async fn a_log_line_says_who_asked_for_what_and_no_more() {
    let app = TestApp::default();
    app.admin().get("/tenants?ownerEmail=owner@example.com").await.is(200);
    let line = app.log.lines().pop().unwrap();
    let mut names: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    names.sort();
    let expected = [
        "d1RoundTrips",
        "d1RowsRead",
        "d1RowsWritten",
        "message",
        "method",
        "milliseconds",
        "path",
        "requestId",
        "status",
    ];
    assert_eq!(names, expected);
    assert_eq!((&line["path"], &line["status"]), (&Value::from("/tenants"), &Value::from(200)));
}
