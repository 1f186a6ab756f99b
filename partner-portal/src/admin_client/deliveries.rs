//! Deliveries: the log, sending again, and test events.

use http::Method;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::json;
use shared::event::id::EventId;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::{
    Called, DeliveryDetail, DeliveryToWebhook, EventDeliveries, LoggedDeliveries, PersonClient, Redelivered,
    TestSent, webhook_path,
};
use crate::paths::{delivery_path, with_query};

/// Which part of the log to return.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogQuery<'a> {
    /// Deliveries in one of these states, separated by commas.
    pub state: Option<&'a str>,
    /// Deliveries of events of this type.
    pub event_type: Option<&'a str>,
    /// Deliveries of events that came at or after this time.
    pub since: Option<Timestamp>,
    /// Deliveries of events that came before this time.
    pub until: Option<Timestamp>,
    /// The page after this cursor.
    pub cursor: Option<&'a str>,
    /// The most deliveries.
    pub limit: u32,
}

impl PersonClient<'_> {
    /// Sends a sample event of this type.
    pub async fn test(&self, org_id: &str, webhook_id: WebhookId, event_type: &str) -> Called<TestSent> {
        let body = json!({"eventType": event_type});
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/test"), Some(body)).await
    }

    /// Returns a page of the delivery log, the newest first.
    pub async fn deliveries(
        &self,
        org_id: &str,
        webhook_id: WebhookId,
        query: &LogQuery<'_>,
    ) -> Called<LoggedDeliveries> {
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        self.get(&webhook_path(org_id, webhook_id, &format!("/deliveries?{query}"))).await
    }

    /// Returns the deliveries of an event to each of the organization's webhooks.
    pub async fn event(&self, org_id: &str, event_id: &EventId) -> Called<Vec<DeliveryToWebhook>> {
        let path = with_query(&format!("/tenants/{org_id}/deliveries"), &[("eventId", event_id.as_str())]);
        let answer: EventDeliveries = self.get(&path).await?;
        Ok(answer.deliveries)
    }

    /// Returns a delivery.
    pub async fn delivery(
        &self,
        org_id: &str,
        webhook_id: WebhookId,
        event_id: &EventId,
    ) -> Called<DeliveryDetail> {
        self.get(&webhook_path(org_id, webhook_id, &delivery_path(event_id.as_str()))).await
    }

    /// Sends again a delivery that has ended.
    pub async fn redeliver(
        &self,
        org_id: &str,
        webhook_id: WebhookId,
        event_id: &EventId,
    ) -> Called<IgnoredAny> {
        let rest = format!("{}/redeliver", delivery_path(event_id.as_str()));
        self.send(Method::POST, &webhook_path(org_id, webhook_id, &rest), None).await
    }

    /// Sends again all deliveries that failed from one time to another.
    pub async fn redeliver_range(
        &self,
        org_id: &str,
        webhook_id: WebhookId,
        since: Timestamp,
        until: Option<Timestamp>,
    ) -> Called<Redelivered> {
        let mut body = json!({"since": since});
        if let Some(until) = until {
            body["until"] = json!(until);
        }
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/redeliver"), Some(body)).await
    }
}
