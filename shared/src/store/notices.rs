//! What people are to be told of webhooks and of tenants: read by the consumer that tells them, and deleted once they are told.

use serde::Deserialize;
use serde_json::{Value, json};

use super::of_tenant;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Notes webhooks whose circuit has been open since before `before` and that nobody was told of. Before [`failing_told`],
/// in the same batch.
pub fn note_failing(before: Timestamp, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO notices (id, webhook_id, org_id, change, details, at) \
         SELECT 'failing-' || id || '-' || circuit_opened_at, id, org_id, 'failing', json_object('lastError', last_error_message), ?2 \
         FROM webhooks INDEXED BY webhooks_failing WHERE circuit_opened_at <= ?1 AND failing_told = 0 RETURNING 1 AS noted",
    )
    .bind(before)
    .bind(now)
}

/// Notes that a person registered a tenant at the portal.
pub fn note_registered(tenant: &TenantScope, details: Value, at: Timestamp) -> Statement {
    of_tenant(
        tenant,
        "INSERT INTO notices (id, org_id, change, details, at) \
         SELECT 'registered-' || org_id, org_id, 'registered', ?2, ?3 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL",
    )
    .bind(details)
    .bind(at)
}

/// Remembers that people are told of them.
pub fn failing_told(before: Timestamp, stamp: i64) -> Statement {
    Statement::new(
        "UPDATE webhooks INDEXED BY webhooks_failing SET failing_told = 1, health_stamp = ?2 \
         WHERE circuit_opened_at <= ?1 AND failing_told = 0",
    )
    .bind(before)
    .bind(stamp)
}

/// The oldest that nobody was told yet.
pub fn oldest(limit: u32) -> Statement {
    Statement::new(
        "SELECT sequence, id, webhook_id, org_id, change, details, at FROM notices ORDER BY sequence LIMIT ?1",
    )
    .bind(limit)
}

/// Deletes those that people were told.
pub fn delete(sequences: &[i64]) -> Statement {
    Statement::new("DELETE FROM notices WHERE sequence IN (SELECT value FROM json_each(?1))")
        .bind(json!(sequences))
}

/// How many have waited since before `before`.
pub fn waiting(before: Timestamp) -> Statement {
    Statement::new(
        "SELECT COUNT(*) AS total FROM (SELECT at FROM notices ORDER BY sequence LIMIT 1) WHERE at <= ?1",
    )
    .bind(before)
}

/// What [`oldest`] finds.
#[derive(Clone, Debug, Deserialize)]
pub struct NoticeRow {
    /// The notice's number.
    pub sequence: i64,
    /// Unique, for whoever dedupes.
    pub id: String,
    /// The webhook; `None` where the tenant itself changed.
    pub webhook_id: Option<WebhookId>,
    /// The tenant.
    pub org_id: OrgId,
    /// What changed: `failing`, `disabled`, `recovered`, `verified`, `not verified`; of a tenant `registered`.
    pub change: String,
    /// `reason`, `eventType` and `lastError`; of a tenant `orgName` and `ownerEmail`; as JSON.
    pub details: String,
    /// When, in milliseconds.
    pub at: i64,
}
