//! The story, from the front page to the first event and on, as a partner's developer lives it.

use http::Method;
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::client::Client;
use tests::world::run;

use super::Partner;

#[test]
fn a_partner_gets_from_sign_in_to_the_first_event_without_help() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.open("/").await;
        browser.click("a[href='/login']").await;
        browser.submit_sign_in(&partner.email).await;
        browser.is_at("/onboarding").await;

        // The organization, after a mistake in its ID.
        browser.register("Acme Corp", "Acme Corporation").await;
        browser.sees("#orgId-fault", "An ID has no spaces.").await;
        assert_eq!(browser.value("#orgId").await, "Acme Corp");
        assert_eq!(browser.value("#orgName").await, "Acme Corporation");
        browser.register(&partner.org_id, "Acme Corporation").await;
        browser.sees("[role=status]", "Your organization is registered").await;
        browser.sees("h1", "Acme Corporation").await;
        let key = browser.reveal_key().await;
        assert_eq!(partner.status_of_key(&key).await, 200);

        // The webhook, and a test event.
        browser.set_webhook_url(&partner.inbox_url("first")).await;
        browser.sees(".current .state", "Active").await;
        browser.sees("#deliveries ~ .empty", "No events yet.").await;
        browser.click("form[action='/webhook/test'] button").await;
        // The notice tells the result, or, on a machine that is busy for 3 seconds, that the event is on its way.
        browser.sees("[role=status]", "test event").await;
        browser.sees("h1", "Delivered").await;
        browser.look("delivery-test").await;
        let arrived = partner.inbox_has("first", 1).await;
        assert!(arrived[0]["body"].as_str().unwrap().contains(&partner.org_id));
        browser.open("/dashboard").await;
        browser.sees(".log tbody tr:first-child", "Delivered").await;

        // An endpoint that says it is gone: what was sent, what came back, and again once the endpoint is verified.
        partner.inbox_answers("first", 410).await;
        browser.click("form[action='/webhook/test'] button").await;
        let refused = partner.inbox_has("first", 2).await.remove(1);
        browser.open("/dashboard").await;
        browser.sees(".log tbody tr:first-child", "Failed").await;
        browser.click(".log tbody tr:first-child a").await;
        browser.sees("h1", "Failed").await;
        browser.sees("section[aria-labelledby=attempts] tbody tr", "410").await;
        let shown = browser.script("return document.querySelector('pre.code').textContent", vec![]).await;
        let [shown, sent] = [&shown, &refused["body"]]
            .map(|text| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap());
        assert_eq!(shown, sent);
        browser.look("delivery-failed").await;
        let failed = browser.path().await;
        partner.inbox_answers("first", 200).await;
        browser.sees(".warning", "Verify and enable the webhook").await;
        browser.open("/dashboard").await;
        browser.click("form[action='/webhook/verify'] button").await;
        browser.sees(".current .state", "Active").await;
        browser.open(&failed).await;
        browser.click("form[action$='/redeliver'] button").await;
        browser.sees("h1", "Delivered").await;
        // The message before is the challenge.
        let again = partner.inbox_has("first", 4).await.remove(3);
        assert_eq!(again["body"], refused["body"]);
        assert_eq!(again["headers"]["webhook-id"], refused["headers"]["webhook-id"]);
        browser.look("delivery-delivered").await;

        // Another key: the old one ends at once.
        browser.open("/dashboard").await;
        browser.click("section[aria-labelledby=api-key] .confirm summary").await;
        browser.click("form[action='/api-key/rotate'] button").await;
        browser.sees("[role=status]", "A new API key was issued.").await;
        let other = browser.reveal_key().await;
        assert_ne!(other, key);
        assert_eq!(partner.status_of_key(&key).await, 401);
        assert_eq!(partner.status_of_key(&other).await, 200);
        browser.reload().await;
        assert!(!browser.source().await.contains(&other));

        // Another endpoint, which is not ready at first.
        partner.inbox_answers("second", 503).await;
        browser.set_webhook_url(&partner.inbox_url("second")).await;
        browser.sees(".current .state", "Verifying").await;
        browser.reloads_until("section[aria-labelledby=webhook] .facts", "503").await;
        browser.look("dashboard-pending").await;
        partner.inbox_answers("second", 200).await;
        browser.click("form[action='/webhook/verify'] button").await;
        browser.sees(".current .state", "Active").await;

        // Signing out ends the session.
        let cookies = browser.cookies().await;
        let replaying = world.portal().with("cookie", &cookies);
        assert_eq!(replaying.get("/dashboard").await.status, 200);
        browser.click("form[action='/logout'] button").await;
        browser.sees("[role=status]", "You are signed out.").await;
        assert_anonymous(&replaying).await;
        browser.assert_console_is_clean().await;
        somebody_else_picks_the_same_id(&partner, &browser).await;
    });
}

async fn assert_anonymous(client: &Client) {
    let answer = client.get("/dashboard").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(answer.headers["location"].to_str().unwrap().starts_with("/login"));
    let posted = client
        .clone()
        .with("content-type", "application/x-www-form-urlencoded")
        .send(Method::POST, "/api-key/rotate", Some(b"csrf=x".to_vec()))
        .await;
    assert_eq!(posted.headers["location"].to_str().unwrap().split('?').next(), Some("/login"));
}

/// Somebody else who picks the same ID gets an error beside the field, what they typed, and nothing else.
async fn somebody_else_picks_the_same_id(first: &Partner, browser: &Browser) {
    let second = Partner::new(first.world);
    browser.sign_in(&second.email).await;
    browser.is_at("/onboarding").await;
    browser.look("onboarding-empty").await;
    browser.register(&first.org_id, "Not Acme").await;
    browser.sees("#orgId-fault", &format!("{} is taken.", first.org_id)).await;
    assert_eq!(browser.value("#orgId").await, first.org_id);
    assert_eq!(browser.value("#orgName").await, "Not Acme");
    assert_eq!(browser.attribute("#orgId", "aria-invalid").await.as_deref(), Some("true"));
    browser.look("onboarding-taken").await;
    let owned = first.world.admin().get(&format!("/tenants?ownerEmail={}", second.email)).await.expect(200);
    assert_eq!(owned["total"], json!(0));
    browser.open("/dashboard").await;
    browser.is_at("/onboarding").await;
}
