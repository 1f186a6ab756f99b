//! A whole system in memory.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{
    AesGcm, Deflate, Endpoints, FakeClock, MemoryLog, MemoryMetrics, MemoryQueue, MemoryStore, SeededRandom,
    SqliteDatabase,
};
use crate::actor::Actor;
use crate::app::App;
use crate::app::create_webhook::{CreatedWebhook, RequestedWebhook};
use crate::app::register_tenant::NewTenant;
use crate::app::webhook_authentication::RequestedAuthentication;
use crate::courier::{Courier, Message, Meter, Outage, Settlement};
use crate::delivery::policy::DeliveryPolicy;
use crate::environment::Environment;
use crate::ports::{Clock, Random, Statement};
use crate::sealer::{Sealer, SealingKey};
use crate::shard::Shards;
use crate::shared_text::SharedText;
use crate::tenant::{EmailAddress, OrgId, OrgName};
use crate::tenant_scope::TenantScope;
use crate::webhook::authentication::Authentication;
use crate::webhook::filter::EventFilter;
use crate::webhook::url::WebhookUrl;

/// The tenant as an admin may act for it.
pub fn admins(org_id: &OrgId) -> TenantScope {
    TenantScope::new(Actor::person("admin@smartphonekey.com"), org_id.clone())
}

/// Use cases and courier over the same fakes.
pub struct Fixture {
    /// The database.
    pub database: Arc<SqliteDatabase>,
    /// The clock.
    pub clock: Arc<FakeClock>,
    /// Partners' endpoints.
    pub endpoints: Arc<Endpoints>,
    /// Fresh events.
    pub events: Arc<MemoryQueue>,
    /// Retries.
    pub retries: Arc<MemoryQueue>,
    /// Large bodies.
    pub bodies: Arc<MemoryStore>,
    /// The log.
    pub log: Arc<MemoryLog>,
    /// The metrics.
    pub metrics: Arc<MemoryMetrics>,
    /// The Admin API's use cases.
    pub app: App,
    /// Delivery.
    pub courier: Courier,
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new(Environment::Prod)
    }
}

impl Fixture {
    /// A system in this environment, with seeded randomness.
    pub fn new(environment: Environment) -> Self {
        Self::over(environment, SqliteDatabase::migrated())
    }

    /// The same over a database that is there already.
    pub fn over(environment: Environment, database: SqliteDatabase) -> Self {
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(42));
        let database = Arc::new(database);
        let clock = Arc::new(FakeClock::default());
        let endpoints = Arc::new(Endpoints::new(clock.clone()));
        let (events, retries) = (Arc::new(MemoryQueue::default()), Arc::new(MemoryQueue::default()));
        let (bodies, log) = (Arc::new(MemoryStore::default()), Arc::new(MemoryLog::default()));
        let metrics = Arc::new(MemoryMetrics::default());
        let key = SealingKey::parse(&STANDARD.encode([7_u8; 32]).into()).expect("a key");
        let sealer = Sealer::new(key, None, Arc::new(AesGcm), random.clone());
        let app = App {
            database: database.clone(),
            clock: clock.clone(),
            random: random.clone(),
            sealer: sealer.clone(),
            compressor: Arc::new(Deflate),
            retries: retries.clone(),
            events: events.clone(),
            url_rules: environment.webhook_url_rules(),
            retry_window: DeliveryPolicy::default().retry.window(),
            repeatable: None,
        };
        let courier = Courier {
            database: database.clone(),
            clock: clock.clone(),
            random,
            sealer,
            compressor: Arc::new(Deflate),
            http: endpoints.clone(),
            events: events.clone(),
            retries: retries.clone(),
            bodies: bodies.clone(),
            log: log.clone(),
            meter: Meter::new(metrics.clone()),
            policy: DeliveryPolicy::default(),
            url_rules: environment.webhook_url_rules(),
            operators: None,
            mailing: None,
            outage: Outage::default(),
        };
        Self { database, clock, endpoints, events, retries, bodies, log, metrics, app, courier }
    }

    /// Delivery over the one shard.
    pub fn couriers(&self) -> Shards<Courier> {
        Shards::one(self.courier.clone())
    }

    /// The use cases over the one shard.
    pub fn apps(&self) -> Shards<App> {
        Shards::one(self.app.clone())
    }

    /// Whether any delivery is pending.
    pub fn has_pending(&self) -> bool {
        let pending = "SELECT 1 AS one FROM delivery_log WHERE next_attempt_at IS NOT NULL LIMIT 1";
        !self.database.query(Statement::new(pending)).is_empty()
    }

    /// Drives what a consumer does, letting time pass.
    pub fn drive<F: Future>(&self, future: F) -> F::Output {
        self.clock.drive(future).expect("the consumer lives")
    }

    /// Hands messages with these texts to the consumer of the events queue.
    pub async fn deliver_events(&self, texts: &[impl Clone + Into<SharedText>]) -> Vec<Settlement> {
        self.drive(self.couriers().deliver_events(&self.messages(texts)))
    }

    /// Hands messages with these texts to the consumer of the retries queue.
    pub async fn deliver_retries(&self, texts: &[impl Clone + Into<SharedText>]) -> Vec<Settlement> {
        self.drive(self.couriers().deliver_retries(&self.messages(texts)))
    }

    /// Messages with these texts, sent now.
    pub fn messages(&self, texts: &[impl Clone + Into<SharedText>]) -> Vec<Message> {
        let sent_at = self.clock.now();
        texts.iter().map(|body| Message { body: body.clone().into(), sent_at }).collect()
    }

    /// Registers a tenant.
    pub async fn tenant(&self, org_id: &str) -> OrgId {
        let org_id = OrgId::parse(org_id).expect("an orgId");
        let new = NewTenant {
            org_name: OrgName::parse("Some Organization").expect("a name"),
            owner_email: EmailAddress::parse("owner@example.com").expect("an address"),
        };
        self.app.register_tenant(&admins(&org_id), new).await.expect("registered");
        org_id
    }

    /// Creates a webhook for these event types; for all where there are none.
    pub async fn webhook(&self, org_id: &OrgId, url: &str, events: &[&str]) -> CreatedWebhook {
        let filter = if events.is_empty() {
            EventFilter::everything()
        } else {
            EventFilter::parse(events.iter().map(|name| (*name).to_owned()).collect()).expect("event types")
        };
        let requested = RequestedWebhook {
            url: WebhookUrl::parse(url, &self.app.url_rules).expect("a URL"),
            events: filter,
            secret: None,
            auth: RequestedAuthentication { authentication: Authentication::None, token: None },
        };
        self.app.create_webhook(&admins(org_id), requested).await.expect("created")
    }
}
