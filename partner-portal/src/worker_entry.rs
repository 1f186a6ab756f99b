//! Where the Workers runtime comes in.

use axum::response::Response as AxumResponse;
use cloudflare::{
    Bindings, D1, Env, Kept, Kv, Ready, Runtime, Worker, WorkerRateLimiter, WorkerServiceBinding,
};
use edge::json::LARGEST_BODY;
use edge::rate_limit::RateLimit;
use edge::router::Router;
use edge::serve::Surroundings;
use http::HeaderName;
use shared::settings::SettingFaults;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::config::Config;
use crate::router;
use crate::service::{Portal, Ports};

thread_local! {
    static KEPT: Kept<Ready<Portal>> = const { Kept::nothing() };
}

impl Worker for Portal {
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

    fn misconfigured(surroundings: &Surroundings, faults: &SettingFaults) -> AxumResponse {
        router::misconfigured(surroundings, faults)
    }
}

fn bind(bindings: &mut Bindings<'_>, _config: &Config) -> Option<Ports> {
    // Look up every binding before the first `?`, so that one error names all that are missing.
    let sessions = bindings.bind(D1::bound, "SESSIONS");
    let cache = bindings.bind(Kv::bound, "CACHE");
    let admin_api = bindings.bind(WorkerServiceBinding::bound, "ADMIN_API");
    let webhook_actions = bindings.bind(WorkerRateLimiter::bound, "WEBHOOK_ACTIONS");
    let strangers = bindings.bind(WorkerRateLimiter::bound, "STRANGERS");
    Some(Ports {
        sessions: sessions?,
        cache: cache?,
        admin_api: admin_api?,
        webhook_actions: RateLimit::new(webhook_actions?),
        strangers: RateLimit::new(strangers?),
        version: bindings.version(),
    })
}

/// Answers one request.
#[wasm_bindgen]
pub fn fetch(request: &JsValue, env: JsValue, _context: &JsValue) -> JsValue {
    cloudflare::fetch(&KEPT, request, env)
}
