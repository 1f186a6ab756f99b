//! The first sign-in, and choosing among several organizations.

use http::StatusCode;

use crate::support::{EMAIL, World};

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let page = browser.get("/onboarding").await;
    for (org_id, org_name, faults) in [
        ("", "", 2),
        ("ab", "Acme", 1),
        ("Acme", "Acme", 1),
        ("acme\"><script>", "Acme", 1),
        ("acme-corp", "a\u{202E}b", 1),
        ("acme-corp", &"x".repeat(121), 1),
    ] {
        let answer = browser.submit(&page, "/onboarding", &[("orgId", org_id), ("orgName", org_name)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.body.matches("aria-invalid=\"true\"").count(), faults, "{org_id}");
        answer.says("role=\"alert\"");
        answer.is_silent_about("<script>");
        if org_name == "Acme" {
            answer.says("value=\"Acme\"");
        }
    }
    assert!(world.query("SELECT 1 AS one FROM tenants").is_empty());
}

#[tokio::test]
async fn two_who_choose_one_id_at_once_are_one_winner_and_one_form_error() {
    let world = World::default();
    let (mut one, mut two) = (world.browser(), world.browser());
    one.sign_in("one@acme-corp.example").await;
    two.sign_in("two@other.example").await;
    let (first, second) = (one.get("/onboarding").await, two.get("/onboarding").await);
    let fields = [("orgId", "acme-corp"), ("orgName", "Acme")];
    let (first, second) = futures_util::join!(
        one.submit(&first, "/onboarding", &fields),
        two.submit(&second, "/onboarding", &fields)
    );
    let (winner, loser, loser_browser) =
        if first.status == StatusCode::SEE_OTHER { (first, second, two) } else { (second, first, one) };
    assert_eq!(winner.location(), "/dashboard");
    assert_eq!(loser.status, StatusCode::CONFLICT);
    loser.says("acme-corp is taken. Choose another ID. If your organization has it, ask a colleague");
    loser.says("value=\"acme-corp\"");
    assert!(!loser_browser.cookies.contains_key("__Host-unread-key-acme-corp"));
    assert_eq!(loser_browser.clone().reveal().await.key(), None);
    loser_browser.clone().get("/dashboard").await.is_silent_about("acme-corp");
}

#[tokio::test]
async fn an_id_that_seems_to_be_ours_is_refused_in_the_form() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in("one@acme-corp.example").await;
    let form = browser.get("/onboarding").await;
    let fields = [("orgId", "spk-support"), ("orgName", "Acme")];
    let refused = browser.submit(&form, "/onboarding", &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.says("spk-support is reserved. Choose another organization ID.");
    assert!(world.query("SELECT 1 AS one FROM tenants").is_empty());
}

#[tokio::test]
async fn a_form_sent_twice_registers_once() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let page = browser.get("/onboarding").await;
    let mut again = browser.clone();
    let fields = [("orgId", "acme-corp"), ("orgName", "Acme")];
    let (first, second) = futures_util::join!(
        browser.submit(&page, "/onboarding", &fields),
        again.submit(&page, "/onboarding", &fields)
    );
    assert_eq!((first.location(), second.location()), ("/dashboard", "/dashboard"));
    assert_eq!(
        browser.submit(&page, "/onboarding", &[("orgId", "more-corp"), ("orgName", "More")]).await.location(),
        "/dashboard"
    );
    let tenants = world.query("SELECT org_id FROM tenants");
    assert_eq!(tenants.len(), 1);
    assert_eq!(browser.get("/onboarding").await.location(), "/dashboard");
}

#[tokio::test]
async fn an_owner_is_known_whatever_the_case_of_the_address() {
    let world = World::default();
    world.tenants.tenant("some-corp").await;
    let mut browser = world.browser();
    browser.sign_in("OWNER@Example.com").await;
    browser.arrive("/dashboard").await.says("some-corp");
}

