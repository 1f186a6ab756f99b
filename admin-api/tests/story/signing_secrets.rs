//! A webhook's signing secrets: several sign while rotations overlap, and an admin can look the current one up.

use serde_json::{Value, json};
use shared::ports::Clock;
use shared::webhook::signing::{SigningSecret, signature};

use crate::support::{Answer, TestApp};

const HOUR: u64 = 3_600;
/// The Standard Webhooks specification's, and others.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Given a webhook of acme-corp: its path and its secret.
async fn given(app: &TestApp) -> (String, String) {
    app.given_tenant("acme-corp").await;
    let created = app
        .admin()
        .post("/tenants/acme-corp/webhooks", json!({"url": "https://hooks.acme-corp.com/in"}))
        .await;
    let path = format!("/tenants/acme-corp/webhooks/{}", created.is(201).text_at("webhookId"));
    (path, created.text_at("secret"))
}

async fn rotate(app: &TestApp, path: &str, body: Value) -> Answer {
    app.admin().post(&format!("{path}/rotate-secret"), body).await
}

/// Which of these secrets signed a delivery made now.
async fn signing<'a>(app: &TestApp, secrets: &[&'a str]) -> Vec<&'a str> {
    let delivery = app.delivery();
    let id = format!("event-{}", app.clock.now().milliseconds());
    delivery.event("acme-corp", &id, "KeyAdded").await;
    let requests = delivery.endpoints.take();
    let header = |name: &str| {
        let found = requests[0].headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    let given = header("webhook-signature");
    let given: Vec<_> = given.split(' ').collect();
    let seconds = header("webhook-timestamp").parse().unwrap();
    let body = requests[0].body.as_bytes();
    let signed = |secret: &&&str| {
        let secret = SigningSecret::parse(secret).unwrap();
        given.contains(&&*signature(&[&secret], &id, seconds, body))
    };
    let found: Vec<_> = secrets.iter().filter(signed).copied().collect();
    assert_eq!(found.len(), given.len(), "no other secret signs");
    found
}

#[tokio::test]
async fn each_earlier_secret_signs_until_its_own_overlap_ends() {
    let app = TestApp::default();
    let (path, first) = given(&app).await;
    let second = rotate(&app, &path, json!({"overlapSeconds": 2 * HOUR})).await.is(200).text_at("secret");
    // The answer was lost: once more, and with a shorter overlap.
    let third = rotate(&app, &path, json!({"overlapSeconds": HOUR})).await.is(200).text_at("secret");
    let all = [&*first, &second, &third];
    assert_eq!(signing(&app, &all).await, all);
    app.wait(HOUR - 1);
    assert_eq!(signing(&app, &all).await, all);
    app.wait(1);
    assert_eq!(signing(&app, &all).await, [&*first, &third]);
    // To end the current one at once takes nothing from those before.
    let fourth = rotate(&app, &path, json!({"overlapSeconds": 0})).await.is(200).text_at("secret");
    app.wait(1);
    let all = [&*first, &second, &third, &fourth];
    assert_eq!(signing(&app, &all).await, [&*first, &fourth]);
    app.admin().put(&path, json!({"secret": SECRET})).await.is(200);
    app.wait(1);
    assert_eq!(signing(&app, &[&first, &fourth, SECRET]).await, [&*first, SECRET]);
    app.wait(HOUR);
    assert_eq!(signing(&app, &[&first, &fourth, SECRET]).await, [SECRET]);
}

#[tokio::test]
async fn to_rotate_to_the_current_secret_changes_nothing() {
    let app = TestApp::default();
    let (path, first) = given(&app).await;
    let rotated = rotate(&app, &path, json!({"secret": SECRET})).await;
    assert_eq!(rotated.is(200).body["version"], 2);
    app.wait(1);
    let before = app.database.dump();
    for body in [json!({"secret": SECRET}), json!({"secret": SECRET, "overlapSeconds": 0})] {
        let again = rotate(&app, &path, body).await;
        assert_eq!(again.is(200).body, rotated.body, "the same answer again");
    }
    assert_eq!(app.database.dump(), before);
    assert_eq!(signing(&app, &[&first, SECRET]).await, [&*first, SECRET]);
    // Back to an earlier one: it signs once.
    rotate(&app, &path, json!({"secret": first})).await.is(200);
    app.wait(1);
    assert_eq!(signing(&app, &[&first, SECRET]).await, [&*first, SECRET]);
}

