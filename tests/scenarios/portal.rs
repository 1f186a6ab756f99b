//! The Partner Portal in a real Chromium.

mod deliveries;
mod key_once;
mod keyboard;
mod keys_and_people;
mod numbers;
mod onboarding;
mod refusals;
mod states;
mod without_script;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tests::browser::Browser;
use tests::poll::{SOON, eventually};
use tests::world::World;

/// A person with an organization and an inbox, which no other scenario uses.
struct Partner {
    world: &'static World,
    org_id: String,
    email: String,
}

impl Partner {
    fn new(world: &'static World) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let org_id = format!("acme-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { world, email: format!("owner@{org_id}.com"), org_id }
    }

    /// A partner whose organization SmartphoneKey has registered, with neither key nor webhook.
    async fn registered(world: &'static World) -> Self {
        let partner = Self::new(world);
        partner.owns(&partner.org_id, "Acme Corporation").await;
        partner
    }

    /// A partner as [`Self::registered`], and a browser in which the partner is signed in.
    async fn signed_in(world: &'static World) -> (Self, Browser) {
        let (partner, browser) = (Self::registered(world).await, Browser::start(world).await);
        browser.sign_in(&partner.email).await;
        (partner, browser)
    }

    async fn owns(&self, org_id: &str, org_name: &str) {
        let tenant = json!({"orgName": org_name, "ownerEmail": self.email});
        let _ = self.world.admin().post(&format!("/tenants/{org_id}/register"), &tenant).await.expect(201);
    }

    /// An inbox of the partner's own.
    fn inbox_url(&self, name: &str) -> String {
        format!("{}/{}-{name}", self.world.credentials().inbox_url, self.org_id)
    }

    /// Makes an inbox answer with this status from now on.
    async fn inbox_answers(&self, name: &str, status: u16) {
        let path = format!("/{}-{name}/behavior", self.org_id);
        let _ = self.world.inbox().put(&path, &json!({"status": status})).await.expect(200);
    }

    /// The messages of an inbox, oldest first, once there are at least `count`.
    async fn inbox_has(&self, name: &str, count: usize) -> Vec<Value> {
        let path = format!("/{}-{name}.json", self.org_id);
        let look = async || {
            let shown = self.world.inbox().get(&path).await.expect(200);
            shown["messages"].as_array().filter(|messages| messages.len() >= count).cloned()
        };
        eventually(SOON * 2, &format!("{count} messages in the inbox"), look).await
    }

    /// The status of `GET /api-keys/self` with a key.
    async fn status_of_key(&self, api_key: &str) -> u16 {
        self.world.partner(api_key).get("/api-keys/self").await.status
    }
}
