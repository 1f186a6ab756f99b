//! What is compared: our Workers and those of `local/bench`, each with the same tenants, behind the same calls.
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
use super::load::{self, Call};
use super::operations::Extent;
use super::rivals::FRESH;
use super::sign_in::sign_in;

/// The most webhooks of a tenant.
const MOST_WEBHOOKS: u64 = 20;
/// Connections that set the scene.
const CONNECTIONS: usize = 16;
/// How long a consumer may still work once an event has arrived: ours writes down how the delivery went.
const AFTER_ARRIVAL: Duration = Duration::from_millis(30);

/// Tenants whose webhooks have the same paths.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) tenants: usize,
    /// The webhooks of each.
    pub(super) webhooks: usize,
}

impl Group {
    /// The ID of a tenant.
    pub(super) fn tenant(&self, number: usize) -> String {
        format!("bench-{}-{number}", self.name)
    }

    /// The owner of the tenants.
    pub(super) fn owner(&self) -> String {
        format!("owner@{}.example.com", self.name)
    }

    /// The paths of each tenant's webhooks on its side's endpoint.
    pub(super) fn paths(&self) -> Vec<String> {
        (0..self.webhooks).map(|number| format!("/{}/{number}", self.name)).collect()
    }
}

/// All that are compared.
pub(super) struct Sides {
    pub(super) ours: Side,
    /// The floor with a database.
    pub(super) floor: Side,
    /// The bare floor.
    pub(super) bare: Side,
    /// Hono and jose.
    pub(super) hono: Side,
    /// Our portal, to somebody who is signed in.
    pub(super) portal: Side,
}

impl Sides {
    /// All sides, after an admin has created the tenants and webhooks of each.
    pub(super) fn set_up(stack: &Stack, credentials: &Credentials, extent: &Extent) -> Result<Self> {
        let page = format!("/tenants/{}", extent.one.tenant(0));
        let side = |api: &str, intake: &str, isolate| {
            Ok::<_, anyhow::Error>(Side {
                page: page.clone(),
                ..Side::new(stack, credentials, [api, intake], isolate)?
            })
        };
        let mut sides = Self {
            ours: side("admin-api", "webhook-delivery", FRESH)?,
            floor: side("floor", "floor", "")?,
            bare: side("bare", "bare", "empty")?,
            hono: side("hono", "hono", "hono")?,
            portal: side("partner-portal", "webhook-delivery", "")?,
        };
        for group in extent.groups() {
            sides.ours.register(group)?;
            sides.ours.create_webhooks(group)?;
            sides.hono.register(group)?;
            for floor in [&sides.floor, &sides.bare] {
                floor.tell(group)?;
            }
        }
        let cookie = sign_in(stack, &extent.one.owner())?;
        sides.portal.admin = Caller::new(stack.direct_port("partner-portal")?, &[("cookie", &cookie)]);
        sides.portal.page = "/dashboard".to_owned();
        Ok(sides)
    }
}

/// Our Workers, or those of a rival.
pub(super) struct Side {
    /// An admin who asks about tenants.
    pub(super) admin: Caller,
    /// Somebody who asks about tenants without credentials.
    pub(super) stranger: Caller,
    /// EventBridge, which hands events in.
    pub(super) event_source: Caller,
    /// The endpoint of all webhooks.
    pub(super) endpoint: Endpoint,
    /// Whoever asks for fresh isolates.
    pub(super) fresh: Caller,
    /// The name by which the Worker `cold` knows the Worker of the isolates.
    isolate: &'static str,
    /// What the admin reads: the tenant with one webhook.
    pub(super) page: String,
    /// Webhooks asked for so far.
    posted: AtomicU64,
}

