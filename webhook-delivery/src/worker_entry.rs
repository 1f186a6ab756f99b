//! Where the Workers runtime comes in.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use cloudflare::{
    AnalyticsEngine, Bindings, ConsoleLog, D1, Fetch, Kept, Kv, Ready, SystemClock, WebCrypto, WebRandom,
    WorkerQueue, settle,
};
use edge::cost::Cost;
use serde_json::{Value, json};
use shared::courier::{Courier, Message, Meter, Outage, Settlement};
use shared::ports::Log;
use shared::sealer::Sealer;
use shared::settings::SettingFaults;
use shared::time::Timestamp;
use worker::{
    Context, Env, MessageBatch, MessageExt, Request, Response, ScheduleContext, ScheduledEvent, event,
};

use crate::config::Config;
use crate::ingest::{HEADERS, LARGEST_REQUEST, Service, answer, router};

thread_local! {
    /// Built by a version's first invocation in an isolate.
    static READY: Kept<Ready<Service>> = const { RefCell::new(None) };
}

/// What is bound.
struct Bound {
    database: Arc<D1>,
    bodies: Arc<Kv>,
    events: Arc<WorkerQueue>,
    retries: Arc<WorkerQueue>,
    metrics: Option<Arc<AnalyticsEngine>>,
    version: Option<String>,
}

fn bind(bindings: &mut Bindings<'_>) -> Option<Bound> {
    // All are asked for before any is missed, so that each that is not bound is named.
    let database = bindings.bind(D1::bound, "DATABASE");
    let bodies = bindings.bind(Kv::bound, "BODIES");
    let events = bindings.bind(WorkerQueue::bound, "EVENTS");
    let retries = bindings.bind(WorkerQueue::bound, "RETRIES");
    let metrics = bindings.bind_if_there(AnalyticsEngine::bound, "METRICS");
    let version = bindings.version();
    Some(Bound { database: database?, bodies: bodies?, events: events?, retries: retries?, metrics, version })
}

fn prepare(env: &Env) -> Result<Ready<Service>, SettingFaults> {
    cloudflare::once(&READY, env, || {
        let (config, Bound { database, bodies, events, retries, metrics, version }) =
            cloudflare::assemble(env, Config::read, bind)?;
        let (sealing, previous) = (config.sealing_key.clone(), config.previous_sealing_key.clone());
        let courier = Courier {
            database,
            clock: Arc::new(SystemClock),
            random: Arc::new(WebRandom),
            sealer: Sealer::new(sealing, previous, Arc::new(WebCrypto), Arc::new(WebRandom)),
            http: Arc::new(Fetch),
            events,
            retries,
            bodies,
            log: Arc::new(ConsoleLog),
            meter: metrics.map_or_else(Meter::default, |metrics| Meter::new(metrics)),
            policy: config.policy,
            operators: config.operators.clone(),
            url_rules: config.environment.webhook_url_rules(),
            outage: Outage::default(),
        };
        let service = Service { config, courier, version };
        let (router, _) = router(service.clone());
        Ok(Ready::new(service, router))
    })
}

/// Answers one request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    console_error_panic_hook::set_once();
    match prepare(&env) {
        Ok(Ready { router, service, surroundings }) => {
            let request = cloudflare::from_worker(request, &HEADERS, LARGEST_REQUEST).await?;
            cloudflare::to_worker(answer(router, &service, &surroundings, request).await).await
        }
        Err(faults) => cloudflare::misconfigured(&cloudflare::surroundings(), &faults).await,
    }
}

/// Consumes a batch of either queue. Always `Ok`: each message is settled by itself.
#[event(queue)]
async fn queue(batch: MessageBatch<Value>, env: Env, _context: Context) -> worker::Result<()> {
    console_error_panic_hook::set_once();
    let name = batch.queue();
    let messages: Vec<_> = batch.raw_iter().collect();
    let ready = match prepare(&env) {
        Ok(ready) => ready,
        Err(faults) => {
            ConsoleLog.write(
                json!({"message": "misconfigured", "level": "error", "queue": name, "faults": faults}),
            );
            // Dead letters have no queue to go to after theirs: they leave more time to mend it.
            let pause = if name == "webhook-dead-letters" { 900 } else { 60 };
            for message in &messages {
                settle(message, Settlement::Retry(Duration::from_secs(pause)));
            }
            return Ok(());
        }
    };
    let cost = Cost::default();
    let mut courier = ready.service.courier;
    courier.database = cost.meter(courier.database);
    let started = courier.clock.now();
    // What is no text decodes as nothing of ours, and its batch mates go on.
    let texts: Vec<Message> = messages
        .iter()
        .map(|message| Message {
            body: message.body().as_string().unwrap_or_default(),
            sent_at: Timestamp::from_milliseconds(
                i64::try_from(message.timestamp().as_millis()).unwrap_or_default(),
            ),
        })
        .collect();
    let settlements = match name.as_str() {
        "webhook-retries" => courier.deliver_retries(&texts).await,
        "webhook-dead-letters" => courier.keep_dead_letters(&texts).await,
        _ => courier.deliver_events(&texts).await,
    };
    for (message, settlement) in messages.iter().zip(&settlements) {
        settle(message, *settlement);
    }
    let acknowledged =
        settlements.iter().filter(|settlement| **settlement == Settlement::Acknowledge).count();
    let mut line = json!({
        "message": "batch", "queue": name, "messages": messages.len(), "acknowledged": acknowledged,
        "milliseconds": courier.clock.now().since(started).as_millis(),
    });
    if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), cost.fields()) {
        line.extend(fields);
    }
    ConsoleLog.write(line);
    Ok(())
}

/// The cron run.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    console_error_panic_hook::set_once();
    match prepare(&env) {
        Ok(ready) => {
            let courier = ready.service.courier;
            let done = [
                courier.sweep().await.map(|_| ()),
                courier.clean().await.map(|_| ()),
                courier.seal_anew().await.map(|_| ()),
            ];
            for done in done {
                if let Err(error) = done {
                    let detail = error.to_string();
                    ConsoleLog
                        .write(json!({"message": "cron run failed", "level": "error", "detail": detail}));
                }
            }
        }
        Err(faults) => {
            ConsoleLog.write(json!({"message": "misconfigured", "level": "error", "faults": faults}))
        }
    }
}
