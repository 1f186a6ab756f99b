//! Partners' routes are asked only so often from one place: a stranger with made-up keys does not keep D1 busy.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Answer, TestApp};

const ADDRESS: &str = "cf-connecting-ip";
const HERE: &str = "203.0.113.7";

/// Asks with a key that could be one, from this address.
async fn ask(app: &TestApp, key: &str, address: &str) -> Answer {
    app.partner(key).with(ADDRESS, address).get("/api-keys/self").await
}

/// Forty letters that are nobody's key.
fn made_up(letter: char) -> String {
    letter.to_string().repeat(40)
}

#[tokio::test]
async fn made_up_keys_cost_the_database_nothing_once_there_were_too_many() {
    let app = TestApp::default();
    app.partner_requests.allow(3);
    for letter in ['a', 'b', 'c'] {
        ask(&app, &made_up(letter), HERE).await.is_problem(401, "unauthorized");
    }
    app.database.take_round_trips();

    let refused = ask(&app, &made_up('d'), HERE).await;

    refused.is_problem(429, "too_many_requests");
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(app.database.take_round_trips(), 0);
}

#[tokio::test]
async fn who_asks_from_elsewhere_is_not_refused_with_them() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    app.partner_requests.allow(1);
    ask(&app, &made_up('a'), HERE).await.is(401);
    ask(&app, &key, HERE).await.is(429);

    ask(&app, &key, "203.0.113.8").await.is(200);
    // A whole network of IPv6 is one place.
    ask(&app, &key, "2001:db8:1:2::1").await.is(200);
    ask(&app, &key, "2001:db8:1:2::2").await.is(429);
    ask(&app, &key, "2001:db8:1:3::1").await.is(200);
}

#[tokio::test]
async fn every_partner_s_route_counts() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let path = app.given_webhook("acme-corp").await.replacen("/tenants/acme-corp", "", 1);
    app.partner_requests.allow(0);
    let partner = app.partner(&key).with(ADDRESS, HERE);

    partner.get("/api-keys/self").await.is(429);
    partner.get("/webhooks").await.is(429);
    partner.patch(&path, json!({"url": "https://other.acme-corp.com/in"})).await.is(429);

    assert_eq!(app.partner_requests.counts(), BTreeMap::from([(HERE.to_owned(), 3)]));
}

#[tokio::test]
async fn admins_and_other_workers_are_never_refused_and_what_is_no_key_gets_401() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    app.partner_requests.allow(0);

    app.admin().with(ADDRESS, HERE).get("/tenants").await.is(200);
    app.anybody().with(ADDRESS, HERE).get("/tenants").await.is(401);
    app.anybody().with(ADDRESS, HERE).get("/webhooks").await.is(401);
    ask(&app, "too-short", HERE).await.is(401);
    // Over a service binding there is no address.
    app.partner(&key).get("/api-keys/self").await.is(200);

    assert!(app.partner_requests.counts().is_empty());
}
