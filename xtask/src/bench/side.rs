//! The two sides of a comparison, with the same tenants: our Workers, and the baseline of `local/baseline`.
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
/// A tenant with one webhook.
pub(super) const ONE_WEBHOOK: &str = "bench-one";
/// A tenant with [`SEVERAL`] webhooks.
pub(super) const SEVERAL_WEBHOOKS: &str = "bench-several";
/// The number of webhooks of a tenant to which events fan out.
pub(super) const SEVERAL: usize = 5;

/// How long a consumer may still work once an event has arrived: ours writes down how the delivery went.
const AFTER_ARRIVAL: Duration = Duration::from_millis(30);

/// Our Workers or the baseline.
pub(super) struct Side {
    /// An admin who asks about tenants.
    pub(super) admin: Caller,
    /// Somebody who asks about tenants without credentials.
    pub(super) stranger: Caller,
    /// EventBridge, which hands events in.
    pub(super) event_source: Caller,
    /// The endpoint of all webhooks.
    pub(super) endpoint: Endpoint,
}

impl Side {
    /// Our Workers, after an admin has created the tenants and webhooks.
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

    /// The request that hands events in: an envelope, or an array of envelopes.
    pub(super) fn publication(body: String) -> Call<'static> {
        Call { path: "/events", body: Some(body), expected: 202 }
    }

    /// Waits until the queue is empty. The queue is in order, and is handed over a batch at a time, so nothing older is
    /// left behind an event that has arrived.
    pub(super) fn drain(&self) -> Result<()> {
        let last = Event::of(ONE_WEBHOOK);
        Self::publication(last.body).send(&mut Connection::open(&self.event_source)?)?;
        last_arrival(&self.endpoint, &[last.id], &paths(ONE_WEBHOOK)).context("draining the queue")?;
        thread::sleep(AFTER_ARRIVAL);
        Ok(())
    }
}

/// Every tenant, with the paths of its webhooks.
fn tenants() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    [QUIET, ONE_WEBHOOK, SEVERAL_WEBHOOKS].into_iter().map(|tenant| (tenant, paths(tenant)))
}

/// The paths of a tenant's webhooks on its side's endpoint.
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
    /// A new event for this tenant.
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

    /// As many new events.
    pub(super) fn several(tenant: &str, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::of(tenant)).collect()
    }
}

/// The body of a request with several events.
pub(super) fn array(events: &[Event]) -> String {
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    format!("[{}]", bodies.join(","))
}
