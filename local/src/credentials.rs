//! What a client of a stack needs: URLs, keys and a token.
use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Urls};
use crate::client::Client;
use crate::secrets::{CREDENTIALS_CLIENT, Secrets};

/// The audience of Admin API tokens.
pub(crate) const AUDIENCE: &str = "https://admin-api.smartphonekey.com";

/// How long the OpenID provider may take to issue a token.
const LIMIT: Duration = Duration::from_secs(10);

/// The URLs and keys of a stack.
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

impl Credentials {
    /// A client of the Admin API with an admin's headers.
    pub fn admin(&self, admin_api: Client) -> Result<Client> {
        let token = format!("Bearer {}", self.admin_jwt);
        admin_api.with("x-admin-api-key", &self.admin_api_key)?.with("authorization", &token)
    }

    /// The keys among a stack's secrets, and a token that its OpenID provider issues for `email`.
    pub(crate) fn issue(address: &Address, secrets: &Secrets, email: Option<&str>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
        }
        let client_secret = secrets.get(CREDENTIALS_CLIENT)?;
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", "credentials"),
            ("client_secret", &client_secret),
        ];
        form.extend(email.map(|email| ("email", email)));
        let form = serde_urlencoded::to_string(form)?.into_bytes();
        let provider =
            address.provider()?.with("content-type", "application/x-www-form-urlencoded")?.within(LIMIT);
        let answer = provider
            .send(Method::POST, "/oauth/token", Some(form))
            .context("the local OpenID provider does not answer: restart `cargo xtask dev`")?;
        let granted: Granted = serde_json::from_str(&answer.text).with_context(|| {
            format!("the local OpenID provider gave no token: {} {}", answer.status, answer.text)
        })?;
        Ok(Self {
            urls: address.urls(),
            admin_api_key: secrets.get("ADMIN_API_KEY")?,
            admin_jwt: granted.access_token,
            events_key: secrets.get("EVENTS_API_KEY")?,
        })
    }
}
