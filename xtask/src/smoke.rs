//! `cargo xtask smoke`: one event's way through a deployed environment, from `POST /events` to a webhook's endpoint.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{HeaderMap, HeaderName, HeaderValue};
use local::clock;
use local::progress::{line, step};
use serde_json::{Value, json};

use crate::web::{Web, WebAnswer};

/// The time within which the event must arrive: KV, Queues and a first delivery in a new environment take seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// An environment's addresses and keys.
pub struct Smoke {
    /// The Admin API's origin.
    pub admin_api: String,
    /// The origin of webhook delivery.
    pub delivery: String,
    /// An inbox that keeps what it gets: `POST URL/NAME` delivers, `GET URL/NAME.json` shows.
    pub inbox: String,
    /// The value of `X-Admin-API-Key`.
    pub admin_api_key: String,
    /// An admin's token.
    pub token: String,
    /// The value of `X-Events-Key`.
    pub events_key: String,
}

impl Smoke {
    /// Makes a tenant with a webhook, publishes an event, checks the delivery with its signature, and deletes the tenant.
    /// `unique` is a word that no earlier run has used.
    ///
    /// # Errors
    ///
    /// One sentence that says which step failed. The tenant is deleted in any case.
    pub fn run(&self, unique: &str) -> Result<()> {
        let org_id = format!("smoke-test-{unique}");
        step("Testing", &format!("an event's way through {}", self.delivery));
        let result = self.deliver(&org_id, unique);
        let removed = self.admin("DELETE", &format!("/tenants/{org_id}"), None);
        result.context("the smoke test failed")?;
        if !matches!(removed?.status, 200 | 204) {
            bail!("the smoke test passed, but its tenant {org_id} was not deleted");
        }
        step("Passed", "the smoke test: the event arrived, and its signature is right");
        Ok(())
    }

    fn deliver(&self, org_id: &str, unique: &str) -> Result<()> {
        let tenant = json!({"orgName": "Smoke test", "ownerEmail": "smoke-test@smartphonekey.com"});
        self.admin("POST", &format!("/tenants/{org_id}/register"), Some(&tenant))?
            .expect(201, "the tenant")?;
        let webhook = json!({"url": format!("{}/{org_id}", self.inbox), "events": ["KeyAdded"]});
        let path = format!("/tenants/{org_id}/webhooks");
        let created = self.admin("POST", &path, Some(&webhook))?.expect(201, "the webhook")?;
        let secret = created["secret"].as_str().context("the webhook has no secret")?;
        line(format!("  created  tenant {org_id} with a webhook to {}", self.inbox));

        let event_id = format!(
            "5a0ce7e5-{:0>4}-4000-8000-{:0>12}",
            &unique[..unique.len().min(4)],
            &unique[..unique.len().min(12)]
        );
        let event = json!({
            "version": "0", "id": event_id, "detail-type": "KeyAdded", "source": "spk.api", "time": "2026-01-01T00:00:00Z",
            "detail": {"partnerId": org_id, "data": {"lockId": 7}},
        });
        let taken = Web::new(&self.delivery).with("X-Events-Key", &self.events_key).send(
            "POST",
            "/events",
            Some(&event),
        )?;
        taken.expect(202, "the event")?;
        line(format!("  sent     event {event_id}"));

        let inbox = Web::new(&self.inbox);
        let message = clock::wait_until(PATIENCE, Duration::from_secs(1), || {
            let shown = inbox.send("GET", &format!("/{org_id}.json"), None).ok()?;
            let shown: Value = serde_json::from_str(&shown.body).ok()?;
            let messages = shown.as_array().or_else(|| shown["messages"].as_array())?;
            messages
                .iter()
                .find(|message| message["headers"]["webhook-id"].as_str() == Some(&event_id))
                .cloned()
        });
        let message =
            message.context("the event did not arrive: look at the delivery log, and at `wrangler tail`")?;
        let body = message["body"].as_str().unwrap_or_default();
        standardwebhooks::Webhook::new(secret)
            .and_then(|verifier| verifier.verify(body.as_bytes(), &headers_of(&message)))
            .context("the event arrived, but its signature is wrong")?;
        Ok(())
    }

    fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<WebAnswer> {
        Web::new(&self.admin_api)
            .with("X-Admin-API-Key", &self.admin_api_key)
            .with("Authorization", &format!("Bearer {}", self.token))
            .send(method, path, body)
    }
}

fn headers_of(message: &Value) -> HeaderMap {
    let headers = message["headers"].as_object().into_iter().flatten();
    let pairs = headers.filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.as_str()?).ok()?))
    });
    pairs.collect()
}
