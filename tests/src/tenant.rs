//! Tenants and webhooks of one scenario.

use serde_json::{Value, json};

use crate::client::Client;
use crate::event::{Event, unique};
use crate::poll::{SOON, eventually};
use crate::world::World;

/// A registered tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Unique in this run of the tests.
    pub org_id: String,
    admin: Client,
}

/// A webhook as its creation answered.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The id, a UUID.
    pub id: String,
    /// The signing secret, `whsec_…`.
    pub secret: String,
    /// The whole answer to the creation.
    pub created: Value,
    /// The path in the Admin API, `/tenants/{orgId}/webhooks/{id}`.
    pub path: String,
    admin: Client,
}

impl Tenant {
    /// Registers a new tenant.
    pub async fn register(world: &World) -> Self {
        let org_id = format!("tenant-{}", unique());
        let admin = world.admin();
        let body = json!({"orgName": "A Tenant", "ownerEmail": format!("owner@{org_id}.com")});
        let _ = admin.post(&format!("/tenants/{org_id}/register"), &body).await.expect(201);
        Self { org_id, admin }
    }

    /// Issues the tenant's API key.
    pub async fn api_key(&self) -> String {
        let issued = self.admin.post("/api-keys", &json!({"orgId": self.org_id})).await.expect(201);
        issued["apiKey"].as_str().expect("the key").to_owned()
    }

    /// Creates a webhook for all events.
    pub async fn webhook(&self, url: &str) -> Webhook {
        self.webhook_with(&json!({"url": url})).await
    }

    /// Creates a webhook from this body.
    pub async fn webhook_with(&self, body: &Value) -> Webhook {
        let webhooks = format!("/tenants/{}/webhooks", self.org_id);
        let created = self.admin.post(&webhooks, body).await.expect(201);
        let text = |name: &str| created[name].as_str().expect(name).to_owned();
        let (id, secret) = (text("webhookId"), text("secret"));
        Webhook { path: format!("{webhooks}/{id}"), id, secret, created, admin: self.admin.clone() }
    }

    /// An event for this tenant.
    #[must_use]
    pub fn event(&self, event_type: &str) -> Event {
        Event::new(event_type, &self.org_id)
    }
}

impl Webhook {
    /// The webhook as the Admin API shows it now.
    pub async fn now(&self) -> Value {
        self.admin.get(&self.path).await.expect(200)
    }

    /// The webhook, once it is in this status.
    pub async fn in_status(&self, status: &str) -> Value {
        let look = async || Some(self.now().await).filter(|webhook| webhook["status"] == status);
        eventually(SOON * 2, &format!("a webhook that is {status}"), look).await
    }

    /// The delivery of an event, if there is one yet.
    pub async fn delivery(&self, event: &Event) -> Option<Value> {
        let answer = self.admin.get(&format!("{}/deliveries/{}", self.path, event.id)).await;
        (answer.status == 200).then(|| answer.json())
    }

    /// The delivery of an event, once it is in this state.
    pub async fn delivery_in(&self, state: &str, event: &Event) -> Value {
        self.delivery_when(&format!("a {state} delivery"), event, |delivery| delivery["state"] == state).await
    }

    /// The delivery of an event, once `so` holds of it.
    pub async fn delivery_when(&self, what: &str, event: &Event, so: impl Fn(&Value) -> bool) -> Value {
        eventually(SOON * 2, what, async || self.delivery(event).await.filter(&so)).await
    }

    /// The ids of the delivered events in the delivery log.
    pub async fn delivered_event_ids(&self) -> Vec<String> {
        let log =
            self.admin.get(&format!("{}/deliveries?state=delivered&limit=200", self.path)).await.expect(200);
        let deliveries = log["deliveries"].as_array().expect("deliveries");
        deliveries.iter().filter_map(|delivery| delivery["eventId"].as_str().map(str::to_owned)).collect()
    }
}
