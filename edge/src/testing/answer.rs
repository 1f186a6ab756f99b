//! Requests to a Worker in memory, and what a story says of the answers.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::text::is_printable;

/// One isolate of a Worker, in memory.
#[allow(async_fn_in_trait, reason = "tests run on one thread each")]
pub trait Isolate {
    /// Answers one request.
    async fn answer(&self, request: http::Request<Body>) -> Response;
}

/// A request in the making.
pub struct Request<'a, W> {
    isolate: &'a W,
    builder: http::request::Builder,
    body: Body,
}

impl<'a, W: Isolate> Request<'a, W> {
    /// A request without headers and body.
    pub fn new(isolate: &'a W, method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Self { isolate, builder: http::Request::builder().method(method).uri(path), body: Body::empty() }
    }

    /// Adds a header, beside another of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.builder = self.builder.header(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Sends this JSON.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.json_bytes(value.to_string())
    }

    /// Sends bytes that claim to be JSON.
    #[must_use]
    pub fn json_bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.header(header::CONTENT_TYPE.as_str(), "application/json").body(Body::from(bytes.into()))
    }

    /// Sends this body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Reads the answer to its end.
    pub async fn send(self) -> Answer {
        let request = self.builder.body(self.body).unwrap();
        let (parts, body) = self.isolate.answer(request).await.into_parts();
        assert!(
            parts.headers.contains_key(header::STRICT_TRANSPORT_SECURITY),
            "no HSTS: {:?}",
            parts.headers
        );
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        // Whoever wrote the words in an answer, nobody's terminal obeys them.
        let harmless = |character| character == '\n' || is_printable(character);
        assert!(text.chars().all(harmless), "{text:?}");
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, text, body }
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null where the text is no JSON.
    pub body: Value,
}

impl Answer {
    /// The answer has this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The answer is a problem of this status and code, in the one shape.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        self.is(status);
        assert_eq!(self.body["success"], false, "{}", self.text);
        assert_eq!(self.body["error"], code, "{}", self.text);
        assert!(self.body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        assert_eq!(self.body["requestId"].as_str().unwrap(), self.headers["x-request-id"], "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        self
    }

    /// The answer is a 400 that names this field.
    #[track_caller]
    pub fn names_field(&self, field: &str) -> &Self {
        self.says(field, "")
    }

    /// The answer is a 400 that says this of this field.
    #[track_caller]
    pub fn says(&self, field: &str, fault: &str) -> &Self {
        self.is_problem(400, "invalid_request");
        let said = self.body["fields"][field].as_str();
        assert!(
            said.is_some_and(|said| said.contains(fault)),
            "{fault:?} of {field} is not in {}",
            self.text
        );
        self
    }

    /// EventBridge is told that so many events are safely queued.
    #[track_caller]
    pub fn accepted(&self, count: usize) {
        assert_eq!(self.is(202).body, json!({"accepted": count}));
    }

    /// The text at a JSON pointer or, without a slash, of a member.
    #[track_caller]
    pub fn text_at(&self, place: &str) -> String {
        let found = if place.starts_with('/') { self.body.pointer(place) } else { self.body.get(place) };
        let text = found.and_then(Value::as_str).map(str::to_owned);
        text.unwrap_or_else(|| panic!("no text at {place} in {}", self.text))
    }

    /// Status, headers and body but for the request's id: what a caller can tell answers apart by.
    pub fn without_request_id(&self) -> (StatusCode, HeaderMap, String) {
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        let id = self.body["requestId"].as_str().unwrap_or("no id");
        (self.status, headers, self.text.replace(id, "…"))
    }
}
