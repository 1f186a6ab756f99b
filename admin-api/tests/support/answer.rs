//! Answers, and what a story says of them.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status: parts.status, headers: parts.headers, text, body }
    }

    /// The answer has this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The answer is a problem of this status and code, in the one shape.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> &Self {
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
    pub(crate) fn names_field(&self, field: &str) -> &Self {
        self.is_problem(400, "invalid_request");
        assert!(self.body["fields"][field].is_string(), "{field} is not named in {}", self.text);
        self
    }

    /// The text at a JSON pointer or, without a slash, of a member.
    #[track_caller]
    pub(crate) fn text_at(&self, place: &str) -> String {
        let found = if place.starts_with('/') { self.body.pointer(place) } else { self.body.get(place) };
        match found.and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => panic!("no text at {place} in {}", self.text),
        }
    }

    /// Status, headers and body but for the request's id: what a caller can tell answers apart by.
    pub(crate) fn without_request_id(&self) -> (StatusCode, HeaderMap, String) {
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        let id = self.body["requestId"].as_str().unwrap_or("no id");
        (self.status, headers, self.text.replace(id, "…"))
    }
}
