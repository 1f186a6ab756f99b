//! The Worker's parts, put together from its settings, its bindings and the platform.

use std::ops::Deref;
use std::sync::Arc;

use edge::health::LastAnswer;
use edge::ports::Platform;
use shared::courier::{Courier, Mailing, Meter, Outage};
use shared::ports::{BodyStore, Database, Mailer, Queue};
use shared::sealer::Sealer;
use shared::shard::Shards;
use shared::store::guarded::GuardedDatabase;

use crate::config::Config;

/// The Worker's bindings.
pub struct Ports {
    /// `DATABASE_0` …, one for each shard
    pub databases: Shards<Arc<dyn Database>>,
    /// `BODIES`
    pub bodies: Arc<dyn BodyStore>,
    /// `EVENTS`, `EVENTS_2` …, one of each pair
    pub events: Shards<Arc<dyn Queue>>,
    /// `RETRIES`, `RETRIES_2` …, one of each pair
    pub retries: Shards<Arc<dyn Queue>>,
    /// `METRICS`
    pub meter: Meter,
    /// `MAIL`; without that binding, nobody is mailed.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// `VERSION`: the id that Cloudflare gave this version of the Worker. `None` if that is not bound.
    pub version: Option<String>,
}

/// The delivery Worker, and the state of its router.
#[derive(Clone)]
pub struct WebhookDelivery(Arc<Parts>);

/// The delivery Worker's parts.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The id of this version of the Worker, if it is known.
    pub version: Option<String>,
    /// What the databases last answered to `/health`.
    pub last_health: LastAnswer,
    /// Take events in and deliver them, one for each shard.
    pub couriers: Shards<Courier>,
}

impl WebhookDelivery {
    /// Puts the parts together.
    pub fn new(config: Config, ports: Ports, platform: &impl Platform) -> Self {
        let sealer = Sealer::new(
            config.sealing_key.clone(),
            config.previous_sealing_key.clone(),
            platform.aead(),
            platform.random(),
        );
        let shards = ports.databases.count();
        let mailing = ports.mailer.zip(config.mail.clone()).map(|(mailer, mail)| Mailing {
            mailer,
            from: mail.from,
            portal_origin: mail.portal_origin,
        });
        let couriers = GuardedDatabase::all(&ports.databases).map_with_place(|place, database| Courier {
            database: database.clone(),
            clock: platform.clock(),
            random: platform.random(),
            sealer: sealer.clone(),
            compressor: platform.compressor(),
            http: platform.http(),
            events: ports.events.of_group(place, shards).clone(),
            retries: ports.retries.of_group(place, shards).clone(),
            bodies: ports.bodies.clone(),
            log: platform.log(),
            meter: ports.meter.clone(),
            policy: config.policy,
            operators: config.operators.clone(),
            mailing: mailing.clone(),
            url_rules: config.environment.webhook_url_rules(),
            outage: Outage::default(),
        });
        Self(Arc::new(Parts { config, version: ports.version, last_health: LastAnswer::default(), couriers }))
    }
}

impl Deref for WebhookDelivery {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
