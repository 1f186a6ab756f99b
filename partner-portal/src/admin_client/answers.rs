//! The answers of the Admin API for which `shared` has no type that can be read.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shared::delivery::Delivery;
use shared::event::id::EventId;
use shared::member::Member;
use shared::tenant::Tenant;
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;
use shared::webhook::authentication::Authentication;
use shared::webhook::id::WebhookId;

/// A page of organizations.
#[derive(Deserialize)]
pub struct Tenants {
    /// The organizations, in the order of their registration.
    pub tenants: Vec<Tenant>,
}

/// A key that was just issued.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreshKey {
    /// The whole key.
    #[serde(deserialize_with = "secret")]
    pub api_key: SecretString,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}

/// What the dashboard shows of an organization.
pub type Dashboard = shared::app::dashboard::Dashboard<Webhook>;

/// A page of webhooks.
#[derive(Deserialize)]
pub struct Webhooks {
    /// The webhooks, in the order of their creation.
    pub webhooks: Vec<Webhook>,
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The webhook's id.
    pub id: WebhookId,
    /// The URL that events are sent to.
    pub url: String,
    /// Whether events are sent to the webhook.
    pub status: WebhookStatus,
    /// How its requests prove themselves beside the signature.
    pub auth: Authentication,
    /// The time when the endpoint last answered a challenge.
    pub verified_at: Option<Timestamp>,
    /// The time when an event last arrived.
    pub last_delivered_at: Option<Timestamp>,
    /// The time when an attempt last failed.
    pub last_error_at: Option<Timestamp>,
    /// The HTTP status of that attempt.
    pub last_error_status: Option<u16>,
    /// The error of that attempt.
    pub last_error_message: Option<String>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// The reason why the webhook is disabled.
    pub disabled_reason: Option<String>,
    /// The time since when deliveries wait for the endpoint to answer again.
    pub circuit_opened_at: Option<Timestamp>,
    /// The time when one of these deliveries is next sent to try the endpoint.
    pub next_probe_at: Option<Timestamp>,
    /// The number of deliveries that wait for the webhook.
    pub held_count: u32,
    /// Whether more deliveries wait than are counted.
    pub held_more: bool,
}

/// A delivery with its body.
#[derive(Debug, Deserialize)]
pub struct DeliveryDetail {
    /// The delivery and its attempts.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The body, while it is kept.
    pub body: Option<String>,
}

/// What became of an event.
#[derive(Deserialize)]
pub struct EventDeliveries {
    /// The event's deliveries, in the order of their webhooks' creation. A webhook may be deleted by now.
    pub deliveries: Vec<DeliveryToWebhook>,
}

/// A delivery of an event, and its webhook.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryToWebhook {
    /// The webhook's id.
    pub webhook_id: WebhookId,
    /// The event's id as the delivery has it.
    pub event_id: EventId,
}

/// The answer to a redelivery of many.
#[derive(Deserialize)]
pub struct Redelivered {
    /// The number of deliveries that are sent again.
    pub count: u32,
    /// Whether there are more than are counted.
    pub more: bool,
}

/// A page of the delivery log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedDeliveries {
    /// The deliveries, the newest first.
    pub deliveries: Vec<Delivery>,
    /// The cursor of the next page. A filtered page may be short and still not be the last.
    pub next_cursor: Option<String>,
}

/// The event of a test.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestSent {
    /// The event's id.
    pub event_id: EventId,
}

/// The signing secrets of a webhook.
#[derive(Deserialize)]
pub struct WebhookSecrets {
    /// The current secret.
    #[serde(deserialize_with = "secret")]
    pub secret: SecretString,
    /// The secrets before that still sign.
    pub previous: Vec<PreviousSecret>,
}

/// A secret that was rotated and still signs.
#[derive(Deserialize)]
pub struct PreviousSecret {
    /// The time until which it signs.
    pub until: Timestamp,
}

/// The people who may sign in for an organization.
#[derive(Deserialize)]
pub struct Members {
    /// The owner, then the others in the order in which they were added.
    pub members: Vec<Member>,
}

/// A page of the audit log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transitions {
    /// The entries, the newest first.
    pub transitions: Vec<TransitionEntry>,
    /// The cursor of the next page.
    pub next_cursor: Option<String>,
}

/// An entry of the audit log.
#[derive(Deserialize)]
pub struct TransitionEntry {
    /// What happened: `TenantRegistered`, …
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// The one who did it.
    pub actor: String,
    /// `partner-portal` if the person acted here.
    pub via: Option<String>,
    /// What changed.
    pub details: Value,
}