impl Side {
    fn new(
        stack: &Stack,
        credentials: &Credentials,
        [api, intake]: [&str; 2],
        isolate: &'static str,
    ) -> Result<Self> {
        let bearer = format!("Bearer {}", credentials.admin_jwt);
        let admin = [("x-admin-api-key", credentials.admin_api_key.as_str()), ("authorization", &bearer)];
        let api = stack.direct_port(api)?;
        Ok(Self {
            admin: Caller::new(api, &admin),
            stranger: Caller::new(api, &[]),
            event_source: Caller::new(
                stack.direct_port(intake)?,
                &[("x-events-key", &credentials.events_key)],
            ),
            endpoint: Endpoint::start().context("no port is free for the endpoint")?,
            fresh: Caller::new(stack.direct_port("cold")?, &[]),
            isolate,
            page: String::new(),
            posted: AtomicU64::new(0),
        })
    }

    /// Registers the tenants.
    fn register(&self, group: &Group) -> Result<()> {
        let owner = json!({"orgName": "Measured", "ownerEmail": group.owner()});
        self.create(group, "/register", &[owner])
    }

    /// Creates each tenant's webhooks.
    fn create_webhooks(&self, group: &Group) -> Result<()> {
        let webhooks: Vec<_> = self.urls(group).into_iter().map(|url| json!({"url": url})).collect();
        self.create(group, "/webhooks", &webhooks)
    }

    /// Tells a floor the webhooks of each tenant, which are all that a floor knows of tenants.
    fn tell(&self, group: &Group) -> Result<()> {
        self.create(group, "", &[json!({"urls": self.urls(group)})])
    }

    fn urls(&self, group: &Group) -> Vec<String> {
        group.paths().iter().map(|path| self.endpoint.url(path)).collect()
    }

    /// Sends each of these bodies for each tenant.
    fn create(&self, group: &Group, rest: &str, bodies: &[Value]) -> Result<()> {
        let of_tenant = |number: usize| {
            let path = format!("/tenants/{}{rest}", group.tenant(number));
            bodies.iter().map(move |body| Call::post(path.clone(), body.to_string(), 201))
        };
        let calls: Vec<Call> = (0..group.tenants).flat_map(of_tenant).collect();
        load::put_all(&self.admin, CONNECTIONS, &calls).context("the scene cannot be set")
    }

    /// The request that creates one more webhook, for the first of these tenants that has room for the webhook.
    pub(super) fn new_webhook(&self, group: &Group) -> Call<'static> {
        let tenant = self.posted.fetch_add(1, Ordering::Relaxed) / MOST_WEBHOOKS;
        let tenant = group.tenant(usize::try_from(tenant).unwrap_or_default());
        let body = json!({"url": self.endpoint.url("/new")}).to_string();
        Call::post(format!("/tenants/{tenant}/webhooks"), body, 201)
    }

    /// The request that a fresh isolate answers.
    pub(super) fn fresh_isolate(&self) -> Call<'static> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        Call::get(format!("/{}/{}", self.isolate, COUNT.fetch_add(1, Ordering::Relaxed)), 401)
    }

    /// The request that hands events in: an envelope, or an array of envelopes.
    pub(super) fn publication(body: String) -> Call<'static> {
        Call::post("/events", body, 202)
    }

    /// Waits until the queue is empty. The queue is in order, and is handed over a batch at a time, so nothing older is
    /// left behind an event that has arrived.
    pub(super) fn drain(&self, group: &Group) -> Result<()> {
        let last = Event::of(&group.tenant(0));
        Self::publication(last.body).send(&mut Connection::open(&self.event_source)?)?;
        last_arrival(&self.endpoint, &[last.id], &group.paths()).context("draining the queue")?;
        thread::sleep(AFTER_ARRIVAL);
        Ok(())
    }
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

    /// As many new events, for the tenants of the group in turn.
    pub(super) fn several(group: &Group, count: usize) -> Vec<Self> {
        (0..count).map(|number| Self::of(&group.tenant(number % group.tenants))).collect()
    }
}

/// The body of a request with several events.
pub(super) fn array(events: &[Event]) -> String {
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    format!("[{}]", bodies.join(","))
}
