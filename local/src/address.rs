//! Where the parts of a stack answer.
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::client::Client;

/// The ports of a stack: plain HTTP, or HTTPS where the stack has a certificate.
#[derive(Debug, Clone)]
pub struct Address {
    /// The port of the Workers and the inbox; the OpenID provider has the one after it.
    pub port: u16,
    /// The only certificate that clients of this stack trust.
    pub certificate: Option<PathBuf>,
}

/// The URLs of a stack's parts. Only the issuer's ends in a slash.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Urls {
    /// The Admin API.
    pub admin_api_url: String,
    /// The Partner Portal.
    pub portal_url: String,
    /// Webhook delivery, which takes events in.
    pub delivery_url: String,
    /// The webhook inboxes; an inbox's name comes after it.
    pub inbox_url: String,
    /// The OpenID provider, exactly as tokens name it.
    #[serde(skip)]
    pub issuer: String,
}

impl Address {
    /// The URLs of the stack's parts.
    #[must_use]
    pub fn urls(&self) -> Urls {
        let worker = |name: &str| self.url(&format!("{name}.localhost"), self.port);
        Urls {
            admin_api_url: worker("admin-api"),
            portal_url: worker("partner-portal"),
            delivery_url: worker("webhook-delivery"),
            inbox_url: format!("{}/inbox", self.url("localhost", self.port)),
            issuer: format!("{}/", self.url("localhost", self.port + 1)),
        }
    }

    /// A client of a URL of this stack; fails where the stack's certificate cannot be read.
    pub fn client(&self, url: &str) -> Result<Client> {
        match &self.certificate {
            Some(certificate) => Client::trusting(url, certificate),
            None => Ok(Client::new(url)),
        }
    }

    /// A client of the gateway; fails as [`client`](Self::client) does.
    pub fn gateway(&self) -> Result<Client> {
        self.client(&self.url("localhost", self.port))
    }

    /// A client of a Worker; fails as [`client`](Self::client) does.
    pub fn worker(&self, name: &str) -> Result<Client> {
        self.client(&self.url(&format!("{name}.localhost"), self.port))
    }

    /// A client of the OpenID provider; fails as [`client`](Self::client) does.
    pub fn provider(&self) -> Result<Client> {
        self.client(&self.url("localhost", self.port + 1))
    }

    fn url(&self, host: &str, port: u16) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{port}")
    }
}
