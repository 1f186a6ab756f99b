//! `Idempotency-Key`: a request that is repeated, as after a lost answer, is done once.

use edge::routes::Access;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::ports::Statement;
use shared::testing::Crash;

use crate::cost::{Given, dearest, given};
use crate::support::{Answer, TestApp, token_of_admin};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

async fn send(app: &TestApp, key: &str, path: &str, body: Option<&Value>) -> Answer {
    let request = app.admin().with("idempotency-key", key).request("POST", path);
    match body {
        Some(body) => request.json(body).send().await,
        None => request.send().await,
    }
}

fn kept(app: &TestApp) -> usize {
    app.database.query(Statement::new("SELECT id FROM kept_answers")).len()
}

#[tokio::test]
async fn every_post_of_an_admin_is_done_once_and_answered_again() {
    let mut posts = 0;
    for route in TestApp::default().routes {
        if route.method != "POST" || route.access != Access::Admin {
            continue;
        }
        posts += 1;
        let given = given().await;
        let path = given.path(&route).await;
        let Given { app, .. } = &given;
        let body = dearest(route.method, route.path);

        let first = send(app, KEY, &path, body.as_ref()).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        assert_eq!(kept(app), 1, "{path}");
        let after_first = app.database.dump();
        app.retries.take();
        app.events.take();
        app.database.take_round_trips();
        // Half a day later, by another isolate.
        app.wait(43_200);
        let isolate = app.another_isolate();
        let again = send(&isolate, KEY, &path, body.as_ref()).await;

        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
        assert_eq!(app.database.dump(), after_first, "{path}: nothing changes");
        assert!(app.retries.take().is_empty() && app.events.take().is_empty(), "{path}");
        assert_eq!(app.database.take_round_trips(), 1, "{path}");
        let other = json!({"orgName": "Other", "ownerEmail": "owner@example.com"});
        let reused = send(&isolate, KEY, "/tenants/other-corp/register", Some(&other)).await;
        reused.is_problem(422, "idempotency_key_reused");
        assert_eq!(app.database.dump(), after_first, "{path}: nothing changes");
    }
    assert!(posts >= 9, "{posts}");
}

#[tokio::test]
async fn another_body_is_another_request() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let path = "/tenants/acme-corp/webhooks";
    let body = json!({"url": "https://hooks.acme-corp.com/in", "events": ["*"]});
    let first = send(&app, KEY, path, Some(&body)).await;
    first.is(201);
    // The same fields in another order, with other white space, are the same request.
    let text = "{ \"events\": [\"*\"],\n \"url\": \"https://hooks.acme-corp.com/in\" }";
    let admin = app.admin().with("idempotency-key", KEY);
    let reordered = admin.request("POST", path).json_bytes(text).send().await;
    assert_eq!(reordered.is(201).body, first.body);
    for other in [
        json!({"url": "https://hooks.acme-corp.com/in2"}),
        json!({"url": "https://hooks.acme-corp.com/in", "events": ["KeyAdded"]}),
        json!({"url": "https://hooks.acme-corp.com/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
        json!({"url": "https://hooks.acme-corp.com/in", "auth": {"type": "bearerToken"}}),
    ] {
        send(&app, KEY, path, Some(&other)).await.is_problem(422, "idempotency_key_reused");
    }
    let other_key = send(&app, "another", path, Some(&body)).await;
    other_key.is(201);
    assert_ne!(other_key.body["webhookId"], first.body["webhookId"]);
}

#[tokio::test]
async fn a_key_is_its_caller_s_own() {
    let app = TestApp::default();
    let colleague = token_of_admin(&app.clock).claim("email", "colleague@smartphonekey.com");
    app.given_tenant("acme-corp").await;
    let first = send(&app, KEY, "/api-keys/acme-corp/rotate", None).await;
    first.is(201);
    let colleague = app.bearer(&colleague.signed()).with("idempotency-key", KEY);
    let other = colleague.request("POST", "/api-keys/acme-corp/rotate").send().await;
    assert_ne!(other.is(201).body["apiKey"], first.body["apiKey"]);
}

#[tokio::test]
async fn twenty_at_once_make_one_change() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let body = json!({"url": "https://hooks.acme-corp.com/in"});
    // Every request looks for a kept answer before any of them writes.
    app.database.crash(|| Crash::Later);
    let requests = (0..20).map(|_| send(&app, KEY, "/tenants/acme-corp/webhooks", Some(&body)));
    let answers = join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(app.admin().get("/tenants/acme-corp/webhooks").await.body["total"], 1);

    let rotations = join_all((0..20).map(|_| send(&app, "r", "/api-keys/acme-corp/rotate", None))).await;
    assert!(rotations.iter().all(|answer| answer.status == 201 && answer.body == rotations[0].body));
    assert_eq!(app.admin().get("/api-keys?orgId=acme-corp").await.body["total"], 1);
}

