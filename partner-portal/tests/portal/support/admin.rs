//! The real Admin API behind the service binding.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use admin_api::config::Config;
use admin_api::router::{answer, router};
use admin_api::service::{AdminApi, Ports};
use async_trait::async_trait;
use axum::body::Body;
use edge::ports::{NoAnswer, Platform, ServiceBinding};
use edge::rate_limit::RateLimit;
use edge::router::Router;
use edge::serve::Surroundings;
use edge::testing::settings::Changes;
use edge::testing::{MemoryRateLimiter, TestPlatform};
use http_body_util::BodyExt;
use shared::ports::{Database, Queue};
use shared::shard::Shards;
use shared::testing::{Fixture, MemoryLog, MemoryStore, SeededRandom};

use super::settings;

/// Calls the Admin API's router, and records the calls.
pub(crate) struct AdminBinding {
    router: Router<AdminApi>,
    admin_api: AdminApi,
    surroundings: Surroundings,
    calls: Mutex<Vec<String>>,
    down: AtomicBool,
    /// The end of a path: the next call to such a path fails.
    failing: Mutex<Option<String>>,
    /// Ends of paths, and the answers to calls to such paths.
    stubs: Mutex<Vec<(&'static str, u16, &'static str)>>,
    bodies: Mutex<Vec<String>>,
}

impl AdminBinding {
    pub(crate) fn new(tenants: &Fixture) -> Self {
        Self::configured(tenants, &[])
    }

    /// The Admin API with these changes to its settings.
    pub(crate) fn configured(tenants: &Fixture, changes: Changes<'_>) -> Self {
        // Service tokens need no keys of the provider, so a platform without a network will do.
        let random = Arc::new(SeededRandom::new(11));
        let platform = TestPlatform::new(tenants.clock.clone(), random, Arc::new(MemoryLog::default()));
        let ports = Ports {
            databases: Shards::one(tenants.database.clone() as Arc<dyn Database>),
            cache: Arc::new(MemoryStore::default()),
            retries: Shards::one(tenants.retries.clone() as Arc<dyn Queue>),
            events: Shards::one(tenants.events.clone() as Arc<dyn Queue>),
            failures: RateLimit::new(Arc::new(MemoryRateLimiter::default())),
            partner_requests: RateLimit::new(Arc::new(MemoryRateLimiter::default())),
            version: None,
        };
        let config = Config::read(&settings(changes)).expect("the settings are good");
        let admin_api = AdminApi::new(config, ports, &platform);
        Self {
            router: router(admin_api.clone()).0,
            admin_api,
            surroundings: platform.surroundings(),
            calls: Mutex::default(),
            down: AtomicBool::new(false),
            failing: Mutex::default(),
            stubs: Mutex::default(),
            bodies: Mutex::default(),
        }
    }

    /// Returns every call since the last time, as `GET /path`.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Sets whether calls get no answer.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Answers calls to paths with this end from now on.
    pub(crate) fn stub(&self, path_end: &'static str, status: u16, body: &'static str) {
        self.stubs.lock().unwrap().push((path_end, status, body));
    }

    /// Returns the body of the last call that had one.
    pub(crate) fn last_body(&self) -> String {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().rfind(|body| !body.is_empty()).cloned().unwrap_or_default()
    }

    /// Leaves the next call to a path with this end without an answer.
    pub(crate) fn fail_next(&self, path_end: &str) {
        *self.failing.lock().unwrap() = Some(path_end.to_owned());
    }
}

#[async_trait]
impl ServiceBinding for AdminBinding {
    async fn call(&self, request: http::Request<String>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let path = request.uri().path().to_owned();
        self.calls.lock().unwrap().push(format!("{} {path}", request.method()));
        if self.down.load(Ordering::Relaxed) {
            return Err(NoAnswer("down".into()));
        }
        let fails = self.failing.lock().unwrap().take_if(|end| path.ends_with(end.as_str())).is_some();
        if fails {
            return Err(NoAnswer("failing once".into()));
        }
        self.bodies.lock().unwrap().push(request.body().clone());
        let stub = self.stubs.lock().unwrap().iter().find(|(end, ..)| path.ends_with(end)).copied();
        if let Some((_, status, body)) = stub {
            return Ok(http::Response::builder().status(status).body(body.into()).unwrap());
        }
        tokio::task::yield_now().await;
        let request = request.map(Body::from);
        let response = answer(&self.router, &self.admin_api, &self.surroundings, request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes().to_vec();
        Ok(http::Response::from_parts(parts, bytes))
    }
}
