//! Answers, and what a story says of them.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

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

    /// So many events are safely queued.
    #[track_caller]
    pub(crate) fn accepted(&self, count: usize) {
        assert_eq!(self.status.as_u16(), 202, "{}", self.text);
        assert_eq!(self.body, json!({"accepted": count}));
    }

    /// The answer is a problem of this status and code, in the one shape.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            (&self.body["success"], &self.body["error"]),
            (&json!(false), &json!(code)),
            "{}",
            self.text
        );
        assert!(self.body["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        assert_eq!(self.body["requestId"].as_str().unwrap(), self.headers["x-request-id"], "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        self
    }

    /// The answer is a 400 that says this of this field.
    #[track_caller]
    pub(crate) fn says(&self, field: &str, fault: &str) {
        self.is_problem(400, "invalid_request");
        let said = self.body["fields"][field].as_str().unwrap_or_default();
        assert!(said.contains(fault), "{fault:?} of {field} is not in {}", self.text);
    }

    /// Status, headers and body but for the request's id: what a caller can tell answers apart by.
    pub(crate) fn without_request_id(&self) -> (StatusCode, HeaderMap, String) {
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        let id = self.body["requestId"].as_str().unwrap_or("no id");
        (self.status, headers, self.text.replace(id, "…"))
    }
}
