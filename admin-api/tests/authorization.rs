//! Every route refuses whoever comes without its credentials. The list of routes is the router's own, so a new one is
//! asked as well; only the paths below may be open.

use edge::routes::Access;
use serde_json::json;

use crate::support::{Answer, Caller, Route, TestApp};

/// What everybody may read.
const OPEN: [&str; 5] =
    ["/health", "/openapi.json", "/partner-webhooks.openapi.json", "/docs", "/event-types"];

/// The route's path with something in the place of its parameters.
fn filled(route: &Route) -> String {
    let names = [
        ("{orgId}", "acme-corp"),
        ("{webhookId}", "7d1c1f0e-0000-4000-8000-000000000000"),
        ("{eventId}", "event-1"),
        ("{email}", "colleague@example.com"),
        ("{id}", "1"),
    ];
    let path = names.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: give this parameter a value here");
    path
}

async fn asked(caller: &Caller<'_>, route: &Route) -> Answer {
    caller.request(route.method, &filled(route)).json(&json!({"url": "https://acme-corp.com/"})).send().await
}

#[tokio::test]
async fn no_route_lets_anybody_in_without_its_credentials() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let before = app.database.dump();
    let refusal = app.anybody().get("/tenants").await.is_problem(401, "unauthorized").without_request_id();
    app.database.take_round_trips();
    for route in &app.routes {
        let what = format!("{} {}", route.method, route.path);
        let others = match route.access {
            Access::Open => {
                assert!(OPEN.contains(&route.path), "{what} is open; should it be?");
                continue;
            }
            Access::Admin => vec![app.anybody(), app.partner(&key)],
            Access::Partner => vec![app.anybody(), app.admin(), app.portal("owner@example.com")],
            Access::EventSource | Access::Person => panic!("{what}: that is another Worker's"),
        };
        for caller in others {
            assert_eq!(asked(&caller, route).await.without_request_id(), refusal, "{what}");
            if route.method == "GET" {
                // Every GET is a HEAD as well.
                let head = Route { method: "HEAD", ..route.clone() };
                assert_eq!(asked(&caller, &head).await.status, 401, "HEAD {}", route.path);
            }
        }
    }
    assert_eq!(app.database.take_round_trips(), 0, "who is refused costs nothing");
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn every_route_lets_its_callers_in() {
    for route in TestApp::default().routes {
        let app = TestApp::default();
        let key = app.given_key("acme-corp").await;
        let caller = match route.access {
            Access::Partner => app.partner(&key),
            _ => app.admin(),
        };
        let answer = asked(&caller, &route).await;
        let status = answer.status.as_u16();
        assert!(
            ![401, 403, 405].contains(&status) && status < 500,
            "{} {}: {status}",
            route.method,
            route.path
        );
        assert_ne!(answer.body["error"], "not_found", "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_tells_strangers_nothing() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let refusal = app.anybody().get("/tenants").await.without_request_id();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/tenants/"),
        ("GET", "//tenants"),
        ("GET", "/Tenants"),
        ("GET", "/tenants/acme-corp/nothing"),
        ("PUT", "/tenants"),
        ("DELETE", "/tenants"),
        ("OPTIONS", "/tenants"),
        ("TRACE", "/tenants"),
        ("PROPFIND", "/tenants"),
    ] {
        for caller in [app.anybody(), app.partner(&key)] {
            let answer = caller.request(method, path).send().await;
            assert_eq!(answer.without_request_id(), refusal, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn admins_are_told_what_is_not_there() {
    let app = TestApp::default();
    for path in ["/", "/nothing", "/tenants/", "/tenants/acme-corp/nothing"] {
        app.admin().get(path).await.is_problem(404, "not_found");
    }
    for (method, path, allowed) in [
        ("PUT", "/tenants", "GET,HEAD"),
        ("GET", "/tenants/acme-corp/register", "POST"),
        ("POST", "/health", "GET,HEAD"),
    ] {
        let answer = app.admin().request(method, path).send().await;
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_open_tells_everybody_its_methods() {
    let app = TestApp::default();
    for path in OPEN {
        for method in ["POST", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            let answer = app.anybody().request(method, path).send().await;
            answer.is_problem(405, "method_not_allowed");
            assert_eq!(answer.headers["allow"], "GET,HEAD", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_a_query_parameter_it_does_not_know_and_strangers_before_that() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let before = app.database.dump();
    let refusal = app.anybody().get("/tenants").await.without_request_id();
    for route in &app.routes {
        let path = format!("{}?stray=1", filled(route));
        let body = json!({"url": "https://acme-corp.com/"});
        let caller = match route.access {
            Access::Partner => app.partner(&key),
            _ => app.admin(),
        };
        let answer = caller.request(route.method, &path).json(&body).send().await;
        answer.is_problem(400, "invalid_request");
        assert_eq!(answer.body["fields"]["stray"], "is not a known parameter", "{path}");
        if route.access != Access::Open {
            let answer = app.anybody().request(route.method, &path).json(&body).send().await;
            assert_eq!(answer.without_request_id(), refusal, "{path}");
        }
    }
    assert_eq!(app.database.dump(), before);
}
