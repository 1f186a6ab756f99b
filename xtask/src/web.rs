//! HTTP to deployed Workers and to Auth0.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// How long a deployed Worker or Auth0 may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A client of one origin, with the headers that go with every request.
pub(crate) struct Web {
    origin: String,
    headers: Vec<(&'static str, String)>,
}

/// An answer, read to its end.
pub(crate) struct WebAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl WebAnswer {
    /// The answer's JSON, where the status is the expected one; `what` names what was asked for.
    pub(crate) fn expect(&self, status: u16, what: &str) -> Result<Value> {
        if self.status != status {
            let body: String = self.body.chars().take(300).collect();
            bail!("{what} was answered with {} in place of {status}: {body}", self.status);
        }
        Ok(serde_json::from_str(&self.body).unwrap_or_default())
    }
}

impl Web {
    pub(crate) fn new(origin: &str) -> Self {
        Self { origin: origin.trim_end_matches('/').to_owned(), headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends a request, with a JSON body if there is one.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<WebAnswer> {
        self.exchange(method, path, "application/json", body.map(Value::to_string).unwrap_or_default())
    }

    /// Sends a form.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<WebAnswer> {
        let form = serde_urlencoded::to_string(fields)?;
        self.exchange("POST", path, "application/x-www-form-urlencoded", form)
    }

    fn exchange(&self, method: &str, path: &str, kind: &str, body: String) -> Result<WebAnswer> {
        let url = format!("{}{path}", self.origin);
        let mut request = Request::builder().method(method).uri(&url);
        if !body.is_empty() {
            request = request.header("Content-Type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let limited = Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .allow_non_standard_methods(true);
        let agent = limited.build().new_agent();
        let unanswered = || format!("{} does not answer: check the network", self.origin);
        let mut answer = if body.is_empty() {
            agent.run(request.body(())?).with_context(unanswered)?
        } else {
            agent.run(request.body(body)?).with_context(unanswered)?
        };
        let text = answer.body_mut().read_to_string().with_context(unanswered)?;
        Ok(WebAnswer { status: answer.status().as_u16(), body: text })
    }
}