#[tokio::test]
async fn an_owner_of_several_chooses_and_the_session_remembers() {
    let world = World::default();
    world.registered("stranger@other.example", "other-corp").await;
    let mut browser = world.owner_of_two().await;
    let page = browser.arrive("/dashboard").await;
    page.says("Choose an organization");
    page.says("one-corp");
    page.is_silent_about("other-corp");
    // A person cannot choose the organization of somebody else.
    assert_eq!(
        browser.submit(&page, "/organizations", &[("orgId", "other-corp")]).await.location(),
        "/organizations"
    );
    assert_eq!(
        browser.submit(&page, "/organizations", &[("orgId", "two-corp")]).await.location(),
        "/dashboard"
    );
    for _ in 0..2 {
        let page = browser.arrive("/dashboard").await;
        page.says("two-corp");
        page.is_silent_about("one-corp");
        page.says("Switch organization");
    }
}

#[tokio::test]
async fn who_chooses_goes_on_to_where_they_were_going() {
    let world = World::default();
    let mut browser = world.owner_of_two().await;
    let chooser = browser.get("/deliveries/some-event").await.location().to_owned();
    assert_eq!(chooser, "/organizations?return_to=%2Fdeliveries%2Fsome-event");
    for (asked, expected) in [
        (chooser.as_str(), "/deliveries/some-event"),
        ("/organizations", "/dashboard"),
        ("/organizations?return_to=%2F%2Fevil.example", "/dashboard"),
    ] {
        let page = browser.get(asked).await;
        let return_to = page.hidden("return_to").unwrap();
        let fields = [("orgId", "one-corp"), ("return_to", return_to)];
        let chosen = browser.submit(&page, "/organizations", &fields).await;
        assert_eq!(chosen.location(), expected, "{asked}");
    }
    let page = browser.get("/organizations").await;
    let elsewhere = [("orgId", "one-corp"), ("return_to", "https://evil.example/")];
    assert_eq!(browser.submit(&page, "/organizations", &elsewhere).await.location(), "/dashboard");
}

#[tokio::test]
async fn a_form_acts_on_the_organization_whose_page_it_was_on_or_on_none() {
    let world = World::default();
    let mut browser = world.owner_of_two().await;
    let chooser = browser.arrive("/dashboard").await;
    browser.submit(&chooser, "/organizations", &[("orgId", "one-corp")]).await;
    let rotated = browser.arrive("/dashboard").await;
    browser.submit(&rotated, "/api-key/rotate", &[]).await;
    // The person chooses the other organization in another tab; the first tab still shows the first.
    browser.submit(&chooser, "/organizations", &[("orgId", "two-corp")]).await;
    browser.arrive("/dashboard").await.says("two-corp");
    let before = world.tenants.database.dump();
    for (form, field) in [
        ("/api-key/rotate", ("url", "")),
        ("/api-key/reveal", ("url", "")),
        ("/webhook", ("url", "https://partner.example.com/hook")),
        ("/webhook/test", ("url", "")),
        ("/webhook/verify", ("url", "")),
        ("/deliveries/redeliver", ("since", "2026-04-01T10:00")),
        ("/deliveries/some-event/redeliver", ("since", "")),
    ] {
        let answer = browser.submit(&rotated, form, &[field]).await;
        assert_eq!(answer.location(), "/dashboard", "{form}");
        browser.get("/dashboard").await.says("That form belongs to another organization");
    }
    assert_eq!(world.tenants.database.dump(), before);
    // The unread key is still there: the page of the other organization has not taken it.
    browser.get("/dashboard").await.is_silent_about("/api-key/reveal");
    browser.submit(&chooser, "/organizations", &[("orgId", "one-corp")]).await;
    assert!(browser.reveal().await.key().is_some());
}

#[tokio::test]
async fn who_lost_an_organization_sees_it_no_more() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    world.query("UPDATE members SET email = 'new@acme-corp.example'");
    let rotated = browser.submit(&page, "/api-key/rotate", &[]).await;
    assert_eq!(rotated.location(), "/onboarding");
    assert_eq!(browser.get("/dashboard").await.location(), "/onboarding");
    assert_eq!(world.query("SELECT 1 AS one FROM api_keys").len(), 1);
}
