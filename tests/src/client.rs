//! An HTTP client that fails the scenario where there is no answer.

use std::ops::Deref;

use http::Method;
use http::header::STRICT_TRANSPORT_SECURITY;
use local::client as local_client;
use serde_json::Value;

/// A client of one of the stack's hosts. Each request has a thread of its own, so that a scenario can send many at once.
#[derive(Clone, Debug)]
pub struct Client(local_client::Client);

/// An answer, and the request that was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    answer: local_client::HttpAnswer,
    asked: String,
}

impl Deref for Answer {
    type Target = local_client::HttpAnswer;

    fn deref(&self) -> &Self::Target {
        &self.answer
    }
}

impl From<local_client::Client> for Client {
    fn from(client: local_client::Client) -> Self {
        Self(client)
    }
}

impl Client {
    /// A client for paths below `base`, which does not end in a slash.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self(local_client::Client::new(base))
    }

    /// The same client with one more header, or with another value of a header.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        Self(self.0.with(name, value).unwrap())
    }

    /// Sends a request.
    pub async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        let asked = format!("{method} {path}");
        let (client, path) = (self.0.clone(), path.to_owned());
        let sent = tokio::task::spawn_blocking(move || client.send(method, &path, body)).await.unwrap();
        let answer = sent.unwrap_or_else(|error| panic!("{error:#}"));
        // Whatever a Worker of ours answers, no browser asks its host without TLS again.
        let is_ours = answer.headers.contains_key("x-request-id");
        assert!(!is_ours || answer.headers.contains_key(STRICT_TRANSPORT_SECURITY), "{asked}: no HSTS");
        Answer { answer, asked }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// `POST` without a body.
    pub async fn post_nothing(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string()).await
    }

    /// `POST` of exactly these bytes, as JSON.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, Some(body.into())).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string().into())).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string().into())).await
    }
}

impl Answer {
    /// The body, once the status is the expected one.
    #[track_caller]
    #[must_use]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self.json()
    }

    /// The body.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text))
    }

    /// The body, an object, without the member that differs between requests.
    #[track_caller]
    #[must_use]
    pub fn without_request_id(&self) -> Value {
        let mut body = self.json();
        body.as_object_mut().expect("the body is an object").remove("requestId");
        body
    }

    /// The id that the Worker's log line has as well.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let id = self.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        id.expect("every answer has an x-request-id")
    }
}
