//! A portal in memory, with real SQL, the real Admin API behind the binding, a provider that can misbehave, and browsers.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod admin;
mod browser;
mod passing_clock;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use edge::ports::Platform;
use edge::rate_limit::RateLimit;
use edge::router::Router;
use edge::testing::settings::{Changes, reader};
use edge::testing::{FakeProvider, MemoryRateLimiter, Registration, TestPlatform};
use partner_portal::config::Config;
use partner_portal::router::router;
use partner_portal::service::{Portal, Ports};
use serde_json::Value;
use shared::courier::Settlement;
use shared::ports::Statement;
use shared::testing::{FakeClock, Fixture, MemoryLog, MemoryStore, SeededRandom, SqliteDatabase};

pub(crate) use admin::AdminBinding;
pub(crate) use browser::{Browser, Page};
use passing_clock::PassingClock;

/// The id of the portal's version.
pub(crate) const VERSION: &str = "00000000-0000-4000-8000-000000000001";
/// The portal's origin.
pub(crate) const ORIGIN: &str = "https://portal.example";
/// A partner's endpoint.
pub(crate) const ENDPOINT: &str = "https://partner.example.com/hook";
/// The owner of `acme-corp`.
pub(crate) const EMAIL: &str = "owner@acme-corp.example";
/// The portal's client id at the provider.
pub(crate) const CLIENT_ID: &str = "client-of-the-portal";
/// The provider where people sign in.
pub(crate) const ISSUER: &str = "https://tenant.auth0.example/";
/// The settings of both Workers.
pub(crate) const SETTINGS: [(&str, &str); 14] = [
    ("ENVIRONMENT", "prod"),
    ("SHARDS", "1"),
    ("PORTAL_ORIGIN", ORIGIN),
    ("ADMIN_API_ORIGIN", "https://api.example"),
    ("AUTH0_ISSUER", ISSUER),
    ("AUTH0_CLIENT_ID", CLIENT_ID),
    ("AUTH0_CLIENT_SECRET", "client-secret-0123456789abcdef0123456789"),
    ("AUTH0_AUDIENCE", "https://admin-api.example"),
    ("ADMIN_API_KEY", "admin-api-key-0123456789abcdef0123456789"),
    ("SERVICE_JWT_SECRET", "service-jwt-secret-0123456789abcdef012345"),
    ("SESSION_KEY", "session-key-0123456789abcdef0123456789ab"),
    ("WEBHOOK_SECRETS_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ("EVENTS_API_KEY", "events-api-key-0123456789abcdef0123456789"),
    ("UNUSED", "unused"),
];

/// Reads [`SETTINGS`] with some values changed or taken away.
pub(crate) fn settings<'a>(changes: Changes<'a>) -> impl Fn(&str) -> Option<String> + 'a {
    reader(&SETTINGS, changes)
}

/// The portal's registration at the provider, as in [`SETTINGS`].
fn registration() -> Registration {
    let setting = |name| settings(&[])(name).expect("a setting");
    Registration {
        issuer: ISSUER.to_owned(),
        client_id: setting("AUTH0_CLIENT_ID"),
        client_secret: setting("AUTH0_CLIENT_SECRET"),
    }
}

/// The portal with everything around it.
pub(crate) struct World {
    /// The tenants' database, use cases and courier.
    pub(crate) tenants: Arc<Fixture>,
    /// The portal's own database.
    pub(crate) sessions: Arc<SqliteDatabase>,
    /// The clock of all parts.
    pub(crate) clock: Arc<FakeClock>,
    /// The portal's view of the clock: its waits are over at once.
    pub(crate) passing: Arc<PassingClock>,
    /// The provider in Auth0's place.
    pub(crate) provider: Arc<FakeProvider>,
    /// The Admin API behind the binding.
    pub(crate) admin: Arc<AdminBinding>,
    /// The limit on forms that have an endpoint asked.
    pub(crate) webhook_actions: Arc<MemoryRateLimiter>,
    /// The limit on beginning to sign in, and on failing to.
    pub(crate) strangers: Arc<MemoryRateLimiter>,
    /// Every log line.
    pub(crate) log: Arc<MemoryLog>,
    cache: Arc<MemoryStore>,
    random: Arc<SeededRandom>,
}

