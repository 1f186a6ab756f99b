//! The two that are compared: our Workers, and the baseline of `local/baseline`, each with the same tenants.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use local::credentials::Credentials;
use local::endpoint::Endpoint;
use local::stack::Stack;
use serde_json::{Value, json};

use super::arrivals::last_arrival;
use super::connection::{Caller, Connection};
use super::load::Call;

/// A tenant without a webhook.
pub(super) const QUIET: &str = "bench-quiet";
/// A tenant with one.
pub(super) const ONE_WEBHOOK: &str = "bench-one";
/// A tenant with [`SEVERAL`].
pub(super) const SEVERAL_WEBHOOKS: &str = "bench-several";
/// Webhooks of one tenant, for fanning out.
pub(super) const SEVERAL: usize = 5;

/// What a consumer may still have to do once an event has arrived: our one write of how it went.
const AFTER_ARRIVAL: Duration = Duration::from_millis(30);

/// One of the two.
pub(super) struct Side {
    /// Where tenants are asked about, as an admin.
    pub(super) admin: Caller,
    /// The same without credentials.
    pub(super) stranger: Caller,
    /// Where events are taken in, as EventBridge sends them.
    pub(super) event_source: Caller,
    /// Where the tenants' webhooks lead.
    pub(super) endpoint: Endpoint,
}

impl Side {
    /// Our Workers, with tenants and webhooks made as an admin makes them.
    pub(super) fn ours(stack: &Stack, credentials: &Credentials) -> Result<Self> {
        let (api, intake) = (stack.direct_port("admin-api")?, stack.direct_port("webhook-delivery")?);
        let side = Self::new(api, intake, credentials)?;
        for (tenant, webhooks) in tenants() {
            let owner = json!({"orgName": "Measured", "ownerEmail": "owner@example.com"});
            side.create(&format!("/tenants/{tenant}/register"), &owner)?;
            for path in &webhooks {
                let webhook = json!({"url": side.endpoint.url(path)});
                side.create(&format!("/tenants/{tenant}/webhooks"), &webhook)?;
            }
        }
        Ok(side)
    }

    /// The baseline, with the same tenants.
    pub(super) fn baseline(stack: &Stack, credentials: &Credentials) -> Result<Self> {
        let port = stack.direct_port("baseline")?;
        let side = Self::new(port, port, credentials)?;
        for (tenant, webhooks) in tenants() {
            let urls: Vec<String> = webhooks.iter().map(|path| side.endpoint.url(path)).collect();
            let body = json!({"orgName": "Measured", "ownerEmail": "owner@example.com", "urls": urls});
            side.create(&format!("/tenants/{tenant}"), &body)?;
        }
        Ok(side)
    }

    fn new(api: u16, intake: u16, credentials: &Credentials) -> Result<Self> {
        let bearer = format!("Bearer {}", credentials.admin_jwt);
        let admin = [("x-admin-api-key", credentials.admin_api_key.as_str()), ("authorization", &bearer)];
        Ok(Self {
            admin: Caller::new(api, &admin),
            stranger: Caller::new(api, &[]),
            event_source: Caller::new(intake, &[("x-events-key", &credentials.events_key)]),
            endpoint: Endpoint::start().context("no port is free for the endpoint")?,
        })
    }

    fn create(&self, path: &str, body: &Value) -> Result<()> {
        let call = Call { path, body: Some(body.to_string()), expected: 201 };
        call.send(&mut Connection::open(&self.admin)?).context("the scene cannot be set")
    }

    /// The request that hands events in: one envelope, or an array of them.
    pub(super) fn publication(body: String) -> Call<'static> {
        Call { path: "/events", body: Some(body), expected: 202 }
    }

    /// Waits until the queue is empty. It is handed over in order and a batch at a time: behind an event that has
    /// arrived, there is nothing older.
    pub(super) fn drain(&self) -> Result<()> {
        let last = Event::of(ONE_WEBHOOK);
        Self::publication(last.body).send(&mut Connection::open(&self.event_source)?)?;
        last_arrival(&self.endpoint, &[last.id], &paths(ONE_WEBHOOK)).context("draining the queue")?;
        thread::sleep(AFTER_ARRIVAL);
        Ok(())
    }
}

/// Every tenant, with the paths that its webhooks lead to.
fn tenants() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    [QUIET, ONE_WEBHOOK, SEVERAL_WEBHOOKS].into_iter().map(|tenant| (tenant, paths(tenant)))
}

/// Where a tenant's webhooks lead, on its side's endpoint.
pub(super) fn paths(tenant: &str) -> Vec<String> {
    let webhooks = match tenant {
        ONE_WEBHOOK => 1,
        SEVERAL_WEBHOOKS => SEVERAL,
        _ => 0,
    };
    (0..webhooks).map(|number| format!("/{tenant}/{number}")).collect()
}

/// An event as EventBridge would send it.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) body: String,
}

impl Event {
    /// A fresh one for this tenant.
    pub(super) fn of(tenant: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("5f0c7a52-0000-4000-8000-{number:012}");
        let body = json!({
            "version": "0", "id": id, "detail-type": "KeyAdded", "source": "spk.api", "account": "123456789012",
            "time": "2026-04-02T10:00:00Z", "region": "eu-central-1", "resources": [],
            "detail": {
                "version": 7, "partnerId": tenant,
                "data": {"keyId": number, "lockId": 7, "name": "Front door", "validUntil": "2026-12-31T23:59:59Z"},
            },
        });
        Self { id, body: body.to_string() }
    }

    /// So many fresh ones.
    pub(super) fn several(tenant: &str, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::of(tenant)).collect()
    }
}

/// Several in one request.
pub(super) fn array(events: &[Event]) -> String {
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    format!("[{}]", bodies.join(","))
}