#[tokio::test]
async fn a_failed_request_is_not_kept_and_can_be_repeated() {
    let app = TestApp::default();
    let rotate = async || send(&app, KEY, "/api-keys/acme-corp/rotate", None).await;
    rotate().await.is_problem(404, "tenant_not_registered");
    assert_eq!(kept(&app), 0);
    app.given_tenant("acme-corp").await;
    app.database.refuse_writes(|_| true);
    rotate().await.is(503);
    app.database.take_writes();
    assert_eq!(kept(&app), 0);
    let done = rotate().await;
    done.is(201);
    assert_eq!(rotate().await.is(201).body, done.body);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_when_the_request_is_repeated() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let mut batches = 0;
    // The first batch looks for a kept answer, the second writes.
    app.database.crash(move || {
        batches += 1;
        if batches == 2 { Crash::After } else { Crash::Never }
    });
    let lost = send(&app, KEY, "/api-keys/acme-corp/rotate", None);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), lost).await.is_err());
    let again = send(&app.another_isolate(), KEY, "/api-keys/acme-corp/rotate", None).await;
    again.is(201);
    app.partner(&again.text_at("apiKey")).get("/api-keys/self").await.is(200);
    assert_eq!(app.admin().get("/api-keys?orgId=acme-corp").await.body["total"], 1);
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_ends_after_a_day() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let first = send(&app, KEY, "/api-keys/acme-corp/rotate", None).await;
    first.is(201);
    let dump = app.database.dump();
    assert!(!dump.contains(&first.text_at("apiKey")) && !dump.contains(KEY));
    let clean = async |seconds| {
        app.wait(seconds);
        app.delivery().couriers().all()[0].clean().await.unwrap();
        kept(&app)
    };
    assert_eq!((clean(86_000).await, clean(500).await), (1, 0));
    let next = send(&app, KEY, "/api-keys/acme-corp/rotate", None).await;
    next.is(201);
    assert_ne!(next.body["apiKey"], first.body["apiKey"]);
}

#[tokio::test]
async fn a_malformed_key_is_refused_after_the_caller_is_known() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let long = "k".repeat(129);
    for wrong in ["", " ", "a b", "\u{e9}", long.as_str()] {
        send(&app, wrong, "/api-keys/acme-corp/rotate", None).await.names_field("Idempotency-Key");
        app.anybody()
            .with("idempotency-key", wrong)
            .request("POST", "/api-keys/acme-corp/rotate")
            .send()
            .await
            .is(401);
    }
    let twice = app.admin().with("idempotency-key", "a").with("idempotency-key", "a");
    twice.request("POST", "/api-keys/acme-corp/rotate").send().await.is_problem(400, "invalid_request");
    send(&app, &"k".repeat(128), "/api-keys/acme-corp/rotate", None).await.is(201);
    // Every other method is idempotent by itself, and has no use for a key.
    app.admin().with("idempotency-key", "a b").get("/tenants/acme-corp").await.is(200);
}

#[tokio::test]
async fn a_person_who_is_no_member_any_more_gets_no_kept_answer() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let member = "colleague@example.com";
    app.admin().put(&format!("/tenants/acme-corp/members/{member}"), json!({})).await.is(201);
    let rotate = async || {
        let person = app.portal(member).with("idempotency-key", KEY);
        person.request("POST", "/api-keys/acme-corp/rotate").send().await
    };
    let first = rotate().await;
    first.is(201);
    assert_eq!(rotate().await.is(201).body, first.body);
    app.admin().delete(&format!("/tenants/acme-corp/members/{member}")).await.is(200);
    rotate().await.is_problem(404, "tenant_not_registered");
}

#[tokio::test]
async fn of_different_requests_at_the_same_time_one_has_the_key() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.database.crash(|| Crash::Later);
    let bodies: Vec<_> =
        (0..4).map(|number| json!({"orgId": "acme-corp", "orgName": format!("Label {number}")})).collect();
    let answers = join_all(bodies.iter().map(|body| send(&app, KEY, "/api-keys", Some(body)))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422]);
}

#[tokio::test]
async fn the_answer_is_that_of_the_first_request_whatever_comes_after() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.given_webhook("acme-corp").await;
    let body = json!({"url": "https://hooks.acme-corp.com/in"});
    let webhooks = "/tenants/acme-corp/webhooks";
    let created = send(&app, "webhook", webhooks, Some(&body)).await;
    assert_eq!(created.is(201).body["version"], 2);
    // A key that lives an hour.
    let issue = json!({"orgId": "acme-corp", "orgName": "A \"label\"", "expiresAt": "2026-04-02T11:00:00Z"});
    let issued = send(&app, "issue", "/api-keys", Some(&issue)).await;
    assert_eq!(issued.is(201).body["orgName"], "A \"label\"");
    app.wait(7_200);
    app.given_webhook("acme-corp").await;
    app.admin().patch("/tenants/acme-corp", json!({"orgName": "Renamed"})).await.is(200);
    app.admin().delete("/tenants/acme-corp").await.is(200);
    for (key, path, body, first) in
        [("webhook", webhooks, &body, &created), ("issue", "/api-keys", &issue, &issued)]
    {
        assert_eq!(send(&app, key, path, Some(body)).await.without_request_id(), first.without_request_id());
    }
}
