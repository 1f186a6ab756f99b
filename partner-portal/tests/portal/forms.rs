//! Forms from the portal's own pages, and from elsewhere.

use edge::routes::Access;
use http::{Method, StatusCode};
use partner_portal::router::router;

use crate::support::{Browser, ISSUER, ORIGIN, World};

fn everything(world: &World) -> String {
    format!("{}\n{}", world.tenants.database.dump(), world.sessions.dump())
}

fn path(template: &str) -> String {
    template.replace("{eventId}", "some-event").replace("{name}", "some-asset")
}

#[tokio::test]
async fn every_page_of_a_person_s_asks_strangers_to_sign_in_and_every_form_refuses_them() {
    let world = World::default();
    let (_, service) = world.portal(&[]);
    let (_, routes) = router(service);
    assert_eq!(routes.len(), 31);
    for route in routes.iter().filter(|route| route.access == Access::Person) {
        let path = path(route.path);
        let mut stranger = world.browser();
        if route.method == "GET" {
            let page = stranger.get(&path).await;
            assert!(page.location().starts_with("/login?return_to="), "{path}");
        } else {
            assert_eq!(stranger.post(&path, &[]).await.status, StatusCode::FORBIDDEN, "{path}");
            // The form of a session that has ended leads to sign-in, or out, and does nothing else.
            let ended = stranger.post(&path, &[("csrf", "00")]).await;
            let expected = if path == "/logout" { "/" } else { "/login?return_to=" };
            assert!(ended.location().starts_with(expected), "{path}: {}", ended.location());
            let told = stranger.cookies.get("__Host-notice").map(String::as_str);
            assert_eq!(told, (path != "/logout").then_some("session-ended"), "{path}");
        }
    }
    assert!(world.admin.take_calls().is_empty());
}

#[tokio::test]
async fn a_form_that_is_not_ours_changes_nothing() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    let mut other = world.registered("two@other.example", "other-corp").await;
    let foreign = other.arrive("/dashboard").await.csrf().to_owned();
    let (own, before) = (page.csrf().to_owned(), everything(&world));

    let (_, service) = world.portal(&[]);
    let (_, routes) = router(service);
    let forms: Vec<String> =
        routes.iter().filter(|route| route.method == "POST").map(|route| path(route.path)).collect();
    assert_eq!(forms.len(), 14);
    let same = ("sec-fetch-site", "same-origin");
    for form in &forms {
        for (headers, token) in [
            (vec![same, ("origin", "null")], None),
            (vec![same, ("origin", "null")], Some("")),
            (vec![same, ("origin", "null")], Some(foreign.as_str())),
            (vec![("origin", "https://evil.example")], Some(own.as_str())),
            (vec![("origin", "null")], Some(own.as_str())),
            (vec![("origin", "http://portal.example")], Some(own.as_str())),
            (vec![("sec-fetch-site", "cross-site"), ("origin", ORIGIN)], Some(own.as_str())),
            (vec![("sec-fetch-site", "same-site")], Some(own.as_str())),
        ] {
            let mut fields = vec![
                ("url", "https://evil.example/"),
                ("orgId", "evil-corp"),
                ("orgName", "Evil"),
                ("email", "x@y.example"),
            ];
            fields.extend(token.map(|token| ("csrf", token)));
            let body = serde_urlencoded::to_string(fields).unwrap();
            let answer = browser.send(Method::POST, form, &headers, &body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form} {headers:?} {token:?}");
        }
        let twice = format!("csrf={own}&csrf={own}");
        assert_eq!(browser.send(Method::POST, form, &[same], &twice).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(everything(&world), before);
}

#[tokio::test]
async fn a_browser_that_names_its_origin_is_taken_too() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    let body = format!("csrf={}&orgId=acme-corp&url=https%3A%2F%2Fpartner.example.com%2F", page.csrf());
    let answer = browser.send(Method::POST, "/webhook", &[Browser::own_origin()], &body).await;
    assert_eq!(answer.location(), "/dashboard");
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let world = World::default();
    let mut browser = world.owner().await;
    let same = ("sec-fetch-site", "same-origin");
    let page = browser.arrive("/dashboard").await;
    let good = format!("csrf={}&orgId=acme-corp&url=https%3A%2F%2Fpartner.example.com%2F", page.csrf());
    for other in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let answer = browser.send(Method::POST, "/webhook", &[same, ("content-type", other)], &good).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{other}");
    }
    for broken in ["&orgName=%FF", "&orgName=%ED%A0%80"] {
        let answer = browser.send(Method::POST, "/webhook", &[same], &format!("{good}{broken}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{broken}");
    }
    let encoded = [same, ("content-encoding", "gzip")];
    let answer = browser.send(Method::POST, "/webhook", &encoded, "csrf=1").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!("csrf={}", "a".repeat(70_000));
    assert_eq!(
        browser.send(Method::POST, "/webhook", &[same], &large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    for (get, page) in [
        ("/webhook", "/dashboard"),
        ("/api-key/rotate", "/dashboard"),
        ("/api-key/reveal", "/dashboard"),
        ("/webhook/test", "/dashboard"),
        ("/webhook/secret", "/dashboard"),
        ("/people/remove", "/people"),
        ("/deliveries/redeliver", "/deliveries"),
        ("/deliveries/e-1/redeliver", "/deliveries/e-1"),
    ] {
        assert_eq!(browser.get(get).await.location(), page, "{get}");
    }
    let answer = browser.get("/logout").await;
    assert_eq!(
        (answer.status, answer.headers[http::header::ALLOW].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_typed_or_sent_by_another_site_turns_no_words_of_the_page_around() {
    let world = World::default();
    let odd = "a\u{202e}b\u{2066}c\u{9b}d\u{7f}e\u{2028}f";
    let shown = "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f";
    let mut browser = world.browser();
    browser.sign_in("newcomer@acme-corp.example").await;
    let page = browser.get("/onboarding").await;
    browser.submit(&page, "/onboarding", &[("orgId", odd), ("orgName", odd)]).await.says(shown);
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    browser.submit(&page, "/webhook", &[("url", odd)]).await.says(shown);
    let encoded = odd.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for path in ["/deliveries?eventType=", "/deliveries?since=", "/deliveries?event=", "/events/", "/"] {
        browser.get(&format!("{path}{encoded}")).await;
    }
    // The words of the provider, which another site may have chosen.
    let callback = browser.visit_provider("/login", "newcomer@acme-corp.example", true).await;
    let state = callback.split("state=").nth(1).unwrap();
    let path = format!("/callback?state={state}&iss={ISSUER}&error=x&error_description={encoded}");
    browser.get(&path).await.says(&format!("It says: {shown}"));
}
