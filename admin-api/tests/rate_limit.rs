//! Guessing: wrong keys are limited by client, and whoever has a good key is never shut out by them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{ADMIN_KEY, Answer, TestApp, token_of_admin};

const ADDRESS: &str = "cf-connecting-ip";
const HERE: &str = "203.0.113.7";

/// Asks with a key that could be one, from this address.
async fn ask(app: &TestApp, key: &str, address: &str) -> Answer {
    app.partner(key).with(ADDRESS, address).get("/api-keys/self").await
}

/// Forty letters and digits that are nobody's key.
fn made_up(number: usize) -> String {
    format!("{number:040}")
}

fn is_too_many(answer: &Answer) {
    answer.is_problem(429, "too_many_requests");
    assert_eq!(answer.headers["retry-after"], "60");
}

#[tokio::test]
async fn wrong_keys_of_a_stranger_shut_out_no_partner_at_the_same_address() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    app.failures.allow(100);
    // An isolate that has never seen the partner's key.
    let app = app.another_isolate();

    for number in 0..330 {
        let answer = ask(&app, &made_up(number), HERE).await;
        if number < 100 {
            answer.is_problem(401, "unauthorized");
        } else {
            is_too_many(&answer);
        }
    }

    ask(&app, &key, HERE).await.is(200);
    is_too_many(&ask(&app, &made_up(330), HERE).await);
    ask(&app, &key, HERE).await.is(200);
    // Nor a partner whose key was issued since.
    let rotated = app.admin().post("/api-keys/acme-corp/rotate", json!({})).await.is(201).text_at("apiKey");
    let app = app.another_isolate();
    ask(&app, &rotated, HERE).await.is(200);
    // The old key had worked, and is of no use any more.
    for _ in 0..2 {
        assert!([401, 429].contains(&ask(&app, &key, HERE).await.status.as_u16()));
    }
}

#[tokio::test]
async fn made_up_keys_cost_the_database_nothing_once_there_were_too_many() {
    let app = TestApp::default();
    app.failures.allow(3);
    for number in 0..3 {
        ask(&app, &made_up(number), HERE).await.is_problem(401, "unauthorized");
    }
    app.database.take_round_trips();
    for number in 3..20 {
        is_too_many(&ask(&app, &made_up(number), HERE).await);
    }
    assert_eq!(app.database.take_round_trips(), 0);
}

#[tokio::test]
async fn a_key_that_ended_costs_the_database_one_look() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    ask(&app, &key, HERE).await.is(200);
    app.admin().delete("/api-keys/acme-corp").await.is(200);
    app.database.take_round_trips();
    for _ in 0..5 {
        ask(&app, &key, HERE).await.is(401);
    }
    assert_eq!(app.database.take_round_trips(), 1);

    // Also where the client has had too many failures, which the isolate does not know of the key.
    let app = app.another_isolate();
    app.failures.allow(0);
    app.database.take_round_trips();
    for _ in 0..5 {
        ask(&app, &key, HERE).await;
    }
    assert_eq!(app.database.take_round_trips(), 1);
}

#[tokio::test]
async fn good_requests_count_by_tenant_and_not_by_address() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let other = app.given_key("other-corp").await;
    let path = app.given_webhook("acme-corp").await.replacen("/tenants/acme-corp", "", 1);
    app.partner_requests.allow(3);
    app.failures.allow(100);

    let partner = app.partner(&key).with(ADDRESS, HERE);
    partner.get("/api-keys/self").await.is(200);
    partner.get("/webhooks").await.is(200);
    partner.patch(&path, json!({"url": "https://other.acme-corp.com/in"})).await.is(200);
    app.database.take_round_trips();
    is_too_many(&partner.get("/webhooks").await);
    is_too_many(&ask(&app, &key, "203.0.113.8").await);
    assert_eq!(app.database.take_round_trips(), 0, "a partner in a hurry keeps no database busy");

    ask(&app, &other, HERE).await.is(200);
    // Our own Workers ask about the keys of all partners, over a service binding.
    app.partner(&key).get("/api-keys/self").await.is(200);
    let counts = BTreeMap::from([("acme-corp".to_owned(), 5), ("other-corp".to_owned(), 1)]);
    assert_eq!(app.partner_requests.counts(), counts);
}

