//! `POST …/test`

use std::time::Duration;

use serde_json::{Value, json};

use super::App;
use super::deliveries::{check_webhook, webhook_checks};
use super::idempotency::{KeptAnswer, RequestDigest, text};
use crate::error::Error;
use crate::event::catalogue::EventType;
use crate::event::id::EventId;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::event::sample::sample;
use crate::packing::Packed;
use crate::store::kept_answers::AnsweredChange;
use crate::store::{bodies, deliveries};
use crate::tenant_scope::TenantScope;
use crate::webhook::id::WebhookId;

impl KeptAnswer for EventId {
    fn to_kept(&self) -> Value {
        json!({"eventId": self})
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        Self::parse(text(kept, "eventId")?).ok()
    }
}

impl App {
    /// Sends a sample event of this type to this webhook alone, marked `detail.test: true`, whatever its filter. It is a
    /// delivery like any other: logged, signed, retried. Gives back the event's id.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn test_webhook(
        &self,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        event_type: &EventType,
    ) -> Result<EventId, Error> {
        let asked = self.asked(|| json!(["test", tenant.org_id(), webhook_id, event_type.as_str()]));
        self.once(&asked, self.test(&asked, tenant, webhook_id, event_type)).await
    }

    async fn test(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        webhook_id: &WebhookId,
        event_type: &EventType,
    ) -> Result<EventId, Error> {
        let now = self.now();
        let event_id = EventId::from_random_bytes(self.random_bytes());
        let key = WebhookKey::new(tenant.org_id(), webhook_id).delivery(event_id.clone());
        let body = sample(event_id.as_str(), event_type, tenant.org_id(), now);
        let mut statements = webhook_checks(tenant, webhook_id);
        statements.extend(deliveries::insert_scheduled(
            tenant,
            webhook_id,
            &event_id,
            event_type.as_str(),
            now,
        ));
        // As long as the log: whoever tries an endpoint wants to see what was sent.
        statements.push(bodies::keep_of(tenant, webhook_id, &event_id, &Packed::Text(body.into()), None));
        statements.extend(self.keep(asked, tenant, &event_id, &AnsweredChange::Webhook(webhook_id)).await?);
        let batch = self.run(statements).await?;
        check_webhook(&batch)?;
        self.wake(RetryMessage::Deliver(key), Duration::ZERO).await;
        Ok(event_id)
    }
}
