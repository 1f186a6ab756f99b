//! Pages that say what went wrong, and what to do.

use http::Method;
use tests::browser::Browser;
use tests::event::Event;
use tests::world::run;

use super::Partner;

#[test]
fn a_sign_in_that_fails_says_what_to_do() {
    run(|world| async move {
        let (partner, browser) = (Partner::registered(world).await, Browser::start(world).await);
        browser.open("/callback?state=x&error=%3Cscript%3E").await;
        browser.look("problem-sign-in").await;
        browser.open("/login").await;
        let issuer = browser.script("return location.origin + '/'", vec![]).await;
        browser.open("/guide").await;
        let cookies = browser.cookies().await;
        let state = cookies.split("; ").find_map(|pair| pair.strip_prefix("__Host-transaction-"));
        let state = state.and_then(|pair| pair.split('=').next()).expect("a sign-in under way");
        let refused = "error=access_denied&error_description=This+account+is+blocked.";
        browser.open(&format!("/callback?state={state}&iss={}&{refused}", issuer.as_str().unwrap())).await;
        browser.sees("h1", "The sign-in service refused").await;
        browser.look("problem-sign-in-refused").await;
        browser.open("/login").await;
        browser.click("input[name=unverified]").await;
        browser.submit_sign_in("nobody@acme.com").await;
        browser.sees("h1", "Verify your").await;
        browser.look("problem-unverified").await;
        browser.open("/no/such/page").await;
        browser.look("problem-not-found-signed-out").await;

        browser.open("/login?switch=1").await;
        browser.submit_sign_in(&partner.email).await;
        browser.open("/callback?state=x&code=y").await;
        browser.sees("h1", "You are signed in").await;
        browser.look("problem-callback-again").await;
    });
}

#[test]
fn what_a_person_can_do_by_mistake_leads_on() {
    run(|world| async move {
        let (partner, browser) = Partner::signed_in(world).await;
        for (path, said, name) in [
            ("/deliveries/no-such-event", "Event not found", "problem-no-event"),
            ("/events/LockCreted", "Event type not found", "problem-no-event-type"),
        ] {
            browser.open(path).await;
            browser.sees("h1", said).await;
            browser.look(name).await;
        }

        // A form of a page that is out of date.
        browser.open("/dashboard").await;
        browser.fill("#url", "https://hooks.acme.com/events").await;
        let _ = browser
            .script("document.querySelector(\"form[action='/webhook'] [name=csrf]\").value = 'x'", vec![])
            .await;
        browser.click("form[action='/webhook'] button").await;
        browser.sees("h1", "We did not accept this form").await;
        browser.look("problem-form").await;

        // The session ends in another tab while a form is filled in.
        browser.open("/dashboard").await;
        browser.fill("#url", "https://hooks.acme.com/events").await;
        let csrf = browser.value("form[action='/logout'] [name=csrf]").await;
        let other = world.portal().with("cookie", &browser.cookies().await);
        let other = other.with("content-type", "application/x-www-form-urlencoded");
        let ended = other.send(Method::POST, "/logout", Some(format!("csrf={csrf}").into_bytes())).await;
        assert_eq!(ended.status, 303, "{}", ended.text);
        // The provider still knows the person, and does not ask.
        browser.click("form[action='/webhook'] button").await;
        browser.sees("[role=alert]", "Your session had ended").await;
        assert_eq!(browser.value("#url").await, "https://hooks.acme.com/events");
        browser.look("dashboard-form-kept").await;

        // What a person sees who had to sign in again before something dangerous.
        browser.put_cookie("__Host-notice", "signed-in-again").await;
        browser.open("/dashboard").await;
        browser.sees("[role=status]", "we asked you to sign in again").await;
        browser.look("dashboard-signed-in-again").await;

        // A link to an event of another organization of one's own.
        let other_id = format!("{}-labs", partner.org_id);
        partner.owns(&other_id, "Acme Laboratories").await;
        browser.open("/organizations").await;
        browser.click("button.choice:last-of-type").await;
        browser.set_webhook_url(&partner.inbox_url("labs")).await;
        let event = Event::new("LockCreated", &other_id);
        world.publish(&event).await;
        let path = format!("/deliveries/{}", event.id);
        browser.reloads_until("#deliveries ~ table", "Delivered").await;
        browser.open("/organizations").await;
        browser.click("button.choice:first-of-type").await;
        browser.sees("h1", "Acme Corporation").await;
        browser.open(&path).await;
        browser.sees("h1", "This event belongs to another organization").await;
        browser.look("elsewhere").await;
        browser.click("main form button").await;
        browser.sees("h1", "LockCreated").await;
    });
}

#[test]
fn every_mistake_at_registering_stands_beside_its_field() {
    run(|world| async move {
        let (partner, browser) = (Partner::new(world), Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        browser.is_at("/onboarding").await;
        browser.register("", "").await;
        browser.sees(".notice", "Look at the organization ID and the name.").await;
        assert_eq!(browser.script("return document.activeElement.id", vec![]).await, "orgId");
        browser.look("onboarding-both").await;
        browser.register("acme-corp", "").await;
        browser.sees(".notice", "Look at the name.").await;
        assert_eq!(browser.script("return document.activeElement.id", vec![]).await, "orgName");
        browser.look("onboarding-name").await;
        browser.register("ACME Corp", "Acme Corporation").await;
        browser.sees("button[name=offered]", "Register as acme-corp").await;
        browser.look("onboarding-offered").await;
    });
}
