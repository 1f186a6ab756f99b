//! Pages and states that the story does not pass through.

use tests::browser::Browser;
use tests::world::run;

use super::Partner;

#[test]
fn every_page_and_state_is_accessible_narrow_and_wide_light_and_dark() {
    run(|world| async move {
        let (partner, browser) = (Partner::registered(world).await, Browser::start(world).await);
        browser.open("/").await;
        browser.look("landing").await;

        // An organization that has nothing yet.
        browser.sign_in(&partner.email).await;
        browser.sees("section[aria-labelledby=api-key] .empty", "No active key").await;
        browser.look("dashboard-bare").await;
        browser.click("form[action='/api-key/rotate'] button").await;
        browser.look("dashboard-fresh").await;
        browser.open("/account").await;
        browser.look("account").await;
        for (path, name) in
            [("/guide", "guide"), ("/events", "event-types"), ("/events/LockCreated", "event-type")]
        {
            browser.open(path).await;
            browser.look(name).await;
        }
        browser.open("/dashboard").await;
        browser.fill("#url", "ftp://acme.com").await;
        browser.click("form[action='/webhook'] button").await;
        browser.sees("#url-fault", "Nothing was changed.").await;
        browser.look("dashboard-fault").await;
        browser.set_webhook_url(&partner.inbox_url("gone")).await;
        browser.reload().await;
        browser.look("dashboard-masked").await;
        browser.click("section[aria-labelledby=api-key] .confirm summary").await;
        browser.look("dashboard-rotating").await;

        // An endpoint that stops answering has its events wait, until somebody asks for the next try.
        partner.inbox_answers("gone", 503).await;
        for count in 0..5 {
            browser.open("/dashboard").await;
            browser.click("form[action='/webhook/test'] button").await;
            browser.sees("h1", "Test").await;
            if count == 0 {
                browser.sees("h1", "Retrying").await;
                let still = format!("{}?still=1", browser.path().await);
                browser.open(&still).await;
                browser.look("delivery-retrying").await;
            }
        }
        browser.open("/dashboard").await;
        browser.reloads_until(".current .state", "Active, on hold").await;
        browser.look("dashboard-on-hold").await;
        partner.inbox_answers("gone", 200).await;
        browser.click("form[action='/webhook/verify'] button").await;
        browser.sees("[role=status]", "Your endpoint accepted an event.").await;
        browser.reloads_until(".log tbody tr:first-child", "Delivered").await;

        // An endpoint that is gone disables the webhook.
        partner.inbox_answers("gone", 410).await;
        browser.click("form[action='/webhook/test'] button").await;
        browser.sees("h1 .state", "Failed").await;
        browser.look("delivery-failed").await;
        browser.open("/deliveries").await;
        browser.look("deliveries").await;
        browser.open("/deliveries?eventId=nothing").await;
        browser.look("deliveries-fault").await;
        browser.open("/activity").await;
        browser.look("activity").await;
        browser.open("/people").await;
        browser.look("people").await;
        browser.open("/dashboard").await;
        browser.click("form[action='/webhook/secret'] button").await;
        browser.sees("#key", "whsec_").await;
        browser.look("secret").await;
        browser.open("/dashboard").await;
        browser.reloads_until(".current .state", "Disabled").await;
        browser.look("dashboard-disabled").await;
        browser.open("/no/such/page").await;
        browser.look("problem-not-found").await;

        // An owner of two organizations chooses.
        partner.owns(&format!("{}-labs", partner.org_id), &"Laboratories".repeat(10)).await;
        browser.open("/organizations").await;
        browser.look("organizations-choice").await;
        browser.click("button.choice:last-of-type").await;
        browser.sees(".heading a", "Switch organization").await;
        browser.look("dashboard-long-name").await;
        browser.assert_console_is_clean().await;
    });
}
