//! Bad requests (spec: Adversarial cases, Requests): each gets a clear answer, and nothing is queued.

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::json;
use webhook_delivery::ingest::LARGEST_REQUEST;

use crate::support::{TestApp, envelope};

#[tokio::test]
async fn a_body_must_be_strict_json() {
    let app = TestApp::default();
    let good = envelope("e-1").to_string();
    let nested =
        |levels: usize| good.replace("\"k-1\"", &format!("{}1{}", "[".repeat(levels), "]".repeat(levels)));
    for (what, body) in [
        ("empty", String::new()),
        ("blank", "  \n".to_owned()),
        ("key twice", good.replacen('{', r#"{"id":"other","#, 1)),
        ("escaped key twice", good.replacen('{', r#"{"\u0069d":"other","#, 1)),
        ("inner key twice", good.replace("\"keyId\"", "\"keyId\":1,\"keyId\"")),
        ("tenant twice", good.replace("\"partnerId\"", "\"partnerId\":\"other\",\"partnerId\"")),
        ("trailing object", format!("{good}{good}")),
        ("one a line", format!("{good}\n{good}")),
        ("trailing text", format!("{good}x")),
        ("byte order mark", format!("\u{FEFF}{good}")),
        ("NUL", good.replace("k-1", "k\0")),
        ("escaped NUL", good.replace("k-1", "k\\u0000")),
        ("NUL behind", format!("{good}\0")),
        ("too deep", nested(30)),
        ("very deep", "[".repeat(1_000_000)),
        ("number out of range", good.replace("\"k-1\"", "1e999")),
        ("not a number", good.replace("\"k-1\"", "NaN")),
        ("comment", format!("/**/{good}")),
        ("unclosed", good.trim_end_matches('}').to_owned()),
        ("unclosed array", format!("[{good}")),
        ("comma behind", format!("[{good},]")),
        ("lone surrogate", good.replace("k-1", "\\ud800")),
        ("raw line break", good.replace("k-1", "k\n1")),
    ] {
        let answer = app.publish_bytes(body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        answer.is_problem(400, "invalid_request");
    }
    let latin: Vec<u8> = good.replace("k-1", "k\u{E9}").chars().map(|character| character as u8).collect();
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [latin, utf16] {
        app.publish_bytes(bytes).await.is_problem(400, "invalid_request");
    }
    assert!(app.queued().is_empty());
    app.publish_bytes(good.replace("k-1", "k\u{E9}")).await.accepted(1);
    app.publish_bytes(nested(29)).await.accepted(1);
}

#[tokio::test]
async fn a_body_must_be_plain_json() {
    let app = TestApp::default();
    let body = || Body::from(envelope("e-1").to_string());
    for media_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json-seq",
        "application/jsonx",
        "application/vnd.api+json",
        "application/json; charset=latin1",
        "application/json, application/json",
    ] {
        let request = app.event_bridge("POST", "/events").header("content-type", media_type);
        request.body(body()).send().await.is_problem(415, "unsupported_media_type");
    }
    app.event_bridge("POST", "/events").body(body()).send().await.is_problem(415, "unsupported_media_type");
    for encoding in ["gzip", "br", "identity", ""] {
        let request = app.event_bridge("POST", "/events").json(&envelope("e-1"));
        let answer = request.header("content-encoding", encoding).send().await;
        answer.is_problem(415, "unsupported_media_type");
    }
    let twice = app.event_bridge("POST", "/events").json(&envelope("e-1"));
    twice.header("content-type", "application/json").send().await.is_problem(415, "unsupported_media_type");
    assert!(app.queued().is_empty());
    for media_type in
        ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=utf-8"]
    {
        let request = app.event_bridge("POST", "/events").header("content-type", media_type);
        request.body(body()).send().await.accepted(1);
    }
}

#[tokio::test]
async fn more_than_eight_mebibytes_are_not_read() {
    let app = TestApp::default();
    let spaces = |bytes: usize| format!("{}{}", envelope("e-1"), " ".repeat(bytes)).into_bytes();
    let room = LARGEST_REQUEST - spaces(0).len();
    app.publish_bytes(spaces(room)).await.accepted(1);
    app.publish_bytes(spaces(room + 1)).await.is_problem(413, "payload_too_large");
    app.queued();

    // Without a length, and without an end.
    let endless =
        Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536]))));
    let request = app.event_bridge("POST", "/events").header("content-type", "application/json");
    request.body(endless).send().await.is_problem(413, "payload_too_large");
    // One that breaks off.
    let broken = Body::from_stream(stream::iter([
        Ok(Bytes::from_static(b"{\"id\":")),
        Err(std::io::Error::other("connection reset")),
    ]));
    let request = app.event_bridge("POST", "/events").header("content-type", "application/json");
    request.body(broken).send().await.is_problem(400, "invalid_request");
    assert!(app.queued().is_empty());
}

#[tokio::test]
async fn a_stranger_s_body_is_not_read() {
    let app = TestApp::default();
    let unread =
        Body::from_stream(stream::once(async { panic!("it is read") as Result<Bytes, std::io::Error> }));
    let request = app.anybody("POST", "/events").header("content-type", "application/json");
    request.body(unread).send().await.is_problem(401, "unauthorized");
}

#[tokio::test]
async fn an_unknown_member_is_none_of_our_business() {
    let app = TestApp::default();
    let mut body = envelope("e-1");
    body["trace"] = json!({"deep": [1, 2, {"partnerId": "other"}]});
    app.publish(&body).await.accepted(1);
}
