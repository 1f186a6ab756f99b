//! A portal in memory: real SQL, the real Admin API behind the binding, a provider that can misbehave, and browsers.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod admin;
mod browser;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use edge::rate_limit::RateLimit;
use edge::serve::Surroundings;
use edge::testing::{FakeProvider, Registration, RustCryptoRs256};
use partner_portal::config::Config;
use partner_portal::router::router;
use partner_portal::service::{Ports, Service};
use shared::testing::{
    AesGcm, FakeClock, Fixture, MemoryLog, MemoryRateLimiter, MemoryStore, SeededRandom, SqliteDatabase,
};

pub(crate) use admin::AdminBinding;
pub(crate) use browser::{Browser, Page};

/// The id of the upload that the portal is of.
pub(crate) const VERSION: &str = "00000000-0000-4000-8000-000000000001";
/// Where the portal is.
pub(crate) const ORIGIN: &str = "https://portal.example";
/// A partner's endpoint.
pub(crate) const ENDPOINT: &str = "https://partner.example.com/hook";
/// Who signs people in.
pub(crate) const ISSUER: &str = "https://tenant.auth0.example/";
/// The settings of both Workers.
pub(crate) const SETTINGS: [(&str, &str); 12] = [
    ("ENVIRONMENT", "prod"),
    ("PORTAL_ORIGIN", ORIGIN),
    ("AUTH0_ISSUER", ISSUER),
    ("AUTH0_CLIENT_ID", "partner-portal"),
    ("AUTH0_CLIENT_SECRET", "client-secret-0123456789abcdef0123456789"),
    ("AUTH0_AUDIENCE", "https://admin-api.example"),
    ("ADMIN_API_KEY", "admin-api-key-0123456789abcdef0123456789"),
    ("SERVICE_JWT_SECRET", "service-jwt-secret-0123456789abcdef012345"),
    ("SESSION_KEY", "session-key-0123456789abcdef0123456789ab"),
    ("WEBHOOK_SECRETS_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ("EVENTS_API_KEY", "events-api-key-0123456789abcdef0123456789"),
    ("UNUSED", "unused"),
];

/// Reads [`SETTINGS`] with some values changed (or taken away).
pub(crate) fn settings<'a>(
    changes: &'a [(&'a str, Option<&'a str>)],
) -> impl Fn(&str) -> Option<String> + 'a {
    |name| {
        let changed = changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let usual = SETTINGS.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        changed.unwrap_or(usual).map(str::to_owned)
    }
}

/// The portal's at its provider, as [`SETTINGS`] has it.
fn registration() -> Registration {
    let setting = |name| settings(&[])(name).expect("a setting");
    Registration {
        issuer: ISSUER.to_owned(),
        client_id: setting("AUTH0_CLIENT_ID"),
        client_secret: setting("AUTH0_CLIENT_SECRET"),
    }
}

/// The portal with all that it needs.
pub(crate) struct World {
    /// The tenants' side: database, use cases, courier.
    pub(crate) tenants: Fixture,
    /// The portal's own database.
    pub(crate) sessions: Arc<SqliteDatabase>,
    /// The time of day of everybody.
    pub(crate) clock: Arc<FakeClock>,
    /// Auth0's stand-in.
    pub(crate) provider: Arc<FakeProvider>,
    /// The Admin API behind the binding.
    pub(crate) admin: Arc<AdminBinding>,
    /// How often tenants have their endpoints asked.
    pub(crate) webhook_actions: Arc<MemoryRateLimiter>,
    /// Every log line.
    pub(crate) log: Arc<MemoryLog>,
    cache: Arc<MemoryStore>,
    random: Arc<SeededRandom>,
}

impl Default for World {
    fn default() -> Self {
        let tenants = Fixture::default();
        let clock = tenants.clock.clone();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        Self {
            sessions: Arc::new(SqliteDatabase::with_migrations(&folder)),
            provider: Arc::new(FakeProvider::new(registration(), clock.clone())),
            admin: Arc::new(AdminBinding::new(&tenants)),
            webhook_actions: Arc::default(),
            log: Arc::default(),
            cache: Arc::default(),
            random: Arc::new(SeededRandom::new(7)),
            clock,
            tenants,
        }
    }
}

impl World {
    /// A browser that knows nothing yet.
    pub(crate) fn browser(&self) -> Browser {
        self.browser_with(&[])
    }

    /// A browser on a portal with other settings.
    pub(crate) fn browser_with(&self, changes: &[(&str, Option<&str>)]) -> Browser {
        let (router, service) = self.portal(changes);
        let surroundings =
            Surroundings { clock: self.clock.clone(), random: self.random.clone(), log: self.log.clone() };
        Browser::new(router, service, surroundings, self.provider.clone())
    }

    /// The portal.
    pub(crate) fn portal(&self, changes: &[(&str, Option<&str>)]) -> (Router, Service) {
        let config = Config::read(&settings(changes)).expect("the settings are good");
        let ports = Ports {
            sessions: self.sessions.clone(),
            cache: self.cache.clone(),
            admin_api: self.admin.clone(),
            webhook_actions: RateLimit::new(Some(self.webhook_actions.clone())),
            clock: self.clock.clone(),
            random: self.random.clone(),
            aead: Arc::new(AesGcm),
            rs256: Arc::new(RustCryptoRs256),
            documents: self.provider.clone(),
            forms: self.provider.clone(),
            version: Some(VERSION.to_owned()),
        };
        let service = Service::new(config, ports);
        (router(service.clone()).0, service)
    }

    /// A browser whose person is signed in and has registered this organization; the key is not looked at yet.
    pub(crate) async fn registered(&self, email: &str, org_id: &str) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(email).await;
        let page = browser.get("/onboarding").await;
        let sent = browser.submit(&page, "/onboarding", &[("orgId", org_id), ("orgName", "Acme Corp")]).await;
        assert_eq!(sent.location(), "/dashboard", "{}", sent.body);
        browser
    }

    /// A browser whose person has registered this organization, looked at its key, and set [`ENDPOINT`] as webhook URL.
    pub(crate) async fn connected(&self, email: &str, org_id: &str) -> Browser {
        let mut browser = self.registered(email, org_id).await;
        browser.get("/dashboard").await;
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

    /// Forgets what the provider's documents said.
    pub(crate) fn forget_documents(&self) {
        self.cache.clear();
    }
}
