//! Where the Workers runtime comes in.

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use cloudflare::{D1, Fetch, Kv, SystemClock, WebCrypto, WebRandom};
use edge::json::LARGEST_BODY;
use edge::serve::Surroundings;
use shared::settings::SettingFaults;
use worker::{Context, Env, Request, Response, event};

use crate::config::Config;
use crate::router::{HEADERS, answer, router};
use crate::service::{Ports, Service};

#[derive(Clone)]
struct Ready {
    router: Router,
    service: Service,
    surroundings: Surroundings,
}

thread_local! {
    /// Built by an isolate's first request: its environment never changes.
    static READY: RefCell<Option<Ready>> = const { RefCell::new(None) };
}

fn prepare(env: &Env) -> Result<Ready, SettingFaults> {
    if let Some(ready) = READY.with_borrow(Clone::clone) {
        return Ok(ready);
    }
    let config = Config::read(&cloudflare::read_setting(env));
    let bindings = bind(env);
    let (config, ports) = match (config, bindings) {
        (Ok(config), Ok(ports)) => (config, ports),
        (config, bindings) => {
            let mut faults = config.err().unwrap_or_default();
            faults.extend(bindings.err().unwrap_or_default());
            return Err(faults);
        }
    };
    let service = Service::new(config, ports);
    let (router, _) = router(service.clone());
    let ready = Ready { router, service, surroundings: cloudflare::surroundings() };
    READY.set(Some(ready.clone()));
    Ok(ready)
}

fn bind(env: &Env) -> Result<Ports, SettingFaults> {
    let mut faults = SettingFaults::new();
    let mut missing = |name: &str| {
        faults.insert(name.to_owned(), "is not bound".to_owned());
    };
    let sessions = D1::bound(env, "SESSIONS").map_err(|_| missing("SESSIONS"));
    let cache = Kv::bound(env, "CACHE").map_err(|_| missing("CACHE"));
    let admin_api = cloudflare::Service::bound(env, "ADMIN_API").map_err(|_| missing("ADMIN_API"));
    match (sessions, cache, admin_api) {
        (Ok(sessions), Ok(cache), Ok(admin_api)) => Ok(Ports {
            sessions: Arc::new(sessions),
            cache: Arc::new(cache),
            admin_api: Arc::new(admin_api),
            clock: Arc::new(SystemClock),
            random: Arc::new(WebRandom),
            aead: Arc::new(WebCrypto),
            rs256: Arc::new(WebCrypto),
            documents: Arc::new(Fetch),
            forms: Arc::new(Fetch),
        }),
        _ => Err(faults),
    }
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
