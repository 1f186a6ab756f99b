//! The list of a person's sessions, and the recent sign-in that dangerous forms want.

use std::time::Duration;

use edge::testing::Misbehaviour;
use http::{Method, StatusCode, header};
use serde_json::json;
use shared::ports::Clock;

use crate::support::{Browser, EMAIL, ENDPOINT, World};

const HOUR: Duration = Duration::from_secs(3_600);
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Signs in with Firefox.
async fn with_firefox(world: &World, email: &str) -> Browser {
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login", email, true).await;
    let agent = [(header::USER_AGENT.as_str(), FIREFOX)];
    assert_eq!(browser.send(Method::GET, &callback, &agent, "").await.status, StatusCode::SEE_OTHER);
    browser
}

fn digests(page: &str) -> Vec<String> {
    let values = page.split("name=\"session\" value=\"").skip(1);
    values.map(|rest| rest.split('"').next().unwrap().to_owned()).filter(|one| one != "others").collect()
}

#[tokio::test]
async fn a_person_sees_their_own_sessions_and_ends_any_of_them() {
    let world = World::default();
    let mut here = world.owner().await;
    let mut there = with_firefox(&world, "OWNER@acme-corp.example").await;
    let mut stranger = with_firefox(&world, "two@other.example").await;
    let page = here.get("/account").await;
    page.says("Firefox on Linux");
    page.says("This session");
    let listed = digests(&page.body);
    assert_eq!(listed.len(), 2, "{}", page.body);

    let theirs = digests(&stranger.get("/account").await.body).remove(0);
    here.submit(&page, "/account", &[("session", &theirs)]).await;
    assert_eq!(stranger.get("/account").await.status, StatusCode::OK, "another's session goes on");
    let own = world.query_sessions("SELECT digest FROM sessions WHERE browser NOT LIKE 'Firefox%'");
    let own = own[0]["digest"].as_str().unwrap();
    let other = listed.iter().find(|digest| *digest != own).unwrap();
    assert_eq!(here.submit(&page, "/account", &[("session", other)]).await.location(), "/account");
    here.get("/account").await.says("That session has ended.");
    assert!(there.get("/account").await.location().starts_with("/login"));

    let mut there = with_firefox(&world, EMAIL).await;
    here.submit(&page, "/account", &[("session", "others")]).await;
    assert!(there.get("/account").await.location().starts_with("/login"));
    here.get("/account").await.is_silent_about("End all other sessions");
    assert_eq!(here.submit(&page, "/account", &[("session", own)]).await.location(), "/");
    here.get("/").await.says("You are signed out.");
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_listed() {
    let world = World::default();
    with_firefox(&world, EMAIL).await;
    world.clock.advance(Duration::from_secs(31 * 60));
    let mut here = world.owner().await;
    assert_eq!(digests(&here.get("/account").await.body).len(), 1);
}

/// A browser whose person signed in more than an hour ago and has been here since.
async fn long_signed_in(world: &World) -> Browser {
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    for _ in 0..3 {
        browser.get("/dashboard").await;
        world.clock.advance(Duration::from_secs(20 * 60 + 1));
    }
    browser
}

#[tokio::test]
async fn what_is_dangerous_wants_a_sign_in_of_the_last_hour() {
    let world = World::default();
    let mut browser = long_signed_in(&world).await;
    let page = browser.arrive("/dashboard").await;
    for (form, fields) in [
        ("/api-key/rotate", vec![]),
        ("/api-key/reveal", vec![]),
        ("/webhook", vec![("url", "https://partner.example.com/new")]),
    ] {
        world.admin.take_calls();
        let answer = browser.submit(&page, form, &fields).await;
        assert_eq!(answer.location(), "/login?return_to=%2Fdashboard&confirm=1", "{form}");
        assert!(world.admin.take_calls().is_empty(), "{form}");
    }
    // What is harmless goes on.
    assert_eq!(browser.submit(&page, "/webhook/test", &[]).await.status, StatusCode::SEE_OTHER);

    // The person signs in again, is back, and what they typed is there.
    let to_login = browser.submit(&page, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    let login = to_login.location().to_owned();
    assert!(browser.get(&login).await.location().contains("max_age=3600"));
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    let page = browser.arrive(&callback).await;
    page.says("we asked you to sign in again first. Nothing was changed yet.");
    page.says("value=\"https://partner.example.com/new\"");
    let set = browser.submit(&page, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    assert!(set.location().starts_with("/dashboard?tried="), "{}", set.location());
    let page = browser.get("/dashboard").await;
    page.says("The webhook URL was changed.");
}

#[tokio::test]
async fn a_provider_that_remembers_a_person_says_since_when() {
    let world = World::default();
    // Another application's sign-in, two hours ago, is good for a session and not for what is dangerous.
    world.provider.remember_since(world.clock.now());
    world.clock.advance(HOUR * 2);
    let mut browser = world.owner().await;
    let page = browser.arrive("/dashboard").await;
    let answer = browser.submit(&page, "/api-key/rotate", &[]).await;
    let login = answer.location().to_owned();
    assert!(login.contains("confirm=1"), "{login}");
    // The provider asks the person, because `max_age` wants that.
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    browser.arrive(&callback).await;
    let page = browser.get("/dashboard").await;
    assert_eq!(browser.submit(&page, "/api-key/rotate", &[]).await.location(), "/dashboard");
}

#[tokio::test]
async fn a_confirmation_without_a_good_auth_time_is_none() {
    let world = World::default();
    let now = world.clock.now().seconds();
    for bad in [json!(now - 3_600 - 61), json!(now + 120), json!("now"), json!(null), json!(1.5), json!(-1)] {
        let mut browser = world.browser();
        let callback = browser.visit_provider("/login?confirm=1", EMAIL, true).await;
        world.provider.misbehave(Misbehaviour::claim("auth_time", bad.clone()));
        assert_eq!(browser.get(&callback).await.status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(!browser.cookies.contains_key("__Host-session"), "{bad}");
    }
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login?confirm=1&return_to=/account", EMAIL, true).await;
    world.provider.misbehave(Misbehaviour::without("auth_time"));
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.says("href=\"/login?return_to=%2Faccount&#38;confirm=1\"");
}

#[tokio::test]
async fn a_session_whose_provider_says_no_time_is_confirmed_before_anything_dangerous() {
    let world = World::default();
    let mut browser = world.browser();
    let callback = browser.visit_provider("/login", EMAIL, true).await;
    world.provider.misbehave(Misbehaviour::without("auth_time"));
    assert_eq!(browser.get(&callback).await.status, StatusCode::SEE_OTHER);
    let page = browser.get("/onboarding").await;
    browser.submit(&page, "/onboarding", &[("orgId", "acme-corp"), ("orgName", "Acme")]).await;
    let page = browser.arrive("/dashboard").await;
    let answer = browser.submit(&page, "/api-key/reveal", &[]).await;
    assert!(answer.location().contains("confirm=1"));
    // The key is still unread after that.
    let callback = browser.visit_provider(answer.location().to_owned().as_str(), EMAIL, true).await;
    browser.arrive(&callback).await;
    assert!(browser.reveal().await.key().is_some());
}

#[tokio::test]
async fn a_form_is_there_again_with_what_was_typed_after_its_session_ended() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let page = browser.get("/onboarding").await;
    world.clock.advance(Duration::from_secs(31 * 60));
    let typed = [("orgId", "acme-corp"), ("orgName", "Acme \"<&> Ä")];
    let login = browser.submit(&page, "/onboarding", &typed).await.location().to_owned();
    assert_eq!(login, "/login?return_to=%2Fonboarding");
    let draft = browser.cookies["__Host-draft"].clone();
    assert!(!draft.contains("acme"), "{draft}");
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    let page = browser.arrive(&callback).await;
    page.says("value=\"acme-corp\"");
    page.says("value=\"Acme &#34;&#60;&#38;&#62; Ä\"");
    page.says("role=\"alert\">Your session had ended, so nothing was changed.");
    assert!(!browser.cookies.contains_key("__Host-draft"), "once");
    browser.get("/onboarding").await.is_silent_about("value=\"acme-corp\"");
    assert!(world.query("SELECT 1 AS one FROM tenants").is_empty());
}

#[tokio::test]
async fn what_was_typed_for_one_organization_is_not_shown_in_another() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.registered("two@other.example", "other-corp").await;
    let page = browser.get("/dashboard").await;
    world.clock.advance(Duration::from_secs(31 * 60));
    let changed = [("url", "https://partner.example.com/typed")];
    let login = browser.submit(&page, "/webhook", &changed).await.location().to_owned();
    // Somebody else signs in with the same browser.
    let callback = browser.visit_provider(&login, "two@other.example", true).await;
    let page = browser.arrive(&callback).await;
    page.says("other-corp");
    page.is_silent_about("https://partner.example.com/typed");
    let callback = browser.visit_provider(&login, EMAIL, true).await;
    let page = browser.arrive(&callback).await;
    page.says("value=\"https://partner.example.com/typed\"");
    page.says(ENDPOINT);
}
