//! Under one tenant's `orgId` another's webhook is as if it were not there.

use serde_json::json;
use shared::testing::Reply;

use super::{URL, given};

#[tokio::test]
async fn another_tenant_s_webhook_is_not_found_and_left_alone() {
    let (app, path) = given().await;
    app.given_tenant("other").await;
    let own = app.given_webhook("other").await;
    let delivery = app.delivery();
    // Something that could be redelivered, and something that could be enabled.
    delivery.endpoints.reply(URL, &[Reply::Status(404), Reply::Status(410)]);
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    delivery.event("acme-corp", "e-2", "KeyAdded").await;
    delivery.retries().await;
    delivery.endpoints.take();
    let theirs = path.replace("/tenants/acme-corp/", "/tenants/other/");
    let nobody = format!("{}/7d1c1f0e-0000-4000-8000-000000000000", own.rsplit_once('/').unwrap().0);
    let before = app.database.dump();

    for (method, action, body) in [
        ("GET", "", None),
        ("PUT", "", Some(json!({"url": "https://hooks.other.com/in"}))),
        (
            "PUT",
            "",
            Some(json!({"events": ["KeyAdded"], "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})),
        ),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", Some(json!({}))),
        ("POST", "/rotate-secret", Some(json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))),
        ("POST", "/verify", None),
        ("POST", "/enable", None),
        ("POST", "/test", None),
        ("POST", "/test", Some(json!({"eventType": "KeyAdded"}))),
        ("POST", "/redeliver", Some(json!({}))),
        ("POST", "/deliveries/e-1/redeliver", None),
        ("GET", "/deliveries", None),
        ("GET", "/deliveries?state=failed", None),
        ("GET", "/deliveries/e-1", None),
    ] {
        let ask = async |base: &str| {
            let request = app.admin().request(method, &format!("{base}{action}"));
            match &body {
                Some(body) => request.json(body).send().await,
                None => request.send().await,
            }
        };
        let answer = ask(&theirs).await;
        answer.is_problem(404, "webhook_not_found");
        let none = ask(&nobody).await;
        assert_eq!(answer.without_request_id(), none.without_request_id(), "{method} {action}: as for none");
    }

    assert_eq!(app.database.dump(), before);
    assert!(app.retries.take().is_empty());
    // One's own are there all along.
    app.admin().get(&own).await.is(200);
    app.admin().get(&format!("{path}/deliveries/e-1")).await.is(200);
}

#[tokio::test]
async fn an_event_goes_to_its_own_tenant_s_log_only() {
    let (app, path) = given().await;
    app.given_tenant("other").await;
    let own = app.given_webhook("other").await;
    let delivery = app.delivery();
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    delivery.event("other", "e-1", "KeyRemoved").await;
    for (base, event_type) in [(&path, "KeyAdded"), (&own, "KeyRemoved")] {
        let log = app.admin().get(&format!("{base}/deliveries")).await;
        let listed = log.is(200).body["deliveries"].as_array().unwrap();
        assert_eq!((listed.len(), &listed[0]["eventType"]), (1, &json!(event_type)));
    }
}
