//! Bad requests (spec: Adversarial cases, Requests): each gets a clear answer and leaves nothing behind.

mod anything;
mod faults;
mod strict;
mod words;

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const REGISTER: &str = "/tenants/acme-corp/register";
const GOOD: &str = r#"{"orgName":"ACME","ownerEmail":"owner@acme-corp.com"}"#;

async fn registering(app: &TestApp, body: impl Into<Vec<u8>>) -> Answer {
    app.admin().request("POST", REGISTER).json_bytes(body).send().await
}

#[tokio::test]
async fn a_body_must_be_one_strict_json_object() {
    let app = TestApp::default();
    let before = app.database.dump();
    let nested = format!("{}{}", r#"{"orgName":"#.repeat(33), "}".repeat(33));
    for (what, body) in [
        ("empty", String::new()),
        ("array", format!("[{GOOD}]")),
        ("null", "null".to_owned()),
        ("text", "\"text\"".to_owned()),
        ("number", "7".to_owned()),
        ("key twice", GOOD.replacen('{', r#"{"orgName":"other","#, 1)),
        ("escaped key twice", GOOD.replacen('{', r#"{"\u006frgName":"other","#, 1)),
        ("trailing object", format!("{GOOD}{{}}")),
        ("trailing text", format!("{GOOD}x")),
        ("byte order mark", format!("\u{FEFF}{GOOD}")),
        ("NUL", GOOD.replace("ACME", "AC\0ME")),
        ("escaped NUL", GOOD.replace("ACME", "AC\\u0000ME")),
        ("NUL behind", format!("{GOOD}\0")),
        ("too deep", nested),
        ("very deep", "[".repeat(60_000)),
        ("number out of range", GOOD.replace("\"ACME\"", "1e999")),
        ("comment", format!("/**/{GOOD}")),
        ("unclosed", GOOD.trim_end_matches('}').to_owned()),
        ("lone surrogate", GOOD.replace("ACME", "\\ud800")),
        ("raw line break", GOOD.replace("ACME", "AC\nME")),
    ] {
        let answer = registering(&app, body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        answer.is_problem(400, "invalid_request");
    }
    let latin =
        GOOD.replace("ACME", "ACM\u{E9}").chars().map(|character| character as u8).collect::<Vec<_>>();
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [latin, utf16] {
        registering(&app, bytes).await.is_problem(400, "invalid_request");
    }
    assert_eq!(app.database.dump(), before);
    registering(&app, GOOD.replace("ACME", "ACM\u{E9}")).await.is(201);
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named() {
    let app = TestApp::default();
    app.given_tenant("known-corp").await;
    let path = app.given_webhook("known-corp").await;
    let rotate = format!("{path}/rotate-secret");
    let before = app.database.dump();
    let hooks = "/tenants/known-corp/webhooks";
    let url = "https://hooks.acme-corp.com/in";
    for (method, path, body, field) in [
        ("POST", REGISTER, json!({}), "orgName"),
        ("POST", REGISTER, json!({}), "ownerEmail"),
        ("POST", REGISTER, json!({"orgName": 7, "ownerEmail": "a@b.com"}), "orgName"),
        ("POST", REGISTER, json!({"orgName": "A", "ownerEmail": ["a@b.com"]}), "ownerEmail"),
        ("POST", REGISTER, json!({"orgName": "A", "ownerEmail": "a@b.com", "admin": true}), "admin"),
        ("POST", REGISTER, json!({"orgName": "A", "ownerEmail": "a@b.com", "OrgName": "B"}), "OrgName"),
        ("POST", "/tenants/Acme/register", json!({"orgName": "A", "ownerEmail": "a@b.com"}), "orgId"),
        ("PATCH", "/tenants/known-corp", json!({}), "body"),
        ("PATCH", "/tenants/known-corp", json!({"orgName": null}), "body"),
        ("PATCH", "/tenants/known-corp", json!({"orgName": ""}), "orgName"),
        ("PATCH", "/tenants/known-corp", json!({"ownerEmail": "nobody"}), "ownerEmail"),
        ("PATCH", "/tenants/known-corp", json!({"orgId": "other"}), "orgId"),
        ("POST", "/api-keys", json!({}), "orgId"),
        ("POST", "/api-keys", json!({"orgId": "-"}), "orgId"),
        ("POST", "/api-keys", json!({"orgId": "known-corp", "orgName": "\u{202E}"}), "orgName"),
        ("POST", "/api-keys", json!({"orgId": "known-corp", "expiresAt": "tomorrow"}), "expiresAt"),
        ("POST", "/api-keys", json!({"orgId": "known-corp", "expiresAt": 1_775_124_000}), "expiresAt"),
        (
            "POST",
            "/api-keys",
            json!({"orgId": "known-corp", "expiresAt": "2026-04-02T10:00:00.000Z"}),
            "expiresAt",
        ),
        ("POST", "/api-keys", json!({"orgId": "known-corp", "graceSeconds": 1}), "graceSeconds"),
        ("POST", "/api-keys/known-corp/rotate", json!({"graceSeconds": 604_801}), "graceSeconds"),
        ("POST", "/api-keys/known-corp/rotate", json!({"graceSeconds": -1}), "graceSeconds"),
        ("POST", "/api-keys/known-corp/rotate", json!({"graceSeconds": 1.5}), "graceSeconds"),
        ("POST", "/api-keys/known-corp/rotate", json!({"graceSeconds": "60"}), "graceSeconds"),
        ("POST", "/api-keys/known-corp/rotate", json!({"expiresAt": "2020-01-01T00:00:00Z"}), "expiresAt"),
        ("POST", "/api-keys/known-corp/rotate", json!({"orgId": "other"}), "orgId"),
        ("POST", hooks, json!({}), "url"),
        ("POST", hooks, json!({"url": "http://hooks.acme-corp.com/"}), "url"),
        ("POST", hooks, json!({"url": url, "events": "*"}), "events"),
        ("POST", hooks, json!({"url": url, "events": []}), "events"),
        ("POST", hooks, json!({"url": url, "events": ["KeyAdded", "KeyAdded"]}), "events"),
        ("POST", hooks, json!({"url": url, "events": ["*", "KeyAdded"]}), "events"),
        ("POST", hooks, json!({"url": url, "events": ["KeyAdded", 7]}), "events[1]"),
        ("POST", hooks, json!({"url": url, "secret": "short"}), "secret"),
        ("POST", hooks, json!({"url": url, "secret": "whsec_c2hvcnQ="}), "secret"),
        ("POST", hooks, json!({"url": url, "auth": "bearerToken"}), "auth"),
        ("POST", hooks, json!({"url": url, "auth": ["none", null, null]}), "auth"),
        ("POST", hooks, json!({"url": url, "auth": {}}), "auth.type"),
        ("POST", hooks, json!({"url": url, "auth": {"type": "basic"}}), "auth.type"),
        ("POST", hooks, json!({"url": url, "auth": {"type": "apiKeyHeader"}}), "auth.headerName"),
        (
            "POST",
            hooks,
            json!({"url": url, "auth": {"type": "apiKeyHeader", "headerName": "Host"}}),
            "auth.headerName",
        ),
        (
            "POST",
            hooks,
            json!({"url": url, "auth": {"type": "bearerToken", "headerName": "X-A"}}),
            "auth.headerName",
        ),
        ("POST", hooks, json!({"url": url, "auth": {"type": "bearerToken", "token": "short"}}), "auth.token"),
        (
            "POST",
            hooks,
            json!({"url": url, "auth": {"type": "bearerToken", "token": "with space in it"}}),
            "auth.token",
        ),
        (
            "POST",
            hooks,
            json!({"url": url, "auth": {"type": "none", "token": "0123456789abcdef"}}),
            "auth.token",
        ),
        ("POST", hooks, json!({"url": url, "auth": {"type": "none", "password": "x"}}), "auth.password"),
        ("POST", hooks, json!({"url": url, "status": "active"}), "status"),
        ("PUT", &path, json!({}), "body"),
        ("PUT", &path, json!({"url": null}), "body"),
        ("PUT", &path, json!({"url": "https://localhost/"}), "url"),
        ("PUT", &path, json!({"events": ["Nothing"]}), "events"),
        ("POST", &rotate, json!({"overlapSeconds": 604_801}), "overlapSeconds"),
        ("POST", &rotate, json!({"secret": "whsec_"}), "secret"),
        ("POST", &rotate, json!({"overlap": 1}), "overlap"),
    ] {
        let answer = app.admin().request(method, path).json(&body).send().await;
        assert_eq!(answer.status, 400, "{method} {path} {body}: {}", answer.text);
        answer.names_field(field);
        assert!(!answer.text.contains("struct"), "our own names are nobody's business: {}", answer.text);
    }
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let app = TestApp::default();
    let answer = registering(&app, r#"{"orgName":"","ownerEmail":"nobody"}"#).await;
    answer.names_field("orgName").names_field("ownerEmail");
}

#[tokio::test]
async fn a_body_ends_at_64_kib() {
    let app = TestApp::default();
    let padded = |length: usize| format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
    registering(&app, padded(64 * 1024 + 1)).await.is_problem(413, "payload_too_large");
    registering(&app, "[".repeat(1024 * 1024)).await.is_problem(413, "payload_too_large");
    // In pieces, and so without Content-Length.
    let pieces = |count: usize| {
        let piece = Bytes::from(" ".repeat(1024));
        Body::from_stream(stream::iter(std::iter::repeat_n(piece, count).map(Ok::<_, std::io::Error>)))
    };
    let request = app.admin().request("POST", REGISTER).header("content-type", "application/json");
    request.body(pieces(65)).send().await.is_problem(413, "payload_too_large");
    registering(&app, padded(64 * 1024)).await.is(201);
}

#[tokio::test]
async fn a_body_is_plain_json_and_says_so() {
    let app = TestApp::default();
    app.given_tenant("known-corp").await;
    for path in [REGISTER, "/api-keys/known-corp/rotate"] {
        for kind in [
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json5",
            "application/problem+json",
            "application/json; charset=latin1",
            "application/json; charset=utf-16",
            "application/json, text/plain",
            "json",
            "",
        ] {
            let request =
                app.admin().request("POST", path).header("content-type", kind).body(Body::from(GOOD));
            let answer = request.send().await;
            assert_eq!(answer.status, 415, "{path} {kind}");
            answer.is_problem(415, "unsupported_media_type");
        }
        let none = app.admin().request("POST", path).body(Body::from(GOOD)).send().await;
        none.is_problem(415, "unsupported_media_type");
        let twice = app.admin().request("POST", path).json_bytes(GOOD).header("content-type", "text/plain");
        twice.send().await.is_problem(415, "unsupported_media_type");
        for encoding in ["gzip", "identity", "br, gzip", ""] {
            let request = app.admin().request("POST", path).header("content-encoding", encoding);
            request.json_bytes(GOOD).send().await.is_problem(415, "unsupported_media_type");
            let request = app.admin().request("POST", path).header("content-encoding", encoding);
            request.send().await.is_problem(415, "unsupported_media_type");
        }
    }
    let request =
        app.admin().request("POST", REGISTER).header("content-type", "Application/JSON; Charset=\"UTF-8\"");
    request.body(Body::from(GOOD)).send().await.is(201);
}

#[tokio::test]
async fn a_body_that_may_be_absent_may_be_absent() {
    let app = TestApp::default();
    app.given_tenant("known-corp").await;
    let path = app.given_webhook("known-corp").await;
    app.admin().request("POST", "/api-keys/known-corp/rotate").send().await.is(201);
    app.admin().request("POST", &format!("{path}/rotate-secret")).send().await.is(200);
    // Generated clients name the type of a body that they leave out.
    app.admin().request("POST", &format!("{path}/rotate-secret")).json_bytes("").send().await.is(200);
    app.admin().request("POST", &format!("{path}/rotate-secret")).json_bytes(" ").send().await.is(400);
}

#[tokio::test]
async fn credentials_come_before_everything_else() {
    let app = TestApp::default();
    let anybody = app.anybody();
    anybody.request("POST", REGISTER).json_bytes("{").send().await.is(401);
    anybody.request("POST", REGISTER).json_bytes(" ".repeat(100_000)).send().await.is(401);
    anybody.request("POST", REGISTER).header("content-encoding", "gzip").send().await.is(401);
    anybody.get("/tenants?limit=x&unknown=1").await.is(401);
    anybody.get("/tenants/%FF").await.is(401);
    anybody.request("PATCH", "/webhooks/%FF").json_bytes("{").send().await.is(401);
}

#[tokio::test]
async fn paths_that_are_no_names_are_refused() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    for (path, status) in [
        ("/tenants/%FF", 400),
        ("/tenants/%C0%AF", 400),
        ("/tenants/%", 400),
        ("/tenants/%zz", 400),
        ("/tenants/acme%00corp", 400),
        ("/tenants/acme%2Fcorp", 400),
        ("/tenants/..%2Facme-corp", 400),
        ("/tenants/acme corp".replace(' ', "%20").as_str(), 400),
        ("/tenants/ACME-CORP", 200),
        ("/tenants/%41cme-corp", 200),
        (&format!("/tenants/{}", "a".repeat(64)), 400),
        ("/tenants/acme-corp/webhooks/%FF", 400),
        ("/tenants/acme-corp/webhooks/%00", 404),
        ("/tenants/acme-corp/webhooks/'%20OR%201=1", 404),
        (&format!("/tenants/acme-corp/webhooks/{}", "a".repeat(5000)), 404),
        ("/tenants/acme-corp/webhooks/x/deliveries/%FF", 400),
        ("/tenants/acme-corp/webhooks/x/deliveries/y", 404),
        // Percent-encoding of ordinary letters is the same name.
        ("/tenants/%61cme-corp", 200),
    ] {
        let answer = app.admin().get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn query_parameters_are_known_and_given_once() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let log = format!("{webhook}/deliveries");
    for (path, field) in [
        ("/tenants?limit=0", "limit"),
        ("/tenants?limit=201", "limit"),
        ("/tenants?limit=", "limit"),
        ("/tenants?limit=1e2", "limit"),
        ("/tenants?limit=-1", "limit"),
        ("/tenants?limit=%EF%BC%91", "limit"),
        ("/tenants?limit=99999999999999999999", "limit"),
        ("/api-keys?orgId=acme-corp&offset=-1", "offset"),
        ("/api-keys?orgId=acme-corp&offset=4294967295", "offset"),
        ("/tenants?offset=1", "offset"),
        ("/tenants?cursor=x", "cursor"),
        ("/tenants?search=", "search"),
        ("/tenants?search=a&ownerEmail=a@b.com", "search"),
        ("/tenants?limit=1&limit=1", "limit"),
        ("/tenants?limit=1&%6Cimit=1", "limit"),
        ("/tenants?unknown=1", "unknown"),
        ("/tenants?Limit=1", "Limit"),
        ("/tenants?ownerEmail=nobody", "ownerEmail"),
        ("/tenants?ownerEmail=a@b.com&ownerEmail=a@b.com", "ownerEmail"),
        ("/tenants?owner_email=a@b.com", "owner_email"),
        ("/api-keys", "orgId"),
        ("/api-keys?orgId=", "orgId"),
        ("/api-keys?orgId=acme-corp&orgId=acme-corp", "orgId"),
        ("/tenants/acme-corp/webhooks?cursor=x", "cursor"),
        ("/tenants/acme-corp/transitions?offset=1", "offset"),
        ("/tenants/acme-corp/transitions?cursor=x", "cursor"),
        ("/tenants/acme-corp/transitions?cursor=", "cursor"),
        (&format!("{log}?state=lost"), "state"),
        (&format!("{log}?since=yesterday"), "since"),
        (&format!("{log}?until=%00"), "until"),
        (&format!("{log}?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"), "until"),
        (&format!("{log}?cursor=AAAA"), "cursor"),
        (&format!("{log}?x=1"), "x"),
    ] {
        let answer = app.admin().get(path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        answer.names_field(field);
    }
    for path in ["/tenants?", "/tenants?limit=200&search=a%2Bb", "/tenants?ownerEmail=a%2Bb@example.com"] {
        app.admin().get(path).await.is(200);
    }
    for path in ["/tenants?%FF=1", "/tenants?limit=%FF", "/tenants?=", "/tenants?&&=&", "/tenants?a=b=c"] {
        app.admin().get(path).await.is_problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn names_may_hold_markup_but_nothing_that_redirects_text() {
    let app = TestApp::default();
    let body = |name: &str| json!({"orgName": name, "ownerEmail": "owner@acme-corp.com"});
    for bad in [
        "\u{202E}evil",
        "a\u{2066}b",
        "a\u{200F}b",
        "a\u{061C}b",
        "a\u{2028}b",
        "a\nb",
        "a\tb",
        "a\u{7F}b",
        "a\u{85}b",
        "a\u{9B}b",
        "\u{FEFF}a",
        "",
        "   ",
        &"x".repeat(121),
    ] {
        app.admin().post(REGISTER, body(bad)).await.names_field("orgName");
    }
    let names = ["<script>alert(1)</script>", "O'Neil & \"Söhne\" 'x' -- ;", "{{7*7}} ${x} %s", "会社 🔑"];
    for (index, name) in names.into_iter().enumerate() {
        let path = format!("/tenants/corp-{index}");
        app.admin().post(&format!("{path}/register"), body(name)).await.is(201);
        assert_eq!(app.admin().get(&path).await.body["orgName"], name);
    }
    app.admin().post(REGISTER, body(&"ß".repeat(120))).await.is(201);
}

#[tokio::test]
async fn a_database_that_fails_is_a_503_that_says_nothing() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    app.database.fail(Some("no such table: secrets_of_the_house"));
    for answer in [
        app.admin().get("/tenants").await,
        app.admin().post("/api-keys", json!({"orgId": "acme-corp"})).await,
        app.partner(&key).get("/webhooks").await,
        app.anybody().get("/health").await,
    ] {
        answer.is_problem(503, "unavailable");
        assert!(!answer.text.contains("secrets_of_the_house"), "{}", answer.text);
        assert!(app.log.dump().contains("secrets_of_the_house"));
    }
}

#[tokio::test]
async fn every_answer_forbids_caching_and_sniffing() {
    let app = TestApp::default();
    for answer in
        [app.admin().get("/tenants").await, app.anybody().get("/x").await, app.anybody().get("/health").await]
    {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_ne!(answer.body, Value::Null);
    }
}
