//! Secrets that the Workers share are rotated without a refused request, in whatever order the Workers are deployed.
//!
//! The steps are the runbook's (docs/operations.md, Rotating secrets): every Worker accepts the new value beside the old;
//! every Worker goes over to the new value and still accepts the old; the old value goes.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::support::{AdminBinding, Browser, EMAIL, ENDPOINT, World, settings};

/// The settings of a Worker after each step: the current value, and the other value that is accepted.
fn steps<'a>(old: &'a str, new: &'a str) -> [(&'a str, Option<&'a str>); 4] {
    [(old, None), (old, Some(new)), (new, Some(old)), (new, None)]
}

/// Every pair of steps that two Workers are at while one of them is a step ahead.
fn neighbours() -> impl Iterator<Item = (usize, usize)> {
    (0..4_usize)
        .flat_map(|one| (0..4_usize).map(move |other| (one, other)))
        .filter(|(one, other)| one.abs_diff(*other) <= 1)
}

fn of_world(name: &str) -> String {
    settings(&[])(name).unwrap()
}

#[tokio::test]
async fn the_secrets_between_portal_and_api_rotate_in_any_order_of_deployments() {
    let mut world = World::default();
    let cookies = world.connected(EMAIL, "acme-corp").await.cookies;
    for (name, new) in [
        ("ADMIN_API_KEY", "another-admin-key-0123456789abcdef012345"),
        ("SERVICE_JWT_SECRET", "another-service-secret-0123456789abcdef01"),
    ] {
        let (old, previous) = (of_world(name), format!("{name}_PREVIOUS"));
        let steps = steps(&old, new);
        for (portal, api) in neighbours() {
            let changes = |step: usize| [(name, Some(steps[step].0)), (previous.as_str(), steps[step].1)];
            world.admin = Arc::new(AdminBinding::configured(&world.tenants, &changes(api)));
            let mut browser = world.browser_with(&changes(portal));
            browser.cookies.clone_from(&cookies);
            let page = browser.get("/dashboard").await;
            assert_eq!(
                page.status,
                StatusCode::OK,
                "{name}: portal at {portal}, API at {api}: {}",
                page.body
            );
            page.says("acme-corp");
        }
        // A step left out is refused: the test can fail.
        let changes = [(name, Some(new)), (previous.as_str(), None)];
        world.admin = Arc::new(AdminBinding::configured(&world.tenants, &changes));
        let mut browser = world.browser();
        browser.cookies.clone_from(&cookies);
        assert_ne!(browser.get("/dashboard").await.status, StatusCode::OK, "{name}");
    }
}

/// The pages and forms of one person, each answered by the other of two portals than the one before.
async fn goes_to_and_fro(world: &World, [one, other]: [&Browser; 2], org_id: &str) {
    let email = format!("owner@{org_id}.example");
    // A sign-in that begins at one portal ends at the other.
    let mut browser = one.at(one);
    let callback = browser.visit_provider("/login", &email, true).await;
    let mut browser = browser.at(other);
    let page = browser.get(&callback).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/dashboard"), "{}", page.body);

    // So do forms, and the one reading of a key.
    let mut browser = browser.at(one);
    let page = browser.get("/onboarding").await;
    let mut browser = browser.at(other);
    let sent = browser.submit(&page, "/onboarding", &[("orgId", org_id), ("orgName", "Acme Corp")]).await;
    assert_eq!(sent.location(), "/dashboard", "{}", sent.body);
    let mut browser = browser.at(one);
    let page = browser.get("/dashboard").await;
    page.says("action=\"/api-key/reveal\"");
    let mut browser = browser.at(other);
    assert!(browser.submit(&page, "/api-key/reveal", &[]).await.key().is_some());
    let mut browser = browser.at(one);
    let page = browser.get("/dashboard").await;
    let mut browser = browser.at(other);
    let sent = browser.submit(&page, "/webhook", &[("url", ENDPOINT)]).await;
    assert!(sent.status == StatusCode::SEE_OTHER && !sent.location().contains("login"), "{}", sent.body);
    let (mut browser, before) = (browser.at(one), browser.clone());
    let signed_out = browser.submit(&page, "/logout", &[]).await;
    assert!(signed_out.location().contains("id_token_hint="), "{}", signed_out.location());

    // What was typed before a sign-in is there after it.
    let typed = "https://partner.example.com/typed-before";
    let mut browser = before;
    let again = browser.submit(&page, "/webhook", &[("url", typed)]).await;
    assert!(again.location().starts_with("/login?return_to="), "{}", again.location());
    let mut browser = browser.at(one);
    let callback = browser.visit_provider(again.location(), &email, true).await;
    let mut browser = browser.at(other);
    let page = browser.arrive(&callback).await;
    page.says(typed);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(browser.at(one).get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_session_key_rotates_while_people_sign_in_send_forms_and_read_their_keys() {
    let world = World::default();
    let (old, new) = (of_world("SESSION_KEY"), "another-session-key-0123456789abcdef01234");
    let portals = steps(&old, new).map(|(current, previous)| {
        world.browser_with(&[("SESSION_KEY", Some(current)), ("SESSION_KEY_PREVIOUS", previous)])
    });
    for (one, other) in neighbours() {
        goes_to_and_fro(&world, [&portals[one], &portals[other]], &format!("corp-{one}-{other}")).await;
    }
    // A step left out is refused: the test can fail.
    for (one, other) in [(0, 2), (2, 0), (0, 3), (3, 0), (1, 3)] {
        let mut browser = portals[one].at(&portals[one]);
        let callback = browser.visit_provider("/login", EMAIL, true).await;
        let is_known = (one, other) == (0, 2);
        let page = browser.at(&portals[other]).get(&callback).await;
        let expected = if is_known { StatusCode::SEE_OTHER } else { StatusCode::BAD_REQUEST };
        assert_eq!(page.status, expected, "{one} to {other}");
    }
}
