//! What people are to be told of webhooks: read by the consumer that tells them, and deleted once they are told.

use serde::Deserialize;
use serde_json::json;

use crate::ports::Statement;
use crate::tenant::OrgId;
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
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The webhook's tenant.
    pub org_id: OrgId,
    /// What changed: `failing`, `disabled`, `recovered`, `verified`, `not verified`.
    pub change: String,
    /// `reason`, `eventType` and `lastError`, as JSON.
    pub details: String,
    /// When, in milliseconds.
    pub at: i64,
}
