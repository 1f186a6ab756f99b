//! Where the Workers runtime comes in.

use std::sync::Arc;

use axum::response::Response as AxumResponse;
use cloudflare::{
    AnalyticsEngine, Bindings, D1, Env, Kept, Kv, MailService, Ready, Runtime, Worker, WorkerQueue,
};
use edge::router::Router;
use edge::serve::Surroundings;
use http::HeaderName;
use shared::courier::Meter;
use shared::ports::{Database, Queue};
use shared::settings::SettingFaults;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::config::Config;
use crate::consume::{consume, postpone};
use crate::service::{Ports, WebhookDelivery};
use crate::{cron, ingest, router};

thread_local! {
    static KEPT: Kept<Ready<WebhookDelivery>> = const { Kept::nothing() };
}

impl Worker for WebhookDelivery {
    const LARGEST_BODY: usize = ingest::LARGEST_REQUEST;

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
    let bodies = bindings.bind(Kv::bound, "BODIES");
    let events = bindings.bind_pairs(WorkerQueue::bound, "EVENTS", config.queue_pairs);
    let retries = bindings.bind_pairs(WorkerQueue::bound, "RETRIES", config.queue_pairs);
    let metrics = bindings.bind(AnalyticsEngine::bound, "METRICS");
    // The sender's address without the binding is half a configuration.
    let mailer = config.mail.as_ref().map(|_| bindings.bind(MailService::bound, "MAIL"));
    Some(Ports {
        databases: databases?.map(|database| database.clone() as Arc<dyn Database>),
        bodies: bodies?,
        events: events?.map(|queue| queue.clone() as Arc<dyn Queue>),
        retries: retries?.map(|queue| queue.clone() as Arc<dyn Queue>),
        meter: Meter::new(metrics?),
        mailer: match mailer {
            Some(bound) => Some(bound?),
            None => None,
        },
        version: bindings.version(),
    })
}

/// Answers one request.
#[wasm_bindgen]
pub fn fetch(request: &JsValue, env: JsValue, _context: &JsValue) -> JsValue {
    cloudflare::fetch(&KEPT, request, env)
}

/// Consumes a batch of any queue.
#[wasm_bindgen]
pub fn queue(batch: JsValue, env: JsValue, _context: &JsValue) -> JsValue {
    cloudflare::queue(&KEPT, batch, env, postpone, consume)
}

/// The cron run.
#[wasm_bindgen]
pub fn scheduled(_event: &JsValue, env: JsValue, _context: &JsValue) -> JsValue {
    cloudflare::scheduled(&KEPT, env, cron::run)
}
