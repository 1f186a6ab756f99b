//! Secrets that the Workers share are rotated without a refused request, in whatever order the Workers are deployed.
//!
//! The steps are the runbook's (docs/operations.md, Rotating secrets): every Worker accepts the new value beside the old;
//! every Worker goes over to the new value and still accepts the old; the old value goes.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::support::{AdminBinding, Browser, EMAIL, World, settings};

/// The settings of a Worker after each step: the current value, and the other value that is accepted.
fn steps<'a>(old: &'a str, new: &'a str) -> [(&'a str, Option<&'a str>); 4] {
    [(old, None), (old, Some(new)), (new, Some(old)), (new, None)]
}

/// Every pair of steps that two Workers, or two isolates of one, are at while one of them is a step ahead.
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

#[tokio::test]
async fn the_session_key_rotates_while_isolates_of_two_versions_answer_one_browser() {
    let world = World::default();
    world.connected(EMAIL, "acme-corp").await;
    let new = "another-session-key-0123456789abcdef01234";
    let old = of_world("SESSION_KEY");
    let steps = steps(&old, new);
    // Sessions of the old key have ended before the last step.
    for (made, read) in neighbours().filter(|(made, read)| read.max(made) < &3 || made == read) {
        let at =
            |step: usize| [("SESSION_KEY", Some(steps[step].0)), ("SESSION_KEY_PREVIOUS", steps[step].1)];
        let mut browser = world.browser_with(&at(made));
        let callback = browser.visit_provider("/login", EMAIL, true).await;
        // The sign-in ends at the other version,
        let mut other = moved(&mut browser, world.browser_with(&at(read)));
        let page = other.send(Method::GET, &callback, &[], "").await;
        assert_eq!(page.location(), "/dashboard", "made at {made}, read at {read}: {}", page.body);
        let page = other.get("/dashboard").await;
        // and the form of a page of that version is sent to the first.
        let mut browser = moved(&mut other, browser);
        let sent = browser.submit(&page, "/webhook/test", &[]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "made at {read}, read at {made}: {}", sent.body);
        assert_ne!(sent.location(), "/login");
    }
}

/// `to` with the cookies of `from`.
fn moved(from: &mut Browser, mut to: Browser) -> Browser {
    to.cookies.clone_from(&from.cookies);
    to
}
