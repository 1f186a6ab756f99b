//! The issuer's keys: found, kept, rotated, and gone.

use edge::testing::TestKey;
use serde_json::{Value, json};
use shared::ports::Clock;

use super::{is_refused, is_refused_without_fetch};
use crate::support::{ISSUER, TestApp, token_of_admin};

fn with_key_id(app: &TestApp, id: impl Into<Value>) -> String {
    token_of_admin(&app.clock).header("kid", id).signed()
}

fn rotated(app: &TestApp) -> String {
    let token = token_of_admin(&app.clock).header("kid", TestKey::second().id);
    token.signed_with(|signed| TestKey::second().sign_rs256(signed))
}

#[tokio::test]
async fn keys_come_from_the_issuer_and_from_nowhere_else() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    assert_eq!(app.issuer.take_fetches(), [format!("{ISSUER}.well-known/jwks.json")]);
}

#[tokio::test]
async fn without_the_admin_key_nothing_is_fetched() {
    let app = TestApp::default();
    let bearer = format!("Bearer {}", token_of_admin(&app.clock).signed());
    app.anybody().with("authorization", bearer).get("/tenants").await.is(401);
    assert!(app.issuer.take_fetches().is_empty());
}

#[tokio::test]
async fn a_key_id_may_be_absent_where_there_is_one_key_only() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).without_header("kid").signed();
    app.bearer(&token).get("/tenants").await.is(200);
    app.issuer.publish(&[TestKey::first().jwk(), TestKey::second().jwk()]);
    app.wait(601);
    is_refused(&app, "two keys", &token).await;
}

#[tokio::test]
async fn keys_that_cannot_sign_are_passed_over() {
    let app = TestApp::default();
    let changed = |name: &str, value: Value| {
        let mut key = TestKey::second().jwk();
        key[name] = value;
        key
    };
    app.issuer.publish(&[
        changed("use", json!("enc")),
        changed("alg", json!("RS512")),
        changed("kty", json!("EC")),
        changed("n", json!("AQAB")),
        changed("n", json!("not base64!")),
        changed("kid", json!(7)),
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "second"}),
        json!("no key"),
        TestKey::first().jwk(),
    ]);
    app.admin().get("/tenants").await.is(200);
    is_refused(&app, "second", &rotated(&app)).await;
}

#[tokio::test]
async fn keys_are_remembered_for_ten_minutes() {
    let app = TestApp::default();
    for _ in 0..10 {
        app.wait(59);
        app.admin().get("/tenants").await.is(200);
    }
    assert_eq!(app.issuer.take_fetches().len(), 1);
    app.wait(70);
    app.admin().get("/tenants").await.is(200);
    assert_eq!(app.issuer.take_fetches().len(), 1);
}

#[tokio::test]
async fn another_isolate_takes_them_from_the_store() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.issuer.take_fetches();
    app.wait(500);
    let other = app.another_isolate();
    other.admin().get("/tenants").await.is(200);
    assert!(app.issuer.take_fetches().is_empty());
    app.wait(101);
    other.admin().get("/tenants").await.is(200);
    assert_eq!(app.issuer.take_fetches().len(), 1, "the store's are no fresher than what was stored");
}

#[tokio::test]
async fn a_store_that_fails_or_holds_rubbish_costs_one_fetch() {
    use shared::ports::BodyStore;
    let app = TestApp::default();
    app.cache.fail(true);
    app.admin().get("/tenants").await.is(200);
    app.cache.fail(false);
    app.cache.put("jwks", "rubbish", std::time::Duration::ZERO).await.unwrap();
    app.another_isolate().admin().get("/tenants").await.is(200);
    assert_eq!(app.issuer.take_fetches().len(), 2);
}

#[tokio::test]
async fn unknown_key_ids_cause_one_fetch_in_thirty_seconds() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.wait(100);
    app.issuer.take_fetches();
    for id in 0..20 {
        is_refused(&app, "unknown", &with_key_id(&app, format!("unknown-{id}"))).await;
    }
    assert_eq!(app.issuer.take_fetches().len(), 1);
    app.wait(29);
    is_refused(&app, "unknown", &with_key_id(&app, "unknown")).await;
    assert!(app.issuer.take_fetches().is_empty());
    app.wait(1);
    is_refused(&app, "unknown", &with_key_id(&app, "unknown")).await;
    assert_eq!(app.issuer.take_fetches().len(), 1);
}

