//! `cargo xtask credentials`: how to reach the running stack, and with what.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::http::Loopback;
use crate::progress::line;
use crate::stack::{self, CREDENTIALS_CLIENT, USUAL_PORT};

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
    pub(crate) fn of(door: &Loopback) -> Self {
        let (port, scheme) = (door.port, if door.certificate.is_some() { "https" } else { "http" });
        let worker = |name: &str| format!("{scheme}://{name}.localhost:{port}");
        Self {
            admin_api_url: worker("admin-api"),
            portal_url: worker("partner-portal"),
            delivery_url: worker("webhook-delivery"),
            inbox_url: format!("{scheme}://localhost:{port}/inbox"),
            issuer: format!("{scheme}://localhost:{}/", port + 1),
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
pub fn print(port: u16, environment: Option<&str>, email: Option<&str>) -> Result<()> {
    let door = stack::usual_door(port, environment);
    let credentials = of(&running(&door, environment)?, &door, email)?;
    line(serde_json::to_string_pretty(&credentials)?);
    Ok(())
}

/// The credentials of a stack by name.
pub(crate) fn of(stack: &str, door: &Loopback, email: Option<&str>) -> Result<Credentials> {
    let client_secret = stack::secret(stack, CREDENTIALS_CLIENT)?;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "credentials"),
        ("client_secret", &client_secret),
    ];
    form.extend(email.map(|email| ("email", email)));
    let answer = door
        .next()
        .post_form("/oauth/token", &form, LIMIT)
        .context("the local OpenID provider does not answer: restart `cargo xtask dev`")?;

    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
    }
    let granted: Granted = serde_json::from_str(&answer.body).with_context(|| {
        format!("the local OpenID provider gave no token: {} {}", answer.status, answer.body)
    })?;
    Ok(Credentials {
        urls: Urls::of(door),
        admin_api_key: stack::secret(stack, "ADMIN_API_KEY")?,
        admin_jwt: granted.access_token,
        events_key: stack::secret(stack, "EVENTS_API_KEY")?,
    })
}

/// The name of the stack that runs there; its gateway tells.
fn running(door: &Loopback, environment: Option<&str>) -> Result<String> {
    #[derive(Deserialize)]
    struct Health {
        stack: String,
    }
    let health = door
        .get("localhost", "/health", LIMIT)
        .ok()
        .and_then(|answer| serde_json::from_str::<Health>(&answer.body).ok());
    let Some(Health { stack }) = health else {
        let port = door.port;
        let of = environment.map(|name| format!(" --env {name}")).unwrap_or_default();
        let on = if port == USUAL_PORT { String::new() } else { format!(" --port {port}") };
        bail!("no local stack runs on port {port}: start it with `cargo xtask dev{of}{on}`");
    };
    Ok(stack)
}
