//! What an admin does to a webhook besides changing it, with the courier at work behind it.

mod dead_letters;
mod health;
mod isolation;
mod log;
mod redelivery;

use std::collections::BTreeSet;

use serde_json::json;
use shared::testing::Reply;

use crate::support::TestApp;

/// Where [`TestApp::given_webhook`] points to.
const URL: &str = "https://hooks.acme-corp.com/in";

async fn given() -> (TestApp, String) {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    (app, path)
}

#[tokio::test]
async fn a_verification_starts_again_and_ends_active() {
    let (app, path) = given().await;
    let asked = app.admin().request("POST", &format!("{path}/verify")).send().await;
    assert_eq!(asked.is(202).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
    let pending = app.admin().get(&path).await;
    assert_eq!((&pending.body["status"], &pending.body["verifiedAt"]), (&json!("pending"), &json!(null)));
    // Once more while it is under way: from the beginning.
    let again = app.admin().request("POST", &format!("{path}/verify")).send().await;
    assert_eq!(again.is(202).body["version"], 3);

    let delivery = app.delivery();
    delivery.endpoints.reply(URL, &[Reply::Status(500)]);
    delivery.retries().await;

    let received = delivery.received();
    assert!(
        received.iter().all(|body| body["source"] == "spk.webhooks") && received.len() == 2,
        "{received:?}"
    );
    let active = app.admin().get(&path).await;
    assert_eq!((&active.body["status"], &active.body["lastErrorStatus"]), (&json!("active"), &json!(500)));
    assert!(active.body["verifiedAt"].is_string());
    let transitions = app.admin().get("/tenants/acme-corp/transitions?limit=1").await;
    assert_eq!(
        transitions.body["transitions"][0]["kind"], "WebhookVerificationRequested",
        "{}",
        transitions.text
    );
}

#[tokio::test]
async fn a_queue_that_refuses_does_not_undo_a_verification() {
    let (app, path) = given().await;
    app.retries.refuse(true);
    app.admin().request("POST", &format!("{path}/verify")).send().await.is(202);
    app.retries.refuse(false);
    app.wait(60);
    let delivery = app.delivery();
    delivery.sweep().await;
    delivery.retries().await;
    assert_eq!(app.admin().get(&path).await.body["status"], "active");
}

#[tokio::test]
async fn only_a_disabled_webhook_is_enabled() {
    let (app, path) = given().await;
    let enable = format!("{path}/enable");
    let before = app.database.dump();
    app.admin().request("POST", &enable).send().await.is_problem(409, "webhook_not_disabled");
    assert_eq!(app.database.dump(), before);
    app.admin().request("POST", &format!("{path}/verify")).send().await.is(202);
    app.admin().request("POST", &enable).send().await.is_problem(409, "webhook_not_disabled");
    let delivery = app.delivery();
    delivery.retries().await;
    delivery.endpoints.reply(URL, &[Reply::Status(410)]);
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    delivery.retries().await;
    let disabled = app.admin().get(&path).await;
    assert_eq!(disabled.body["status"], "disabled");
    assert!(disabled.text.contains("the endpoint answered 410 Gone"), "{}", disabled.text);

    let enabled = app.admin().request("POST", &enable).send().await;
    assert_eq!(enabled.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 3}));
    assert_eq!(app.admin().get(&path).await.body["status"], "pending");
    delivery.retries().await;
    assert_eq!(app.admin().get(&path).await.body["status"], "active");
    app.admin().request("POST", &enable).send().await.is_problem(409, "webhook_not_disabled");

    // Asking for a verification takes a disabled webhook back as well.
    delivery.endpoints.reply(URL, &[Reply::Status(410)]);
    delivery.event("acme-corp", "e-2", "KeyAdded").await;
    delivery.retries().await;
    assert_eq!(app.admin().get(&path).await.body["status"], "disabled");
    app.admin().request("POST", &format!("{path}/verify")).send().await.is(202);
    let pending = app.admin().get(&path).await;
    assert_eq!((&pending.body["status"], &pending.body["disabledReason"]), (&json!("pending"), &json!(null)));
    delivery.retries().await;
    assert_eq!(app.admin().get(&path).await.body["status"], "active");
}

