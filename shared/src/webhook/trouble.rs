//! Webhooks in trouble, for whoever is on call.

use serde::Serialize;

use super::WebhookStatus;
use super::id::WebhookId;
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// A webhook in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TroubledWebhook {
    /// The tenant.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Where its events are POSTed.
    pub url: String,
    /// `disabled`, `pending`, `circuit_open` or `failing`: the list is in this order.
    pub trouble: &'static str,
    /// Whether events go out.
    pub status: WebhookStatus,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When an attempt or challenge last failed.
    pub last_error_at: Option<Timestamp>,
    /// Its HTTP status.
    pub last_error_status: Option<u16>,
    /// What went wrong.
    pub last_error_message: Option<String>,
    /// When the oldest event came in that has not arrived yet.
    pub oldest_undelivered_at: Option<Timestamp>,
}
