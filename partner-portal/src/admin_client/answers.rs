//! What the Admin API answers, as far as pages show it.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use shared::delivery::Delivery;
use shared::time::Timestamp;
use shared::webhook::WebhookStatus;

/// A page of organizations.
#[derive(Deserialize)]
pub struct Tenants {
    /// In the order of their registration.
    pub tenants: Vec<Tenant>,
}

/// An organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its ID.
    pub org_id: String,
    /// Its name.
    pub org_name: String,
    /// The active key, masked.
    pub api_key: Option<Key>,
}

/// An active key, masked.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// `3f9a1b2c…7d4e`
    pub masked: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A key just issued.
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

/// A page of webhooks.
#[derive(Deserialize)]
pub struct Webhooks {
    /// In the order of their creation.
    pub webhooks: Vec<Webhook>,
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// A UUID.
    pub id: String,
    /// Where events are POSTed.
    pub url: String,
    /// Whether they go out.
    pub status: WebhookStatus,
    /// When its endpoint last answered a challenge.
    pub verified_at: Option<Timestamp>,
    /// When an event last arrived.
    pub last_delivered_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_error_at: Option<Timestamp>,
    /// The HTTP status of that attempt.
    pub last_error_status: Option<u16>,
    /// What went wrong.
    pub last_error_message: Option<String>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// Since when its deliveries wait for an answer.
    pub circuit_opened_at: Option<Timestamp>,
}

/// A webhook just created.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// A UUID.
    pub webhook_id: String,
}

/// A webhook's last 24 hours.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// One entry for each hour, oldest first; the last is the current one.
    pub hours: Vec<HourCount>,
    /// Whether there were more deliveries than are counted; then the oldest are missing.
    pub truncated: bool,
    /// How many are counted.
    pub counted: u32,
    /// The newest deliveries, whenever they were.
    pub latest: Vec<Delivery>,
}

/// Deliveries of one hour, by how they stand now.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct HourCount {
    /// When the hour begins.
    pub hour: Timestamp,
    /// Arrived.
    pub delivered: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Ended without arriving.
    pub failed: u32,
}

/// One delivery.
#[derive(Debug, Deserialize)]
pub struct DeliveryDetail {
    /// How it went.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What was sent, where it is kept.
    pub body: Option<String>,
}

/// How many deliveries are sent again.
#[derive(Deserialize)]
pub struct Redelivered {
    /// That many.
    pub count: u32,
}
