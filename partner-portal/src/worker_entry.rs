//! Where the Workers runtime comes in.

use std::cell::RefCell;
use std::sync::Arc;

use cloudflare::{
    Bindings, D1, Fetch, Kept, Kv, Ready, SystemClock, WebCrypto, WebRandom, WorkerRateLimiter,
};
use edge::json::LARGEST_BODY;
use edge::rate_limit::RateLimit;
use shared::settings::SettingFaults;
use worker::{Context, Env, Request, Response, event};

use crate::config::Config;
use crate::router::{HEADERS, answer, router};
use crate::service::{Ports, Service};

thread_local! {
    /// Built by a version's first request in an isolate.
    static READY: Kept<Ready<Service>> = const { RefCell::new(None) };
}

fn prepare(env: &Env) -> Result<Ready<Service>, SettingFaults> {
    cloudflare::once(&READY, env, || {
        let (config, ports) = cloudflare::assemble(env, Config::read, bind)?;
        let service = Service::new(config, ports);
        let (router, _) = router(service.clone());
        Ok(Ready::new(service, router))
    })
}

fn bind(bindings: &mut Bindings<'_>) -> Option<Ports> {
    // All are asked for before any is missed, so that each that is not bound is named.
    let sessions = bindings.bind(D1::bound, "SESSIONS");
    let cache = bindings.bind(Kv::bound, "CACHE");
    let admin_api = bindings.bind(cloudflare::Service::bound, "ADMIN_API");
    let webhook_actions = bindings.bind_if_there(WorkerRateLimiter::bound, "WEBHOOK_ACTIONS");
    Some(Ports {
        sessions: sessions?,
        cache: cache?,
        admin_api: admin_api?,
        webhook_actions: RateLimit::new(webhook_actions),
        clock: Arc::new(SystemClock),
        random: Arc::new(WebRandom),
        aead: Arc::new(WebCrypto),
        rs256: Arc::new(WebCrypto),
        documents: Arc::new(Fetch),
        forms: Arc::new(Fetch),
        version: bindings.version(),
    })
}

/// Answers one request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    console_error_panic_hook::set_once();
    match prepare(&env) {
        Ok(Ready { router, service, surroundings }) => {
            let request = cloudflare::from_worker(request, &HEADERS, LARGEST_BODY).await?;
            cloudflare::to_worker(answer(router, &service, &surroundings, request).await).await
        }
        Err(faults) => {
            cloudflare::to_worker(crate::router::misconfigured(&cloudflare::surroundings(), &faults)).await
        }
    }
}
