//! Where the parts of a stack answer.
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::client::Client;

/// The Workers that answer on a port of `localhost` of their own as well, and the port's distance from the stack's first:
/// many HTTP clients resolve no name below `localhost`.
pub const OWN_PORTS: [(&str, u16); 3] = [(ADMIN_API, 2), (PORTAL, 3), (DELIVERY, 4)];

const ADMIN_API: &str = "admin-api";
const PORTAL: &str = "partner-portal";
const DELIVERY: &str = "webhook-delivery";

/// The ports of a stack: plain HTTP, or HTTPS where the stack has a certificate.
#[derive(Debug, Clone)]
pub struct Address {
    /// The port of the Workers and the inbox. The OpenID provider has the next one, and then come [`OWN_PORTS`].
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
    /// The Admin API on a port of its own, for clients that resolve no name below `localhost`.
    pub admin_api_localhost_url: String,
    /// The Partner Portal on a port of its own. Its sign-in leads to `portal_url` in any case.
    pub portal_localhost_url: String,
    /// Webhook delivery on a port of its own.
    pub delivery_localhost_url: String,
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
        let own = |name: &str| self.url("localhost", self.own_port(name));
        Urls {
            admin_api_url: worker(ADMIN_API),
            portal_url: worker(PORTAL),
            delivery_url: worker(DELIVERY),
            admin_api_localhost_url: own(ADMIN_API),
            portal_localhost_url: own(PORTAL),
            delivery_localhost_url: own(DELIVERY),
            inbox_url: format!("{}/inbox", self.url("localhost", self.port)),
            issuer: format!("{}/", self.url("localhost", self.port + 1)),
        }
    }

    /// The port that is the Worker's own; the stack's first where the Worker has none.
    fn own_port(&self, worker: &str) -> u16 {
        let distance = OWN_PORTS.iter().find(|(name, _)| *name == worker);
        self.port + distance.map_or(0, |(_, distance)| *distance)
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
