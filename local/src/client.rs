//! HTTP to this machine. Not every system resolves `*.localhost`, so a client connects to 127.0.0.1 and gives the name in
//! the `Host` header.
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Body};

/// Longer than any answer of the Workers takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Longer than any answer: two hundred messages of a webhook inbox.
const LONGEST_ANSWER: u64 = 1024 * 1024 * 1024;

/// A client of one host, with the headers that go with every request.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    /// At 127.0.0.1, without a slash at its end.
    base: String,
    headers: HeaderMap,
    limit: Duration,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Client {
    /// A client for paths below `base`, which is on this machine and does not end in a slash.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self::on(base, TlsConfig::default())
    }

    /// A client that trusts this certificate and no other; fails where the certificate cannot be read.
    pub fn trusting(base: &str, certificate: &Path) -> Result<Self> {
        let pem =
            fs::read(certificate).with_context(|| format!("{} cannot be read", certificate.display()))?;
        let trusted = RootCerts::from([Certificate::from_pem(&pem)?]);
        Ok(Self::on(base, TlsConfig::builder().root_certs(trusted).build()))
    }

    fn on(base: &str, tls: TlsConfig) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .tls_config(tls)
            .build()
            .new_agent();
        let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
        let (host, path) =
            rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
        let port = host.rsplit_once(':').map_or("", |(_, port)| port);
        let headers = HeaderValue::from_str(host).map(|host| HeaderMap::from_iter([(header::HOST, host)]));
        Self {
            agent,
            base: format!("{scheme}://127.0.0.1:{port}{path}"),
            headers: headers.unwrap_or_default(),
            limit: LIMIT,
        }
    }

    /// The same client with one more header, or with another value of a header; fails where that is no header.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self> {
        self.headers.insert(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
        Ok(self)
    }

    /// The same client, waiting this long for an answer instead of a minute.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends a request; fails where there is no whole answer in time. A body is JSON unless a header of this client says
    /// otherwise.
    pub fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<HttpAnswer> {
        let url = format!("{}{path}", self.base);
        let asked = format!("{method} {url}");
        self.exchange(method, &url, body).with_context(|| format!("{asked} has no answer"))
    }

    fn exchange(&self, method: Method, url: &str, body: Option<Vec<u8>>) -> Result<HttpAnswer> {
        let mut request = Request::builder().method(method).uri(url).body(())?;
        request.headers_mut().clone_from(&self.headers);
        let mut answer = match body {
            None => self.run(request),
            Some(body) => {
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
                self.run(request.map(|()| body))
            }
        }?;
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).lossy_utf8(true).read_to_string()?;
        Ok(HttpAnswer { status: answer.status().as_u16(), headers: answer.headers().clone(), text })
    }

    fn run(&self, request: Request<impl AsSendBody + 'static>) -> Result<Response<Body>, ureq::Error> {
        self.agent.run(self.agent.configure_request(request).timeout_global(Some(self.limit)).build())
    }

    /// `GET`; fails as [`send`](Self::send) does.
    pub fn get(&self, path: &str) -> Result<HttpAnswer> {
        self.send(Method::GET, path, None)
    }

    /// `POST` of JSON; fails as [`send`](Self::send) does.
    pub fn post(&self, path: &str, body: &Value) -> Result<HttpAnswer> {
        self.send(Method::POST, path, Some(body.to_string().into_bytes()))
    }
}
