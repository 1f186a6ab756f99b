//! Where the Workers runtime comes in.

use std::sync::Arc;

use axum::response::Response as AxumResponse;
use cloudflare::{Bindings, D1, Env, Kept, Kv, Ready, Runtime, Worker, WorkerQueue, WorkerRateLimiter};
use edge::json::LARGEST_BODY;
use edge::rate_limit::RateLimit;
use edge::router::Router;
use edge::serve::Surroundings;
use http::HeaderName;
use shared::ports::{Database, Queue};
use shared::settings::SettingFaults;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::config::Config;
use crate::router;
use crate::service::{AdminApi, Ports};

thread_local! {
    static KEPT: Kept<Ready<AdminApi>> = const { Kept::nothing() };
}

impl Worker for AdminApi {
    const LARGEST_BODY: usize = LARGEST_BODY;

    fn headers() -> impl AsRef<[HeaderName]> {
        router::HEADERS
    }

    fn assemble(env: &Env) -> Result<Self, SettingFaults> {
        let (config, ports) = cloudflare::settings_and_bindings(env, Config::read, bind)?;
        Ok(Self::new(config, ports, &Runtime))
    }

    fn router(&self) -> Router<Self> {
        router::router(self.clone()).0
    }

    async fn answer(
        &self,
        router: &Router<Self>,
        surroundings: &Surroundings,
        request: axum::extract::Request,
    ) -> AxumResponse {
        router::answer(router, self, surroundings, request).await
    }
}

fn bind(bindings: &mut Bindings<'_>, config: &Config) -> Option<Ports> {
    // Look up every binding before the first `?`, so that one error names all that are missing.
    let databases = bindings.bind_shards(D1::bound, "DATABASE", config.shards);
    let cache = bindings.bind(Kv::bound, "CACHE");
    let retries = bindings.bind_pairs(WorkerQueue::bound, "RETRIES", config.queue_pairs);
    let events = bindings.bind_pairs(WorkerQueue::bound, "EVENTS", config.queue_pairs);
    let failures = bindings.bind(WorkerRateLimiter::bound, "FAILURES");
    let partner_requests = bindings.bind(WorkerRateLimiter::bound, "PARTNER_REQUESTS");
    Some(Ports {
        databases: databases?.map(|database| database.clone() as Arc<dyn Database>),
        cache: cache?,
        retries: retries?.map(|queue| queue.clone() as Arc<dyn Queue>),
        events: events?.map(|queue| queue.clone() as Arc<dyn Queue>),
        failures: RateLimit::new(failures?),
        partner_requests: RateLimit::new(partner_requests?),
        version: bindings.version(),
    })
}

/// Answers one request.
#[wasm_bindgen]
pub fn fetch(request: &JsValue, env: JsValue, _context: &JsValue) -> JsValue {
    cloudflare::fetch(&KEPT, request, env)
}
