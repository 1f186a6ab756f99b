//! The key, the secret, the people and the sessions, in every state.

use serde_json::json;
use shared::time::Timestamp;
use tests::browser::Browser;
use tests::world::run;

use super::Partner;

/// The time in so many seconds.
#[allow(clippy::disallowed_methods, reason = "the rule is for the Workers; the key expires in real time")]
fn in_seconds(seconds: i64) -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap() + seconds * 1_000)
}

#[test]
fn a_key_that_expires_says_when() {
    run(|world| async move {
        let (partner, browser) = (Partner::registered(world).await, Browser::start(world).await);
        let issue = json!({"orgId": partner.org_id, "expiresAt": in_seconds(3 * 86_400)});
        let _ = world.admin().post("/api-keys", &issue).await.expect(201);
        browser.sign_in(&partner.email).await;
        browser.sees("section[aria-labelledby=api-key]", "The key expires soon.").await;
        browser.look("dashboard-key-expiring").await;
        let rotate = json!({"expiresAt": in_seconds(2)});
        let _ =
            world.admin().post(&format!("/api-keys/{}/rotate", partner.org_id), &rotate).await.expect(201);
        browser.reloads_until("section[aria-labelledby=api-key]", "The last key expired on").await;
        browser.look("dashboard-key-expired").await;
    });
}

#[test]
fn people_and_sessions_are_listed_and_ended() {
    run(|world| async move {
        let (partner, browser) = Partner::signed_in(world).await;
        browser.open("/people").await;
        browser.fill("#email", "not an address").await;
        browser.click("form[action='/people'] button").await;
        browser.sees("#email-fault", "Nobody was added.").await;
        browser.look("people-fault").await;
        browser.fill("#email", &format!("a-colleague-with-a-long-name@{}.com", partner.org_id)).await;
        browser.click("form[action='/people'] button").await;
        browser.sees("[role=status]", "The person was added").await;
        browser.click(".confirm summary").await;
        browser.look("people-removing").await;

        let other = Browser::start(world).await;
        other.sign_in(&partner.email).await;
        browser.open("/account").await;
        browser.sees("main form", "End all other sessions").await;
        browser.look("account-two-sessions").await;

        browser.open("/dashboard").await;
        browser.set_webhook_url(&partner.inbox_url("secret")).await;
        browser.click("form[action='/webhook/secret'] button").await;
        browser.sees("#key", "whsec_").await;
        for language in 1..=4 {
            browser.click(&format!(".snippet:nth-of-type({language}) summary")).await;
        }
        browser.look("secret-code").await;
    });
}