#[tokio::test]
async fn five_secrets_sign_at_once_and_no_more() {
    let app = TestApp::default();
    let (path, first) = given(&app).await;
    let mut secrets = vec![first];
    for overlap in [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR] {
        secrets.push(rotate(&app, &path, json!({"overlapSeconds": overlap})).await.is(200).text_at("secret"));
    }
    let five: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_eq!(signing(&app, &five).await, five);
    let before = app.database.dump();
    for body in [json!({}), json!({"secret": SECRET}), json!({"overlapSeconds": 1})] {
        rotate(&app, &path, body).await.is_problem(409, "too_many_secrets");
    }
    // Neither the current one nor an earlier one is one more.
    rotate(&app, &path, json!({"secret": five[4]})).await.is(200);
    assert_eq!(app.database.dump(), before);
    rotate(&app, &path, json!({"secret": five[1]})).await.is(200);
    rotate(&app, &path, json!({})).await.is_problem(409, "too_many_secrets");
    // Room is made by ending the current one at once, or by an overlap's end.
    rotate(&app, &path, json!({"overlapSeconds": 0, "secret": SECRET})).await.is(200);
    app.wait(HOUR);
    rotate(&app, &path, json!({})).await.is(200);
}

#[tokio::test]
async fn whoever_races_the_secrets_of_all_answers_sign() {
    let app = TestApp::default();
    let (path, first) = given(&app).await;
    let (drawn, given, same) = futures_util::join!(
        rotate(&app, &path, json!({})),
        rotate(&app, &path, json!({"secret": SECRET})),
        rotate(&app, &path, json!({"secret": SECRET})),
    );
    given.is(200);
    same.is(200);
    let drawn = drawn.is(200).text_at("secret");
    let all = [&*first, SECRET, &drawn];
    assert_eq!(signing(&app, &all).await, all);
}

#[tokio::test]
async fn who_looks_a_secret_up_is_in_the_audit_log() {
    let app = TestApp::default();
    let (path, first) = given(&app).await;
    let shown = app.admin().get(&format!("{path}/secret")).await;
    assert_eq!(shown.is(200).body, json!({"secret": first, "previous": []}));
    rotate(&app, &path, json!({"secret": SECRET, "overlapSeconds": HOUR})).await.is(200);
    rotate(&app, &path, json!({"secret": OTHER, "overlapSeconds": 60})).await.is(200);
    let shown = app.portal("owner@example.com").get(&format!("{path}/secret")).await;
    let until = |time: &str| json!({"until": format!("2026-04-02T{time}.000Z")});
    let previous = [until("11:00:00"), until("10:01:00")];
    assert_eq!(shown.is(200).body, json!({"secret": OTHER, "previous": previous}));
    app.wait(60);
    let shown = app.admin().get(&format!("{path}/secret")).await;
    assert_eq!(shown.body["previous"], json!(previous[..1]));

    let log = app.admin().get("/tenants/acme-corp/transitions").await;
    let revealed = log.body["transitions"].as_array().unwrap().iter();
    let revealed: Vec<_> = revealed
        .filter(|entry| entry["kind"] == "WebhookSecretRevealed")
        .map(|entry| (entry["actor"].as_str().unwrap(), entry["via"].clone(), entry["version"].clone()))
        .collect();
    let admin = "admin@smartphonekey.com";
    let expected = [
        (admin, Value::Null, json!(6)),
        ("owner@example.com", json!("partner-portal"), json!(5)),
        (admin, Value::Null, json!(2)),
    ];
    assert_eq!(revealed, expected);
    assert!(!log.text.contains("whsec_"));
}

#[tokio::test]
async fn who_may_not_see_a_secret_leaves_no_trace_and_learns_nothing() {
    let app = TestApp::default();
    let (path, _) = given(&app).await;
    app.given_tenant("other-corp").await;
    let before = app.database.dump();
    let webhook = path.rsplit('/').next().unwrap();
    let others = format!("/tenants/other-corp/webhooks/{webhook}/secret");
    app.admin().get(&others).await.is_problem(404, "webhook_not_found");
    let stranger = app.portal("nobody@example.com").get(&format!("{path}/secret")).await;
    stranger.is_problem(404, "tenant_not_registered");
    app.anybody().get(&format!("{path}/secret")).await.is(401);
    assert_eq!(app.database.dump(), before);
}
