//! The limit on forms that have an endpoint asked, because the endpoint may be somebody else's.

use http::{StatusCode, header};

use crate::support::{EMAIL, World};

#[tokio::test]
async fn what_asks_an_endpoint_is_taken_only_so_often_from_one_tenant() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let mut other = world.connected("owner@other.example", "other-corp").await;
    let page = browser.get("/dashboard").await;
    world.webhook_actions.allow(2);
    for _ in 0..2 {
        assert!(browser.submit(&page, "/webhook/test", &[]).await.location().starts_with("/deliveries/"));
    }
    world.admin.take_calls();

    for (form, fields) in [
        ("/webhook/test", vec![]),
        ("/webhook/verify", vec![]),
        ("/webhook", vec![("url", "https://partner.example.com/other")]),
        ("/deliveries/e-1/redeliver", vec![]),
        ("/deliveries/redeliver", vec![("since", "2026-04-02T09:00")]),
    ] {
        let refused = browser.submit(&page, form, &fields).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{form}");
        assert_eq!(refused.headers[header::RETRY_AFTER], "60");
        refused.says("wait a minute");
        refused.says("href=\"/dashboard\"");
    }
    assert!(world.admin.take_calls().iter().all(|call| call.starts_with("GET")), "nothing was done");

    let page = other.get("/dashboard").await;
    assert!(other.submit(&page, "/webhook/test", &[]).await.location().starts_with("/deliveries/"));
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK, "looking is not asking");
}
