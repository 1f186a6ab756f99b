//! An HTTP client for one of the stack's hosts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

/// Longer than anything the Workers may take.
const TIMEOUT: Duration = Duration::from_secs(60);

static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    // Not every system resolves *.localhost; the port is the URL's.
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let hosts =
        ["admin-api.localhost", "partner-portal.localhost", "webhook-delivery.localhost", "localhost"];
    let builder =
        reqwest::Client::builder().no_proxy().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    hosts.into_iter().fold(builder, |builder, host| builder.resolve(host, loopback)).build().unwrap()
});

/// A host, and the headers that go with every request to it.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    headers: HeaderMap,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Of the answer.
    pub status: u16,
    /// Of the answer.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    asked: String,
}

impl Client {
    /// A client for paths below `base`, which does not end in a slash.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self { base: base.to_owned(), headers: HeaderMap::new() }
    }

    /// The same with one more header, or with another value for it.
    ///
    /// # Panics
    /// Where it is no header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Sends a request.
    ///
    /// # Panics
    /// Where there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        let url = format!("{}{path}", self.base);
        let asked = format!("{method} {url}");
        let mut request = HTTP.request(method, &url).headers(self.headers.clone());
        if let Some(body) = body {
            if !self.headers.contains_key("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        Answer { status, headers, text, asked }
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
        self.send(Method::POST, path, Some(body.to_string().into_bytes())).await
    }

    /// `POST` of exactly these bytes, as JSON.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, Some(body.as_bytes().to_vec())).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string().into_bytes())).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string().into_bytes())).await
    }
}

impl Answer {
    /// The body, once the status is the expected one.
    ///
    /// # Panics
    /// Where it is another, with the answer.
    #[track_caller]
    #[must_use]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self.json()
    }

    /// The body.
    ///
    /// # Panics
    /// Where it is no JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.text))
    }

    /// The id that the Worker's log line has as well.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .expect("every answer has an x-request-id")
    }
}