#[tokio::test]
async fn failures_count_by_client() {
    let app = TestApp::default();
    for (first, second, is_one) in [
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        // A whole network of IPv6 is one client.
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("here", "there", true),
    ] {
        app.failures.allow(1);
        ask(&app, &made_up(1), first).await.is(401);
        ask(&app, &made_up(1), second).await.is(if is_one { 429 } else { 401 });
    }
    // Without an address.
    app.failures.allow(1);
    app.partner(&made_up(1)).get("/webhooks").await.is(401);
    app.partner(&made_up(1)).get("/webhooks").await.is(429);
    // The Workers of other customers share an address.
    app.failures.allow(1);
    let worker_of = |zone: &'static str| {
        app.partner(&made_up(1)).with(ADDRESS, "2a06:98c0:3600::103").with("cf-worker", zone)
    };
    worker_of("guesser.example").get("/webhooks").await.is(401);
    worker_of("guesser.example").get("/webhooks").await.is(429);
    worker_of("partner.example").get("/webhooks").await.is(401);
}

#[tokio::test]
async fn what_can_be_no_key_counts_and_no_key_at_all_does_not() {
    let app = TestApp::default();
    app.failures.allow(2);
    for _ in 0..5 {
        app.anybody().with(ADDRESS, HERE).get("/webhooks").await.is(401);
        app.anybody().with(ADDRESS, HERE).get("/tenants").await.is(401);
    }
    ask(&app, "too-short", HERE).await.is(401);
    app.partner(&made_up(1)).with("x-api-key", made_up(2)).with(ADDRESS, HERE).get("/webhooks").await.is(401);
    is_too_many(&ask(&app, "too-short", HERE).await);
}

#[tokio::test]
async fn who_is_refused_fills_no_log() {
    let app = TestApp::default();
    for _ in 0..350 {
        app.anybody().get("/tenants").await.is_problem(401, "unauthorized");
    }
    app.admin().get("/tenants").await.is(200);
    let lines = app.log.lines();
    assert_eq!(lines.len(), 101);
    assert_eq!((&lines[99]["status"], &lines[100]["status"]), (&json!(401), &json!(200)));
    app.wait(60);
    app.admin().get("/tenants").await.is(200);
    app.anybody().get("/tenants").await.is(401);
    let told: Vec<_> = app.log.lines().into_iter().map(|line| line["refusedWithoutLine"].clone()).collect();
    assert_eq!(told[100..], [json!(null), json!(250), json!(null)]);
}

#[tokio::test]
async fn wrong_admin_keys_meet_a_limit_and_shut_out_no_admin() {
    let app = TestApp::default();
    app.failures.allow(100);
    let bearer = format!("Bearer {}", token_of_admin(&app.clock).signed());
    let with_key = |key: String| {
        app.anybody().with("x-admin-api-key", key).with("authorization", bearer.clone()).with(ADDRESS, HERE)
    };

    for number in 0..350 {
        // A path without a route counts too.
        let path = if number % 2 == 0 { "/tenants" } else { "/nowhere" };
        let answer = with_key(made_up(number)).get(path).await;
        if number < 100 {
            answer.is_problem(401, "unauthorized");
        } else {
            is_too_many(&answer);
        }
    }

    for _ in 0..3 {
        with_key(ADMIN_KEY.to_owned()).get("/tenants").await.is(200);
        with_key(ADMIN_KEY.to_owned()).get("/nowhere").await.is(404);
    }
    // Whoever has the key does not guess it: a bad token is told as such.
    app.bearer("nonsense").with(ADDRESS, HERE).get("/tenants").await.is(401);
    assert_eq!(app.failures.counts()[HERE], 350);
}

#[tokio::test]
async fn while_the_store_does_not_answer_no_partner_is_refused() {
    let app = TestApp::default();
    app.cache.fail(true);
    let key = app.given_key("acme-corp").await;
    app.failures.allow(0);
    ask(&app, &key, HERE).await.is(200);
    app.cache.fail(false);
    ask(&app, &key, HERE).await.is(200);
}
