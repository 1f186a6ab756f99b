//! SQL text and row shapes, one file per table. Every statement about a tenant's data takes the `OrgId` first.

pub mod api_keys;
pub mod dead_letters;
pub mod deliveries;
pub mod delivery_log;
pub mod delivery_summary;
pub mod health;
pub mod members;
pub mod notices;
pub mod redelivery;
pub mod retention;
pub mod rounds;
pub mod sealing;
pub mod targets;
pub mod tenants;
pub mod tending;
pub mod transitions;
pub mod webhook_trouble;
pub mod webhooks;

use serde::Deserialize;

use crate::event::message::WebhookKey;
use crate::tenant::OrgId;
use crate::webhook::id::WebhookId;

/// The one column of a `COUNT(*)`.
#[derive(Deserialize)]
pub struct CountRow {
    /// How many.
    pub total: u32,
}

/// The tenant and the webhook of a row.
#[derive(Deserialize)]
pub struct WebhookKeyRow {
    org_id: OrgId,
    webhook_id: WebhookId,
}

impl From<WebhookKeyRow> for WebhookKey {
    fn from(row: WebhookKeyRow) -> Self {
        Self { org_id: row.org_id, webhook_id: row.webhook_id }
    }
}

#[cfg(test)]
mod tests;
