//! Webhooks: a tenant's subscriptions.

pub mod authentication;
pub mod filter;
mod header_name;
pub mod health;
pub mod id;
mod public_host;
pub mod signing;
pub mod target;
pub mod trouble;
pub mod url;
pub mod waiting;
mod words;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use authentication::Authentication;
use filter::EventFilter;
use id::WebhookId;

/// The most webhooks one tenant can have.
pub const MOST_PER_TENANT: u32 = 20;

/// The most secrets that a webhook signs with at once: the current one, and earlier ones in their overlap.
pub const MOST_SECRETS: u32 = 5;

/// Whether events go out to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    /// Events go out.
    Active,
    /// Its URL changed: events wait until the new endpoint is verified.
    Pending,
    /// It failed for too long or answered 410: events are kept, to be sent again once it is enabled.
    Disabled,
}

impl WebhookStatus {
    /// As the database and the API spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Disabled => "disabled",
        }
    }
}

/// A webhook as the API shows it. Its secret and token are never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The webhook's id.
    pub id: WebhookId,
    /// Where events are POSTed.
    pub url: String,
    /// The event types that the webhook gets.
    pub events: EventFilter,
    /// Whether events are sent to the webhook.
    pub status: WebhookStatus,
    /// The static token on top of the signature, without the token.
    pub auth: Authentication,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// When its endpoint last answered a challenge.
    pub verified_at: Option<Timestamp>,
    /// When an event last arrived.
    pub last_delivered_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_error_at: Option<Timestamp>,
    /// The HTTP status of that attempt, if the endpoint answered.
    pub last_error_status: Option<u16>,
    /// What went wrong, in a few words.
    pub last_error_message: Option<String>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// Why it is disabled; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Since when its deliveries wait, because attempt after attempt got no answer.
    pub circuit_opened_at: Option<Timestamp>,
    /// When the next of them is sent as a probe; only while they wait for an answer.
    pub next_probe_at: Option<Timestamp>,
    /// How many deliveries wait for the webhook; counted up to 10,000.
    pub held_count: u32,
    /// Whether more than those wait.
    pub held_more: bool,
}