#[tokio::test]
async fn unknown_key_ids_at_a_fresh_isolate_cause_no_fetch_where_another_has_just_fetched() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.issuer.take_fetches();
    app.wait(29);
    is_refused_without_fetch(&app.another_isolate(), "unknown", &with_key_id(&app, "unknown")).await;
}

#[tokio::test]
async fn a_rotated_key_is_found_by_one_fetch() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.wait(60);
    app.issuer.publish(&[TestKey::first().jwk(), TestKey::second().jwk()]);
    app.issuer.take_fetches();
    app.bearer(&rotated(&app)).get("/tenants").await.is(200);
    app.bearer(&rotated(&app)).get("/tenants").await.is(200);
    app.admin().get("/tenants").await.is(200);
    assert_eq!(app.issuer.take_fetches().len(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_after_ten_minutes() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.issuer.publish(&[TestKey::second().jwk()]);
    app.wait(601);
    let token = token_of_admin(&app.clock).signed();
    is_refused(&app, "withdrawn", &token).await;
}

#[tokio::test]
async fn a_token_that_was_good_a_moment_ago_ends_with_its_time_and_with_its_key() {
    let app = TestApp::default();
    let end = app.clock.now().seconds() + 3_000;
    let token = token_of_admin(&app.clock).claim("exp", end).signed();
    let good_twice = async || {
        app.bearer(&token).get("/tenants").await.is(200);
        app.bearer(&token).get("/tenants").await.is(200);
    };
    good_twice().await;
    let signed_otherwise =
        format!("{}{}", &token[..token.len() - 3], if token.ends_with("AA") { "BBB" } else { "AAA" });
    is_refused(&app, "another signature", &signed_otherwise).await;
    // A token of a new key brings the new set, which lacks the key of the good token.
    app.wait(60);
    app.issuer.publish(&[TestKey::second().jwk()]);
    app.bearer(&rotated(&app)).get("/tenants").await.is(200);
    is_refused(&app, "withdrawn", &token).await;

    app.wait(60);
    app.issuer.publish(&[TestKey::first().jwk()]);
    app.wait(600);
    good_twice().await;
    app.wait(3_000 - 720 + 61);
    is_refused(&app, "over", &token).await;
}

#[tokio::test]
async fn without_any_keys_the_door_stays_shut_and_says_so() {
    for document in [None, Some("no JSON"), Some("{}"), Some("[]"), Some(r#"{"keys":{}}"#)] {
        let app = TestApp::default();
        match document {
            None => app.issuer.fail(true),
            Some(text) => app.issuer.publish_text(text),
        }
        app.admin().get("/tenants").await.is_problem(503, "unavailable");
        let line = app.log.lines().pop().unwrap();
        assert!(line["detail"].as_str().unwrap().contains("jwks is not cached"), "{line}");
        app.admin().get("/tenants").await.is_problem(503, "unavailable");
        assert_eq!(app.issuer.take_fetches().len(), 1, "who is away is not asked more often for it");
        app.issuer.fail(false);
        app.issuer.publish(&[TestKey::first().jwk()]);
        app.wait(30);
        app.admin().get("/tenants").await.is(200);
    }
}

#[tokio::test]
async fn an_issuer_without_keys_lets_nobody_in() {
    let app = TestApp::default();
    app.issuer.publish(&[]);
    is_refused(&app, "no keys", &token_of_admin(&app.clock).signed()).await;
    is_refused(&app, "no keys, no id", &token_of_admin(&app.clock).without_header("kid").signed()).await;
}

#[tokio::test]
async fn while_the_issuer_is_away_its_keys_serve_for_a_day() {
    let app = TestApp::default();
    app.admin().get("/tenants").await.is(200);
    app.issuer.fail(true);
    app.wait(3600);
    app.admin().get("/tenants").await.is(200);
    app.another_isolate().admin().get("/tenants").await.is(200);
    app.wait(86_400 - 3601);
    app.admin().get("/tenants").await.is(200);
    app.wait(2);
    app.admin().get("/tenants").await.is_problem(503, "unavailable");
    app.another_isolate().admin().get("/tenants").await.is_problem(503, "unavailable");
}

#[tokio::test]
async fn two_requests_at_once_to_a_fresh_isolate_are_both_let_in() {
    let app = TestApp::default();
    let gate = app.issuer.hold();
    let admin = app.admin();
    let release = async {
        while app.issuer.take_fetches().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
            gate.notify_waiters();
        }
    };
    let (first, second, ()) =
        futures_util::future::join3(admin.get("/tenants"), admin.get("/tenants"), release).await;
    first.is(200);
    second.is(200);
}
