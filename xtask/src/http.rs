//! HTTP to this machine: `*.localhost` names are not resolved, so the name goes into the Host header.
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;

/// A status and a body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .build()
        .new_agent()
}

/// `GET http://<host>:<port><path>`.
pub(crate) fn get(host: &str, port: u16, path: &str, timeout: Duration) -> Result<Answer> {
    let request = agent(timeout).get(format!("http://127.0.0.1:{port}{path}"));
    read(request.header("host", format!("{host}:{port}")).call())
}

/// `POST` of a form to `http://localhost:<port><path>`.
pub(crate) fn post_form(port: u16, path: &str, form: &[(&str, &str)], timeout: Duration) -> Result<Answer> {
    let request = agent(timeout).post(format!("http://127.0.0.1:{port}{path}"));
    read(request.header("host", format!("localhost:{port}")).send_form(form.iter().copied()))
}

/// `POST` of a JSON value to `http://<host>:<port><path>`.
pub(crate) fn post_json(
    host: &str,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
    timeout: Duration,
) -> Result<Answer> {
    let request = agent(timeout).post(format!("http://127.0.0.1:{port}{path}"));
    let request = request.header("host", format!("{host}:{port}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    read(request.send_json(body))
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut response = answer.context("no answer")?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().context("the answer broke off")?;
    Ok(Answer { status, body })
}
