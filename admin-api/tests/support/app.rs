//! A Worker in memory.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use admin_api::config::Config;
use admin_api::router::{answer, router};
use admin_api::routes::Description;
use admin_api::service::{AdminApi, Ports};
use axum::body::Body;
use axum::response::Response;
use edge::ports::Platform;
use edge::rate_limit::RateLimit;
use edge::router::Router;
use edge::serve::Surroundings;
use edge::testing::settings::reader;
use edge::testing::{Isolate, MemoryRateLimiter, TestPlatform};
use serde_json::json;
use shared::ports::{Database, Queue};
use shared::shard::Shards;
use shared::testing::{FakeClock, MemoryLog, MemoryQueue, MemoryStore, SeededRandom, SqliteDatabase};

use super::{Issuer, SETTINGS};

/// A route of the API.
pub(crate) type Route = edge::routes::Route<Description>;

/// The id of the upload that every isolate is of.
pub(crate) const VERSION: &str = "00000000-0000-4000-8000-000000000001";

/// Everything around the Worker that a test can steer or look into; all its isolates share it.
#[derive(Clone, Default)]
pub(crate) struct Around {
    pub(crate) database: Arc<SqliteDatabase>,
    pub(crate) cache: Arc<MemoryStore>,
    pub(crate) retries: Arc<MemoryQueue>,
    pub(crate) events: Arc<MemoryQueue>,
    pub(crate) failures: Arc<MemoryRateLimiter>,
    pub(crate) partner_requests: Arc<MemoryRateLimiter>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) issuer: Arc<Issuer>,
}

/// One isolate of the Admin API.
pub(crate) struct TestApp {
    around: Around,
    pub(crate) routes: Vec<Route>,
    router: Router<AdminApi>,
    admin_api: AdminApi,
    surroundings: Surroundings,
}

impl Deref for TestApp {
    type Target = Around;

    fn deref(&self) -> &Around {
        &self.around
    }
}

impl Isolate for TestApp {
    async fn answer(&self, request: http::Request<Body>) -> Response {
        answer(&self.router, &self.admin_api, &self.surroundings, request).await
    }
}

impl Default for TestApp {
    fn default() -> Self {
        Self::configured(&[])
    }
}

impl TestApp {
    /// With these settings in place of the usual ones.
    pub(crate) fn configured(settings: &[(&str, &str)]) -> Self {
        Self::start(Around::default(), settings, 1)
    }

    /// Another isolate of the same Worker, with nothing in memory.
    pub(crate) fn another_isolate(&self) -> Self {
        self.deployed_with(&[])
    }

    /// The same Worker, deployed again with these settings in place of the usual ones.
    pub(crate) fn deployed_with(&self, settings: &[(&str, &str)]) -> Self {
        Self::start(self.around.clone(), settings, 2)
    }

    fn start(around: Around, settings: &[(&str, &str)], seed: u64) -> Self {
        let changes: Vec<_> = settings.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let random = Arc::new(SeededRandom::new(seed));
        let platform = TestPlatform {
            documents: around.issuer.clone(),
            ..TestPlatform::new(around.clock.clone(), random, around.log.clone())
        };
        let ports = Ports {
            databases: Shards::one(around.database.clone() as Arc<dyn Database>),
            cache: around.cache.clone(),
            retries: Shards::one(around.retries.clone() as Arc<dyn Queue>),
            events: Shards::one(around.events.clone() as Arc<dyn Queue>),
            failures: RateLimit::new(around.failures.clone()),
            partner_requests: RateLimit::new(around.partner_requests.clone()),
            version: Some(VERSION.to_owned()),
        };
        let admin_api = AdminApi::new(Config::read(&reader(&SETTINGS, &changes)).unwrap(), ports, &platform);
        let (router, routes) = router(admin_api.clone());
        Self { around, routes, router, admin_api, surroundings: platform.surroundings() }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Given a tenant of this ID.
    pub(crate) async fn given_tenant(&self, org_id: &str) {
        let body = json!({"orgName": "Some Organization", "ownerEmail": "owner@example.com"});
        self.admin().post(&format!("/tenants/{org_id}/register"), body).await.is(201);
    }

    /// Given a tenant with an API key: the key.
    pub(crate) async fn given_key(&self, org_id: &str) -> String {
        self.given_tenant(org_id).await;
        let issued = self.admin().post("/api-keys", json!({"orgId": org_id})).await;
        issued.is(201).text_at("apiKey")
    }

    /// Given a webhook of a tenant: its path.
    pub(crate) async fn given_webhook(&self, org_id: &str) -> String {
        let body = json!({"url": "https://hooks.acme-corp.com/in"});
        let created = self.admin().post(&format!("/tenants/{org_id}/webhooks"), body).await;
        format!("/tenants/{org_id}/webhooks/{}", created.is(201).text_at("webhookId"))
    }
}
