//! Secrets that the Workers share are rotated without a refused request, in whatever order the Workers are deployed.
//!
//! The steps are the runbook's (docs/operations.md, Rotating secrets): every Worker accepts the new value beside the old;
//! every Worker goes over to the new value and still accepts the old; the old value goes.

use std::sync::Arc;

use http::StatusCode;

use crate::support::{AdminBinding, EMAIL, World, settings};

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
