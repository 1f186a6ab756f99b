//! The Worker's parts, put together from its ports.

use std::sync::Arc;

use axum::extract::FromRef;
use edge::oidc::{DocumentSource, KeyCache};
use edge::rate_limit::RateLimit;
use shared::app::App;
use shared::delivery::retry::RetryPolicy;
use shared::ports::{Aead, BodyStore, Clock, Database, DocumentClient, Queue, Random, Rs256};
use shared::sealer::Sealer;

use crate::auth::{Authenticator, TokenVerifier};
use crate::config::Config;

/// What the Worker needs from outside.
pub struct Ports {
    /// `DATABASE`
    pub database: Arc<dyn Database>,
    /// `CACHE`
    pub cache: Arc<dyn BodyStore>,
    /// `RETRIES`
    pub retries: Arc<dyn Queue>,
    /// `EVENTS`
    pub events: Arc<dyn Queue>,
    /// `PARTNER_REQUESTS`, by client
    pub partner_requests: RateLimit,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Sealing.
    pub aead: Arc<dyn Aead>,
    /// Admins' tokens.
    pub rs256: Arc<dyn Rs256>,
    /// The issuer's keys.
    pub documents: Arc<dyn DocumentClient>,
    /// Which version of the Worker this is: Cloudflare's id of the upload. `None` where that is not bound.
    pub version: Option<String>,
}

/// The router's state.
#[derive(Clone)]
pub struct Service {
    /// The settings.
    pub config: Arc<Config>,
    /// Which version of the Worker this is, where it is known.
    pub version: Option<String>,
    app: App,
    authenticator: Authenticator,
    partner_requests: RateLimit,
}

impl Service {
    /// Puts the parts together.
    pub fn new(config: Config, ports: Ports) -> Self {
        let keys = KeyCache::new(DocumentSource { client: ports.documents, store: ports.cache });
        let verifier = TokenVerifier::new(&config, keys, ports.rs256);
        let authenticator = Authenticator::new(config.admin_api_key.clone(), verifier, ports.clock.clone());
        let sealer = Sealer::new(
            config.sealing_key.clone(),
            config.previous_sealing_key.clone(),
            ports.aead,
            ports.random.clone(),
        );
        let app = App {
            database: ports.database,
            clock: ports.clock,
            random: ports.random,
            sealer,
            retries: ports.retries,
            events: ports.events,
            url_rules: config.environment.webhook_url_rules(),
            retry_window: RetryPolicy::default().window(),
        };
        Self {
            config: Arc::new(config),
            version: ports.version,
            app,
            authenticator,
            partner_requests: ports.partner_requests,
        }
    }

    /// Checks credentials outside a route.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl FromRef<Service> for App {
    fn from_ref(service: &Service) -> Self {
        service.app.clone()
    }
}

impl FromRef<Service> for RateLimit {
    fn from_ref(service: &Service) -> Self {
        service.partner_requests.clone()
    }
}

impl FromRef<Service> for Authenticator {
    fn from_ref(service: &Service) -> Self {
        service.authenticator.clone()
    }
}
