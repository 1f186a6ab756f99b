//! The Worker's parts, put together from its settings, its bindings and the platform.

use std::ops::Deref;
use std::sync::Arc;

use edge::health::LastAnswer;
use edge::oidc::{DocumentSource, KeyCache};
use edge::ports::Platform;
use edge::rate_limit::RateLimit;
use shared::app::App;
use shared::delivery::retry::RetryPolicy;
use shared::ports::{BodyStore, Database, Queue};
use shared::sealer::Sealer;
use shared::shard::Shards;
use shared::store::guarded::GuardedDatabase;

use crate::auth::{Authenticator, IssuedKeys, PartnerGate, TokenVerifier};
use crate::config::Config;

/// The Worker's bindings.
pub struct Ports {
    /// `DATABASE_0` …, one for each shard
    pub databases: Shards<Arc<dyn Database>>,
    /// `CACHE`
    pub cache: Arc<dyn BodyStore>,
    /// `RETRIES`, `RETRIES_2` …, one of each pair
    pub retries: Shards<Arc<dyn Queue>>,
    /// `EVENTS`, `EVENTS_2` …, one of each pair
    pub events: Shards<Arc<dyn Queue>>,
    /// `FAILURES`, by client
    pub failures: RateLimit,
    /// `PARTNER_REQUESTS`, by tenant
    pub partner_requests: RateLimit,
    /// `VERSION`: the id that Cloudflare gave this version of the Worker. `None` if that is not bound.
    pub version: Option<String>,
}

/// The Admin API, and the state of its router.
#[derive(Clone)]
pub struct AdminApi(Arc<Parts>);

/// The Admin API's parts.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The id of this version of the Worker, if it is known.
    pub version: Option<String>,
    /// What the databases last answered to `/health`.
    pub last_health: LastAnswer,
    /// The use cases, of each shard.
    pub apps: Shards<App>,
    /// Lets admins in.
    pub authenticator: Authenticator,
    /// Lets partners in.
    pub partner_gate: PartnerGate,
    /// The digests of API keys that were issued.
    pub issued_keys: IssuedKeys,
}

impl AdminApi {
    /// Puts the parts together.
    pub fn new(config: Config, ports: Ports, platform: &impl Platform) -> Self {
        let keys = KeyCache::new(DocumentSource { client: platform.documents(), store: ports.cache.clone() });
        let verifier = TokenVerifier::new(&config, keys, platform.rs256());
        let authenticator = Authenticator::new(
            config.admin_api_key.clone(),
            verifier,
            ports.failures.clone(),
            platform.clock(),
        );
        let issued_keys = IssuedKeys::new(ports.cache);
        let partner_gate = PartnerGate::new(ports.failures, ports.partner_requests, issued_keys.clone());
        let sealer = Sealer::new(
            config.sealing_key.clone(),
            config.previous_sealing_key.clone(),
            platform.aead(),
            platform.random(),
        );
        let shards = ports.databases.count();
        let apps = GuardedDatabase::all(&ports.databases).map_with_place(|place, database| App {
            database: database.clone(),
            clock: platform.clock(),
            random: platform.random(),
            sealer: sealer.clone(),
            compressor: platform.compressor(),
            retries: ports.retries.of_group(place, shards).clone(),
            events: ports.events.of_group(place, shards).clone(),
            url_rules: config.environment.webhook_url_rules(),
            retry_window: RetryPolicy::default().window(),
            repeatable: None,
        });
        Self(Arc::new(Parts {
            config,
            version: ports.version,
            last_health: LastAnswer::default(),
            apps,
            authenticator,
            partner_gate,
            issued_keys,
        }))
    }
}

impl Deref for AdminApi {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
