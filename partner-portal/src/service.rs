//! The Worker's parts, put together from its ports.

use std::sync::Arc;

use edge::oidc::DocumentSource;
use edge::rate_limit::RateLimit;
use edge::service_binding::ServiceBinding;
use shared::ports::{Aead, BodyStore, Clock, Database, DocumentClient, FormClient, Random, Rs256};

use crate::admin_client::AdminClient;
use crate::config::Config;
use crate::oidc::Provider;
use crate::session::{KeyRing, Sessions};

/// What the Worker needs from outside.
pub struct Ports {
    /// `SESSIONS`
    pub sessions: Arc<dyn Database>,
    /// `CACHE`
    pub cache: Arc<dyn BodyStore>,
    /// `ADMIN_API`
    pub admin_api: Arc<dyn ServiceBinding>,
    /// `WEBHOOK_ACTIONS`, by tenant
    pub webhook_actions: RateLimit,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Sealing.
    pub aead: Arc<dyn Aead>,
    /// ID tokens.
    pub rs256: Arc<dyn Rs256>,
    /// The provider's documents.
    pub documents: Arc<dyn DocumentClient>,
    /// The provider's token endpoint.
    pub forms: Arc<dyn FormClient>,
    /// Which version of the Worker this is: Cloudflare's id of the upload. `None` where that is not bound.
    pub version: Option<String>,
}

/// The router's state.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

/// The parts.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// Which version of the Worker this is, where it is known.
    pub version: Option<String>,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Where people sign in.
    pub provider: Provider,
    /// Where tenants are.
    pub admin: AdminClient,
    /// How often a tenant may have its endpoint asked.
    pub webhook_actions: RateLimit,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Sealing.
    pub aead: Arc<dyn Aead>,
    /// The provider's scheme, host and port.
    pub provider_origin: String,
}

impl Service {
    /// Puts the parts together.
    pub fn new(config: Config, ports: Ports) -> Self {
        let ring = KeyRing::new(&config.session_key, config.previous_session_key.as_ref());
        let sessions = Sessions::new(ports.sessions, ports.random.clone(), ports.aead.clone(), ring);
        let documents = DocumentSource { client: ports.documents, store: ports.cache };
        let provider = Provider::new(&config, documents, ports.forms, ports.rs256);
        let admin = AdminClient::new(&config, ports.admin_api);
        let issuer = url::Url::parse(&config.issuer);
        let provider_origin = issuer.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Self(Arc::new(Parts {
            config,
            version: ports.version,
            sessions,
            provider,
            admin,
            webhook_actions: ports.webhook_actions,
            clock: ports.clock,
            random: ports.random,
            aead: ports.aead,
            provider_origin,
        }))
    }
}

impl std::ops::Deref for Service {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
