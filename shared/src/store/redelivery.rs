//! Redelivery of one delivery, or of a range of a webhook's log: those of a range are held, and the webhook's release
//! sends them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{WebhookKeyRow, of_tenant};
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::event::message::WebhookKey;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Makes an ended delivery whose body is kept pending again, due now, with a fresh retry window.
pub fn redeliver(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    now: Timestamp,
) -> Statement {
    of_tenant(
        tenant,
        "UPDATE deliveries SET stage = 'scheduled', tries_since = ?4, failures = 0, next_attempt_at = ?4, \
         leased_until = NULL, ended_at = NULL, reason = NULL \
         WHERE org_id = ?1 AND webhook_id = ?2 AND event_id = ?3 AND next_attempt_at IS NULL \
         AND EXISTS (SELECT 1 FROM bodies WHERE org_id = ?1 AND event_id = ?3) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?2 AND status <> 'disabled')",
    )
    .bind(webhook_id)
    .bind(event_id)
    .bind(now)
}

/// Deliveries made pending at a time.
pub const SLICE: u32 = 10_000;

/// Which deliveries of a webhook to deliver again: those in one of these stages that were created within this time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    /// Created at or after.
    pub since: Timestamp,
    /// Created before.
    pub until: Timestamp,
    /// In one of these stages.
    pub stages: Vec<Stage>,
}

/// The next slice of a range, through the index of what was not delivered: those whose body is kept.
const SLICE_OF_RANGE: &str = "SELECT d.event_id FROM json_each(?5) AS s \
    CROSS JOIN deliveries d INDEXED BY deliveries_undelivered ON d.webhook_id = ?2 AND d.stage <> 'delivered' AND d.stage = s.value \
    AND d.created_at >= ?3 AND d.created_at < ?4 AND d.org_id = ?1 \
    CROSS JOIN bodies b ON b.org_id = d.org_id AND b.event_id = d.event_id LIMIT ?6";

fn over_slice(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    sql: String,
    range: &Range,
    limit: u32,
) -> Statement {
    of_tenant(tenant, sql)
        .bind(webhook_id)
        .bind(range.since)
        .bind(range.until)
        .bind(json!(range.stages))
        .bind(limit)
}

/// How many deliveries the next slice has, and whether there are more.
pub fn count(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    over_slice(
        tenant,
        webhook_id,
        format!("SELECT COUNT(*) AS total FROM ({SLICE_OF_RANGE})"),
        range,
        SLICE + 1,
    )
}

/// Makes the next slice pending, held for the release of its webhook, with a fresh retry window; nothing where the webhook
/// is disabled.
pub fn hold_slice(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    range: &Range,
    now: Timestamp,
    window_ends: Timestamp,
) -> Statement {
    let sql = format!(
        "UPDATE deliveries SET stage = 'held', tries_since = ?7, failures = 0, next_attempt_at = ?8, \
         leased_until = NULL, ended_at = NULL, reason = NULL WHERE webhook_id = ?2 AND event_id IN ({SLICE_OF_RANGE}) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?2 AND status <> 'disabled')"
    );
    over_slice(tenant, webhook_id, sql, range, SLICE).bind(now).bind(window_ends)
}

/// Notes the rest of a range, where there is one, for the cron run; nothing where the webhook is disabled.
pub fn note_rest(tenant: &TenantScope, webhook_id: &WebhookId, range: &Range) -> Statement {
    let sql = format!(
        "INSERT INTO redeliveries (org_id, webhook_id, since, until, stages) SELECT ?1, ?2, ?3, ?4, ?5 \
         WHERE EXISTS ({SLICE_OF_RANGE}) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?2 AND status <> 'disabled')"
    );
    over_slice(tenant, webhook_id, sql, range, 1)
}

/// The oldest ranges of which something is left.
pub fn noted(limit: u32) -> Statement {
    Statement::new(
        "SELECT sequence, org_id, webhook_id, since, until, stages FROM redeliveries ORDER BY sequence LIMIT ?1",
    )
    .bind(limit)
}

/// Forgets a range.
pub fn forget(sequence: i64) -> Statement {
    Statement::new("DELETE FROM redeliveries WHERE sequence = ?1").bind(sequence)
}

/// What [`noted`] finds.
#[derive(Deserialize)]
pub struct RangeRow {
    /// The redelivery's number.
    pub sequence: i64,
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookKeyRow,
    since: i64,
    until: i64,
    stages: String,
}

impl RangeRow {
    /// The webhook and the range.
    ///
    /// # Errors
    /// Where the stages are none.
    pub fn into_parts(self) -> Result<(WebhookKey, Range), serde_json::Error> {
        let stages = serde_json::from_str(&self.stages)?;
        let (since, until) =
            (Timestamp::from_milliseconds(self.since), Timestamp::from_milliseconds(self.until));
        Ok((self.webhook.into(), Range { since, until, stages }))
    }
}