#[tokio::test]
async fn a_test_event_goes_to_this_webhook_alone() {
    let (app, path) = given().await;
    let others = json!({"url": "https://hooks.acme-corp.com/others"});
    app.admin().post("/tenants/acme-corp/webhooks", others).await.is(201);
    app.admin().put(&path, json!({"events": ["LockCreated"]})).await.is(200);
    let delivery = app.delivery();

    let tested = app.admin().request("POST", &format!("{path}/test")).send().await;
    let event_id = tested.is(202).text_at("eventId");
    assert_eq!(tested.body, json!({"eventId": event_id}));
    delivery.retries().await;
    let sent = delivery.endpoints.take();
    assert_eq!((sent.len(), sent[0].url.as_str()), (1, URL));
    let body: serde_json::Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!((&body["id"], &body["detail-type"]), (&json!(event_id), &json!("KeyAdded")));
    assert_eq!(body["detail"]["test"], true);
    assert_eq!(body["detail"]["partnerId"], "acme-corp");

    let named = app.admin().post(&format!("{path}/test"), json!({"eventType": "Shadow Update"})).await;
    named.is(202);
    app.admin().post(&format!("{path}/test"), json!({})).await.is(202);
    delivery.retries().await;
    let types: BTreeSet<_> =
        delivery.received().iter().map(|body| body["detail-type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["KeyAdded", "Shadow Update"].map(str::to_owned).into());
    let logged = app.admin().get(&format!("{path}/deliveries/{event_id}")).await;
    assert_eq!(logged.is(200).body["state"], "delivered");
}

#[tokio::test]
async fn a_test_event_has_a_type_that_partners_get() {
    let (app, path) = given().await;
    let test = format!("{path}/test");
    let before = app.database.dump();
    for (event_type, fault) in [
        ("KeyAded", "nearest is \"KeyAdded\""),
        ("keyadded", "nearest is \"KeyAdded\""),
        ("*", "one event type"),
        ("", "1 to 128 characters"),
        ("ReportedShadowUpdated", "never delivered"),
        ("DesiredShadowUpdated", "never delivered"),
    ] {
        let answer = app.admin().post(&test, json!({"eventType": event_type})).await;
        let said = answer.names_field("eventType").body["fields"]["eventType"].as_str().unwrap().to_owned();
        assert!(said.contains(fault), "{event_type}: {said}");
    }
    app.admin().post(&test, json!({"eventType": 7})).await.names_field("eventType");
    app.admin().post(&test, json!({"type": "KeyAdded"})).await.names_field("type");
    assert_eq!(app.database.dump(), before);
    assert!(app.retries.take().is_empty());
}

#[tokio::test]
async fn unknown_tenants_and_webhooks_are_not_found() {
    let (app, path) = given().await;
    let (_, id) = path.rsplit_once('/').unwrap();
    for (method, action) in [
        ("POST", "verify"),
        ("POST", "enable"),
        ("POST", "test"),
        ("POST", "redeliver"),
        ("POST", "deliveries/e-1/redeliver"),
        ("GET", "deliveries"),
        ("GET", "deliveries/e-1"),
    ] {
        for (org_id, webhook_id, code) in [
            ("nobody", id, "tenant_not_registered"),
            ("acme-corp", "7d1c1f0e-0000-4000-8000-000000000000", "webhook_not_found"),
            ("acme-corp", "not-a-uuid", "webhook_not_found"),
            ("acme-corp", "%27%20OR%201=1%20--", "webhook_not_found"),
        ] {
            let asked = format!("/tenants/{org_id}/webhooks/{webhook_id}/{action}");
            let request = app.admin().request(method, &asked);
            let answer =
                if action == "redeliver" { request.json(&json!({})).send() } else { request.send() }.await;
            answer.is_problem(404, code);
        }
    }
}