impl Default for World {
    fn default() -> Self {
        let tenants = Arc::new(Fixture::default());
        let clock = tenants.clock.clone();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        Self {
            sessions: Arc::new(SqliteDatabase::with_migrations(&folder)),
            provider: Arc::new(FakeProvider::new(registration(), clock.clone())),
            admin: Arc::new(AdminBinding::new(&tenants)),
            webhook_actions: Arc::default(),
            strangers: Arc::default(),
            log: Arc::default(),
            cache: Arc::default(),
            random: Arc::new(SeededRandom::new(7)),
            passing: Arc::new(PassingClock::new(tenants.clone())),
            clock,
            tenants,
        }
    }
}

impl World {
    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser {
        self.browser_with(&[])
    }

    /// A browser without cookies, on a portal with other settings.
    pub(crate) fn browser_with(&self, changes: &[(&str, Option<&str>)]) -> Browser {
        let (router, portal) = self.portal(changes);
        Browser::new(router, portal, self.platform().surroundings(), self.provider.clone())
    }

    fn platform(&self) -> TestPlatform {
        TestPlatform {
            documents: self.provider.clone(),
            forms: self.provider.clone(),
            ..TestPlatform::new(self.passing.clone(), self.random.clone(), self.log.clone())
        }
    }

    /// A portal with these changes to its settings.
    pub(crate) fn portal(&self, changes: &[(&str, Option<&str>)]) -> (Router<Portal>, Portal) {
        let config = Config::read(&settings(changes)).expect("the settings are good");
        let ports = Ports {
            sessions: self.sessions.clone(),
            cache: self.cache.clone(),
            admin_api: self.admin.clone(),
            webhook_actions: RateLimit::new(self.webhook_actions.clone()),
            strangers: RateLimit::new(self.strangers.clone()),
            version: Some(VERSION.to_owned()),
        };
        let portal = Portal::new(config, ports, &self.platform());
        (router(portal.clone()).0, portal)
    }

    /// A browser of the person who has registered `acme-corp`; the key is not read yet.
    pub(crate) async fn owner(&self) -> Browser {
        self.registered(EMAIL, "acme-corp").await
    }

    /// A browser of a person who has registered this organization; the key is not read yet.
    pub(crate) async fn registered(&self, email: &str, org_id: &str) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(email).await;
        let page = browser.get("/onboarding").await;
        let sent = browser.submit(&page, "/onboarding", &[("orgId", org_id), ("orgName", "Acme Corp")]).await;
        assert_eq!(sent.location(), "/dashboard", "{}", sent.body);
        browser
    }

    /// A browser of a person who has registered this organization, read its key, and set [`ENDPOINT`] as webhook URL.
    pub(crate) async fn connected(&self, email: &str, org_id: &str) -> Browser {
        let mut browser = self.registered(email, org_id).await;
        assert!(browser.reveal().await.key().is_some());
        let page = browser.get("/dashboard").await;
        browser.submit(&page, "/webhook", &[("url", ENDPOINT)]).await;
        browser
    }

    /// A browser whose person owns `one-corp` and `two-corp`, and has chosen neither.
    pub(crate) async fn owner_of_two(&self) -> Browser {
        self.tenants.tenant("one-corp").await;
        self.tenants.tenant("two-corp").await;
        let mut browser = self.browser();
        browser.sign_in("owner@example.com").await;
        browser
    }

    /// Has deliveries made while the portal waits for an outcome, from now on.
    pub(crate) fn courier_works(&self) {
        self.passing.set_courier_works(true);
    }

    /// Publishes an event for `acme-corp`, which the courier delivers once.
    pub(crate) async fn receive(&self, id: &str, event_type: &str) {
        let envelope = format!(
            r#"{{"id":"{id}","source":"spk.api","detail-type":"{event_type}","time":"2026-04-02T10:00:00Z","detail":{{"partnerId":"acme-corp","data":{{"name":"<script>Door</script>"}}}}}}"#
        );
        self.tenants.couriers().publish(&envelope).await.unwrap();
        let messages: Vec<_> = self.tenants.events.take().into_iter().map(|message| message.body).collect();
        let settled = self.tenants.deliver_events(&messages).await;
        assert!(settled.iter().all(|settlement| *settlement == Settlement::Acknowledge));
    }

    /// Runs SQL on the tenants' database.
    pub(crate) fn query(&self, sql: impl Into<Cow<'static, str>>) -> Vec<Value> {
        self.tenants.database.query(Statement::new(sql))
    }

    /// Runs SQL on the portal's own database.
    pub(crate) fn query_sessions(&self, sql: &'static str) -> Vec<Value> {
        self.sessions.query(Statement::new(sql))
    }

    /// Forgets the provider's documents.
    pub(crate) fn forget_documents(&self) {
        self.cache.clear();
    }
}
