//! `cargo xtask credentials`: how to reach the running stack, and with what.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::http;
use crate::progress::line;
use crate::stack::{self, CREDENTIALS_CLIENT};

/// The audience of Admin API tokens.
pub(crate) const AUDIENCE: &str = "https://admin-api.smartphonekey.com";

const LIMIT: Duration = Duration::from_secs(10);

/// Where the parts of a stack answer. No URL ends in a slash, but the issuer's.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Urls {
    /// The Admin API.
    pub admin_api_url: String,
    /// The Partner Portal.
    pub portal_url: String,
    /// Webhook delivery, which takes events in.
    pub delivery_url: String,
    /// The webhook inboxes: a name comes after it.
    pub inbox_url: String,
    /// The OpenID provider, exactly as tokens name it.
    #[serde(skip)]
    pub issuer: String,
}

impl Urls {
    pub(crate) fn of(port: u16) -> Self {
        let worker = |name: &str| format!("http://{name}.localhost:{port}");
        Self {
            admin_api_url: worker("admin-api"),
            portal_url: worker("partner-portal"),
            delivery_url: worker("webhook-delivery"),
            inbox_url: format!("http://localhost:{port}/inbox"),
            issuer: format!("http://localhost:{}/", port + 1),
        }
    }
}

/// What a client of the stack needs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Where the parts answer.
    #[serde(flatten)]
    pub urls: Urls,
    /// The value of `X-Admin-API-Key`.
    pub admin_api_key: String,
    /// A bearer token for the Admin API, good for an hour.
    pub admin_jwt: String,
    /// The value of `X-Events-Key`.
    pub events_key: String,
}

impl std::ops::Deref for Credentials {
    type Target = Urls;

    fn deref(&self) -> &Urls {
        &self.urls
    }
}

/// Prints the credentials of the stack that runs on `port`, as one JSON object.
///
/// # Errors
///
/// When none runs there.
pub fn print(port: u16, email: Option<&str>) -> Result<()> {
    let credentials = of(&running(port)?, port, email)?;
    line(serde_json::to_string_pretty(&credentials)?);
    Ok(())
}

/// The credentials of a stack by name.
pub(crate) fn of(stack: &str, port: u16, email: Option<&str>) -> Result<Credentials> {
    let client_secret = stack::secret(stack, CREDENTIALS_CLIENT)?;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "credentials"),
        ("client_secret", &client_secret),
    ];
    form.extend(email.map(|email| ("email", email)));
    let answer = http::post_form(port + 1, "/oauth/token", &form, LIMIT)
        .context("the local OpenID provider does not answer: restart `cargo xtask dev`")?;

    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
    }
    let granted: Granted = serde_json::from_str(&answer.body).with_context(|| {
        format!("the local OpenID provider gave no token: {} {}", answer.status, answer.body)
    })?;
    Ok(Credentials {
        urls: Urls::of(port),
        admin_api_key: stack::secret(stack, "ADMIN_API_KEY")?,
        admin_jwt: granted.access_token,
        events_key: stack::secret(stack, "EVENTS_API_KEY")?,
    })
}

/// The name of the stack that runs on `port`; its gateway tells.
fn running(port: u16) -> Result<String> {
    #[derive(Deserialize)]
    struct Health {
        stack: String,
    }
    let health = http::get("localhost", port, "/health", LIMIT)
        .ok()
        .and_then(|answer| serde_json::from_str::<Health>(&answer.body).ok());
    let Some(Health { stack }) = health else {
        bail!(
            "no local stack runs on port {port}: start it with `cargo xtask dev{}`",
            if port == 8787 { String::new() } else { format!(" --port {port}") }
        );
    };
    Ok(stack)
}
