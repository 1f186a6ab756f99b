//! The Worker's parts, put together from its settings, its bindings and the platform.

use std::ops::Deref;
use std::sync::Arc;

use edge::health::LastAnswer;
use edge::oidc::DocumentSource;
use edge::ports::{Platform, ServiceBinding};
use edge::rate_limit::RateLimit;
use shared::ports::{Aead, BodyStore, Clock, Database, Random};
use shared::whatwg::Url;

use crate::admin_client::AdminClient;
use crate::config::Config;
use crate::oidc::Provider;
use crate::session::{KeyRing, Sessions};

/// The Worker's bindings.
pub struct Ports {
    /// `SESSIONS`
    pub sessions: Arc<dyn Database>,
    /// `CACHE`
    pub cache: Arc<dyn BodyStore>,
    /// `ADMIN_API`
    pub admin_api: Arc<dyn ServiceBinding>,
    /// `WEBHOOK_ACTIONS`, by tenant
    pub webhook_actions: RateLimit,
    /// `STRANGERS`, by route and client
    pub strangers: RateLimit,
    /// `VERSION`: the id that Cloudflare gave this version of the Worker. `None` if that is not bound.
    pub version: Option<String>,
}

/// The portal, and the state of its router.
#[derive(Clone)]
pub struct Portal(Arc<Parts>);

/// The portal's parts.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The id of this version of the Worker, if it is known.
    pub version: Option<String>,
    /// Whether the sessions and the Admin API answered `/health`.
    pub last_health: LastAnswer<(bool, bool)>,
    /// Sign-in sessions.
    pub sessions: Sessions,
    /// The OpenID provider.
    pub provider: Provider,
    /// The Admin API.
    pub admin: AdminClient,
    /// How often a tenant may have its endpoint asked.
    pub webhook_actions: RateLimit,
    /// How often one client may begin to sign in, and how often it may fail to.
    pub strangers: RateLimit,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// AES-256-GCM.
    pub aead: Arc<dyn Aead>,
    /// The provider's scheme, host and port.
    pub provider_origin: String,
}

impl Portal {
    /// Puts the parts together.
    pub fn new(config: Config, ports: Ports, platform: &impl Platform) -> Self {
        let ring = KeyRing::new(&config.session_key, config.previous_session_key.as_ref());
        let sessions = Sessions::new(ports.sessions, platform.random(), platform.aead(), ring);
        let documents = DocumentSource { client: platform.documents(), store: ports.cache };
        let provider = Provider::new(&config, documents, platform.forms(), platform.rs256());
        let admin = AdminClient::new(&config, ports.admin_api);
        let provider_origin = Url::parse(&config.issuer).map(|url| url.origin()).unwrap_or_default();
        Self(Arc::new(Parts {
            config,
            version: ports.version,
            last_health: LastAnswer::default(),
            sessions,
            provider,
            admin,
            webhook_actions: ports.webhook_actions,
            strangers: ports.strangers,
            clock: platform.clock(),
            random: platform.random(),
            aead: platform.aead(),
            provider_origin,
        }))
    }
}

impl Deref for Portal {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
