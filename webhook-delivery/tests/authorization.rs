//! Every route refuses whoever comes without EventBridge's key. The list of routes is the Worker's own, so a new one is
//! asked as well; only `GET /health` may be open.

use edge::routes::Access;

use crate::support::{Answer, EVENTS_KEY, Request, TestApp, VERSION, envelope};

/// Each wrong way to bring a key, by name.
fn impostors<'a>(app: &'a TestApp, method: &str, path: &str) -> Vec<(&'static str, Request<'a>)> {
    let plain = || app.anybody(method, path);
    let with = |key: &str| plain().header("x-events-key", key);
    vec![
        ("none", plain()),
        ("empty", with("")),
        ("another", with("events-key-of-nobody-0123456789abcdefgh")),
        ("cut short", with(&EVENTS_KEY[1..])),
        ("longer", with(&format!("{EVENTS_KEY}0"))),
        ("in capitals", with(&EVENTS_KEY.to_uppercase())),
        ("a list", with(&format!("{EVENTS_KEY}, {EVENTS_KEY}"))),
        ("not ASCII", plain().header("x-events-key", b"events-key-\xE9")),
        ("twice", with(EVENTS_KEY).header("x-events-key", EVENTS_KEY)),
        ("right, then wrong", with(EVENTS_KEY).header("x-events-key", "other")),
        ("wrong, then right", with("other").header("x-events-key", EVENTS_KEY)),
        ("in another header", plain().header("x-api-key", EVENTS_KEY)),
        ("as a bearer token", plain().header("authorization", format!("Bearer {EVENTS_KEY}"))),
        (
            "in the query",
            app.anybody(method, &format!("{path}?x-events-key={EVENTS_KEY}&X-Events-Key={EVENTS_KEY}")),
        ),
    ]
}

async fn sent(request: Request<'_>) -> Answer {
    request.json(&envelope("e-1")).send().await
}

#[tokio::test]
async fn no_route_lets_anybody_in_without_the_key() {
    let app = TestApp::default();
    let refusal =
        sent(app.anybody("POST", "/events")).await.is_problem(401, "unauthorized").without_request_id();
    app.database.take_round_trips();
    for route in &app.routes {
        match route.access {
            Access::EventSource => {}
            Access::Open => {
                assert_eq!(route.path, "/health", "{} {} is open; should it be?", route.method, route.path);
                continue;
            }
            _ => panic!("{} {}: that is another Worker's", route.method, route.path),
        }
        for (how, request) in impostors(&app, route.method, route.path) {
            let answer = sent(request).await;
            assert_eq!(answer.without_request_id(), refusal, "{} {}: {how}", route.method, route.path);
        }
    }
    assert!(app.events.take().is_empty());
    assert_eq!(app.database.take_round_trips(), 0, "who is refused costs nothing");
}

#[tokio::test]
async fn a_stranger_is_not_told_which_paths_and_methods_there_are() {
    let app = TestApp::default();
    let refusal = sent(app.anybody("POST", "/events")).await.without_request_id();
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/"),
        ("GET", "/events"),
        ("PUT", "/events"),
        ("DELETE", "/events"),
        ("POST", "/events/"),
        ("POST", "/EVENTS"),
        ("POST", "/events/e-1"),
        ("POST", "/health"),
        ("GET", "/deliveries"),
        ("GET", "/%FF"),
    ] {
        for (how, request) in impostors(&app, method, path) {
            assert_eq!(sent(request).await.without_request_id(), refusal, "{method} {path}: {how}");
        }
    }
}

#[tokio::test]
async fn the_key_is_rotated_without_a_refused_event() {
    const NEW_KEY: &str = "new-events-key-of-the-tests-0123456789ab";
    let both = TestApp::configured(&[("EVENTS_API_KEY", NEW_KEY), ("EVENTS_API_KEY_PREVIOUS", EVENTS_KEY)]);
    let with = |app, key: &str| TestApp::anybody(app, "POST", "/events").header("x-events-key", key);
    for key in [EVENTS_KEY, NEW_KEY, EVENTS_KEY] {
        sent(with(&both, key)).await.accepted(1);
    }
    sent(with(&both, &NEW_KEY[1..])).await.is(401);
    sent(with(&both, NEW_KEY).header("x-events-key", EVENTS_KEY)).await.is(401);

    let after = TestApp::configured(&[("EVENTS_API_KEY", NEW_KEY)]);
    sent(with(&after, NEW_KEY)).await.accepted(1);
    sent(with(&after, EVENTS_KEY)).await.is(401);
}

#[tokio::test]
async fn event_bridge_is_told() {
    let app = TestApp::default();
    sent(app.event_bridge("POST", "/events")).await.accepted(1);
    for (method, path, allowed) in
        [("GET", "/events", "POST"), ("HEAD", "/events", "POST"), ("POST", "/health", "GET,HEAD")]
    {
        let answer = sent(app.event_bridge(method, path)).await;
        assert_eq!(answer.is_problem(405, "method_not_allowed").headers["allow"], allowed, "{method} {path}");
    }
    sent(app.event_bridge("POST", "/event")).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn health_is_open_and_says_nothing_but_that() {
    let app = TestApp::default();
    let answer = app.anybody("GET", "/health").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (200, format!(r#"{{"status":"ok","environment":"prod","version":"{VERSION}"}}"#).as_str())
    );
    assert_eq!(app.log.lines()[0]["d1RoundTrips"], 1);
    let unaware = TestApp::of_version(None).anybody("GET", "/health").send().await;
    assert_eq!(
        (unaware.status.as_u16(), unaware.text.as_str()),
        (200, r#"{"status":"ok","environment":"prod","version":null}"#)
    );
    app.database.fail(Some("no such table: somewhere"));
    // For three seconds the isolate repeats itself, however often it is asked.
    for _ in 0..100 {
        assert_eq!(app.anybody("GET", "/health").send().await.status.as_u16(), 200);
    }
    app.clock.advance(std::time::Duration::from_secs(3));
    let answer = app.anybody("GET", "/health").send().await;
    answer.is_problem(503, "unavailable");
    assert!(!answer.text.contains("table"), "{}", answer.text);
}

#[tokio::test]
async fn a_head_is_answered_as_a_get_without_the_body() {
    let app = TestApp::default();
    let shown = app.anybody("GET", "/health").send().await.is(200).text.clone();
    let head = app.anybody("HEAD", "/health").send().await;
    assert_eq!(head.is(200).text, "");
    assert_eq!(head.headers["content-length"], shown.len().to_string());
}
