//! Everything is a form, so the portal works in a browser without script.

use tests::browser::Browser;
use tests::world::run;

use super::Partner;

#[test]
fn a_partner_is_onboarded_without_script() {
    run(|world| async move {
        let partner = Partner::new(world);
        let browser = Browser::start(world).await.without_script().await;
        browser.sign_in(&partner.email).await;
        browser.register("No", "").await;
        browser.sees("#orgId-fault", "An ID has no capital letters.").await;
        assert_eq!(browser.value("#orgId").await, "No");
        browser.register(&partner.org_id, "Acme Corporation").await;
        let key = browser.open_key().await;
        assert_eq!(partner.status_of_key(&key).await, 200);
        // The button needs script.
        assert!(browser.attribute("#copy", "hidden").await.is_some());

        browser.open("/no/such/page").await;
        browser.back().await;
        assert!(!browser.source().await.contains(&key), "nothing wipes the key, and back does not show it");
        browser.open("/dashboard").await;
        browser.sees("h1", "Acme Corporation").await;

        browser.fill("#url", "nonsense").await;
        browser.click("form[action='/webhook'] button").await;
        browser.sees("#url-fault", "Nothing was changed.").await;
        assert_eq!(browser.value("#url").await, "nonsense");
        browser.set_webhook_url(&partner.inbox_url("plain")).await;
        browser.click("form[action='/webhook/test'] button").await;
        browser.sees("h1", "Delivered").await;
        let _ = partner.inbox_has("plain", 1).await;

        // A page renews itself until what it shows has ended.
        partner.inbox_answers("plain", 503).await;
        browser.open("/dashboard").await;
        browser.click("form[action='/webhook/test'] button").await;
        browser.sees("h1", "Retrying").await;
        partner.inbox_answers("plain", 200).await;
        browser.sees("h1", "Delivered").await;
        browser.open("/dashboard").await;

        browser.click("section[aria-labelledby=api-key] .confirm summary").await;
        browser.click("form[action='/api-key/rotate'] button").await;
        browser.sees("[role=status]", "A new API key was issued.").await;
        assert_eq!(partner.status_of_key(&key).await, 401);
        browser.click("form[action='/logout'] button").await;
        // Without script, the provider's own page asks before it signs out.
        browser.click("button[name=logout]").await;
        browser.sees("[role=status]", "You are signed out.").await;
    });
}
