//! HTTP to this machine: `*.localhost` names are not resolved, so the name goes into the Host header.
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A status and a body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A server on this machine: plain HTTP, or HTTPS where it has a certificate, which is then the only one trusted.
#[derive(Debug, Clone)]
pub(crate) struct Loopback {
    pub(crate) port: u16,
    pub(crate) certificate: Option<PathBuf>,
}

impl Loopback {
    /// The server on the port after this one, with the same certificate.
    pub(crate) fn next(&self) -> Self {
        Self { port: self.port + 1, certificate: self.certificate.clone() }
    }

    /// `GET <path>` of that host.
    pub(crate) fn get(&self, host: &str, path: &str, timeout: Duration) -> Result<Answer> {
        let request = self.agent(timeout)?.get(self.url(path));
        read(request.header("host", format!("{host}:{}", self.port)).call())
    }

    /// `POST` of a form to localhost.
    pub(crate) fn post_form(&self, path: &str, form: &[(&str, &str)], timeout: Duration) -> Result<Answer> {
        let request = self.agent(timeout)?.post(self.url(path));
        let request = request.header("host", format!("localhost:{}", self.port));
        read(request.send_form(form.iter().copied()))
    }

    /// `POST` of a JSON value to that host.
    pub(crate) fn post_json(
        &self,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &serde_json::Value,
        timeout: Duration,
    ) -> Result<Answer> {
        let request = self.agent(timeout)?.post(self.url(path));
        let request = request.header("host", format!("{host}:{}", self.port));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        read(request.send_json(body))
    }

    fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    fn agent(&self, timeout: Duration) -> Result<Agent> {
        let mut builder = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        if let Some(path) = &self.certificate {
            let pem = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let trusted = RootCerts::from([Certificate::from_pem(&pem)?]);
            builder = builder.tls_config(TlsConfig::builder().root_certs(trusted).build());
        }
        Ok(builder.build().new_agent())
    }
}

/// `GET` of a public URL: status and body.
pub(crate) fn get_public(url: &str) -> Result<(u16, String)> {
    let agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let Answer { status, body } = read(agent.get(url).call())?;
    Ok((status, body))
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut response = answer.context("no answer")?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().context("the answer broke off")?;
    Ok(Answer { status, body })
}
