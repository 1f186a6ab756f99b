//! The answers of the Admin API for which `shared` has no type that can be read.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use shared::delivery::Delivery;
use shared::tenant::Tenant;
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;
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

/// A page of the keys ever issued for an organization.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedKeys {
    /// The keys, in the order in which they were issued.
    pub api_keys: Vec<IssuedKey>,
    /// The number of keys on all pages.
    pub total: u32,
}

/// A key that was issued at some time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedKey {
    /// `active`, `retiring`, `revoked` or `expired`.
    pub state: String,
    /// The time when the key expires by itself, if it does.
    pub expires_at: Option<Timestamp>,
}

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

/// A webhook that was just created.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// The webhook's id.
    pub webhook_id: WebhookId,
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

/// The answer to a redelivery of many.
#[derive(Deserialize)]
pub struct Redelivered {
    /// The number of deliveries that are sent again.
    pub count: u32,
    /// Whether there are more than are counted.
    pub more: bool,
}
