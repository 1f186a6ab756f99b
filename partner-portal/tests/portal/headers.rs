//! The security headers of every answer.

use http::StatusCode;

use crate::support::World;

#[tokio::test]
async fn every_page_is_locked_down_and_kept_by_nobody() {
    let world = World::default();
    let mut browser = world.owner().await;
    for path in [
        "/",
        "/dashboard",
        "/dashboard",
        "/onboarding",
        "/nothing",
        "/logout",
        "/callback",
        "/login",
        "/deliveries/x",
    ] {
        let page = browser.get(path).await;
        let header = |name: &str| {
            page.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self' https://tenant.auth0.example",
            "base-uri 'none'",
            "script-src 'nonce-",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(name), value, "{path} {name}");
        }
        assert!(header("strict-transport-security").starts_with("max-age="));
        page.is_silent_about(" style=");
        page.is_silent_about(" onclick=");
        // Each script has the nonce of this answer.
        for script in page.body.split("<script").skip(1) {
            let nonce = script.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(
                policy.contains(&format!("'nonce-{nonce}'").replace("&#43;", "+").replace("&#61;", "=")),
                "{policy} {nonce}"
            );
        }
    }
    let (one, two) = (browser.get("/").await, browser.get("/").await);
    assert_ne!(one.headers["content-security-policy"], two.headers["content-security-policy"]);
}

#[tokio::test]
async fn the_stylesheet_is_named_after_its_content_and_kept_for_good() {
    let world = World::default();
    let mut browser = world.browser();
    let page = browser.get("/").await;
    let href = page.body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let sheet = browser.get(href).await;
    assert_eq!(sheet.status, StatusCode::OK);
    assert_eq!(sheet.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(sheet.headers["cache-control"], "public, max-age=31536000, immutable");
    for other in ["/assets/portal.css", "/assets/portal.0000000000000000.css", "/assets/..%2FCargo.toml"] {
        assert_eq!(browser.get(other).await.status, StatusCode::NOT_FOUND);
    }
}
