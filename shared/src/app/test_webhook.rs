//! `POST …/test`

use std::time::Duration;

use super::App;
use super::deliveries::{check_webhook, webhook_checks};
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::event::catalogue::EventType;
use crate::event::message::{DeliveryKey, RetryMessage};
use crate::event::sample::sample;
use crate::store::deliveries::{self, NewDelivery, Standing};
use crate::tenant::OrgId;

impl App {
    /// Sends a sample event of this type to this webhook alone, marked `detail.test: true`, whatever its filter. It is a
    /// delivery like any other: logged, signed, retried. Gives back the event's id.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn test_webhook(
        &self,
        org_id: &OrgId,
        webhook_id: &str,
        event_type: &EventType,
    ) -> Result<String, Error> {
        let now = self.now();
        let event_id = self.fresh_uuid();
        let key = DeliveryKey::new(org_id, webhook_id, &event_id);
        let new = NewDelivery {
            key: key.clone(),
            event_type: event_type.to_string(),
            created_at: now.milliseconds(),
            standing: Standing {
                state: DeliveryState::Pending,
                failures: 0,
                next_attempt_at: Some(now.milliseconds()),
                ended_at: None,
                reason: None,
                held: false,
            },
            attempts: Vec::new(),
            body: Some(sample(&event_id, event_type, org_id, now)),
        };
        let insert = deliveries::insert_for_existing_webhook(org_id, &new);
        let batch = self.run(webhook_checks(org_id, webhook_id, insert)).await?;
        check_webhook(&batch)?;
        self.wake(RetryMessage::Deliver(key), Duration::ZERO).await;
        Ok(event_id)
    }
}
