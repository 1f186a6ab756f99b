//! Every route that takes a body takes a strict one: the document says which routes those are.

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::Value;

use crate::support::{Caller, TestApp};

/// What is wrong with the bytes themselves, whatever the route.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"{}\"".to_vec()),
        ("number", b"1".to_vec()),
        ("key twice", br#"{"a":1,"a":1}"#.to_vec()),
        ("key twice, once escaped", br#"{"a":1,"\u0061":1}"#.to_vec()),
        ("key twice below", br#"{"a":[{"b":{"c":1,"c":1}}]}"#.to_vec()),
        ("trailing object", b"{}{}".to_vec()),
        ("trailing comma", br#"{"a":1,}"#.to_vec()),
        ("trailing NUL", b"{}\0".to_vec()),
        ("byte order mark", b"\xEF\xBB\xBF{}".to_vec()),
        ("UTF-16", utf16),
        ("invalid UTF-8", b"{\"a\":\"\xFF\"}".to_vec()),
        ("overlong UTF-8", b"{\"a\":\"\xC0\xAF\"}".to_vec()),
        ("surrogate as UTF-8", b"{\"a\":\"\xED\xA0\x80\"}".to_vec()),
        ("lone surrogate", br#"{"a":"\udc00"}"#.to_vec()),
        ("NUL", b"{\"a\":\"\0\"}".to_vec()),
        ("escaped NUL", br#"{"a":"\u0000"}"#.to_vec()),
        ("escaped NUL in a key", br#"{"\u0000":1}"#.to_vec()),
        ("33 levels", format!("{}{}", r#"{"a":"#.repeat(33), "}".repeat(33)).into_bytes()),
        ("33 levels of arrays", format!(r#"{{"a":{}{}}}"#, "[".repeat(32), "]".repeat(32)).into_bytes()),
        ("number beyond floats", br#"{"a":1e999}"#.to_vec()),
        ("no number", br#"{"a":NaN}"#.to_vec()),
        ("leading zero", br#"{"a":01}"#.to_vec()),
        ("comment", b"{/**/}".to_vec()),
        ("single quotes", b"{'a':1}".to_vec()),
        ("unclosed", b"{".to_vec()),
    ]
}

/// The routes with a body: method, path, and whether the body may be absent.
fn routes_with_bodies() -> Vec<(String, String, bool)> {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if let Some(body) = operation.get("requestBody") {
                found.push((method.to_uppercase(), path.clone(), body["required"] != true));
            }
        }
    }
    found
}

fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]))))
}

#[tokio::test]
async fn every_route_with_a_body_takes_strict_json_alone() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let id = webhook.rsplit('/').next().unwrap();
    let before = app.database.dump();
    let routes = routes_with_bodies();
    assert!(routes.len() >= 10, "{routes:?}");
    for (method, path, may_be_absent) in &routes {
        let filled = path.replace("{orgId}", "acme-corp").replace("{webhookId}", id);
        assert!(!filled.contains('{'), "{path}: give this parameter a value here");
        let what = format!("{method} {path}");
        let caller: Caller<'_> = if path.starts_with("/webhooks") { app.partner(&key) } else { app.admin() };
        let request = || caller.request(method, &filled);
        for (fault, body) in malformed() {
            let answer = request().json_bytes(body).send().await;
            answer.is_problem(400, "invalid_request");
            // A member of an object that was read is named: of these bodies none was.
            assert_eq!(answer.body["fields"], Value::Null, "{what}, {fault}: {}", answer.text);
        }
        if !may_be_absent {
            request().json_bytes("").send().await.is_problem(400, "invalid_request");
            request().send().await.is_problem(415, "unsupported_media_type");
        }
        let too_large = format!("{{}}{}", " ".repeat(64 * 1024));
        request().json_bytes(too_large).send().await.is_problem(413, "payload_too_large");
        let without_length = request().header("content-type", "application/json").body(endless());
        without_length.send().await.is_problem(413, "payload_too_large");
        for wrong in ["text/plain", "application/json; charset=latin1", "application/json, application/json"]
        {
            let typed = request().header("content-type", wrong).body(Body::from("{}"));
            typed.send().await.is_problem(415, "unsupported_media_type");
        }
        let untyped = request().body(Body::from("{}")).send().await;
        untyped.is_problem(415, "unsupported_media_type");
        let typed_twice = request().json_bytes("{}").header("content-type", "application/json");
        typed_twice.send().await.is_problem(415, "unsupported_media_type");
        for encoding in ["gzip", "identity", ""] {
            let encoded = request().json_bytes("{}").header("content-encoding", encoding);
            encoded.send().await.is_problem(415, "unsupported_media_type");
        }
    }
    assert_eq!(app.database.dump(), before);
}
