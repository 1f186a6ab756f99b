//! A webhook's recent deliveries by the hour.

use serde::Deserialize;

use super::of_tenant;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Counts the newest deliveries since then by hour, from `begin` on, and state: at most `limit` rows are looked at,
/// whatever the history, newest first through the log's index. D1 binds every number as a real one, hence the cast.
pub fn by_hour(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    since: Timestamp,
    begin: Timestamp,
    limit: u32,
) -> Statement {
    of_tenant(tenant,
        "SELECT hour, SUM(stage = 'delivered') AS delivered, \
         SUM(stage IN ('scheduled', 'held', 'released')) AS retrying, SUM(stage IN ('failed', 'dead')) AS failed FROM ( \
           SELECT CAST((created_at - ?5) / 3600000 AS INTEGER) AS hour, stage FROM deliveries INDEXED BY deliveries_newest \
           WHERE webhook_id = ?2 AND org_id = ?1 AND created_at >= ?3 \
           ORDER BY created_at DESC, event_id DESC LIMIT ?4) GROUP BY hour",
    )
    .bind(webhook_id)
    .bind(since)
    .bind(limit)
    .bind(begin)
}

/// One hour that has deliveries.
#[derive(Debug, Deserialize)]
pub struct HourRow {
    /// Hours since the beginning.
    pub hour: usize,
    /// Arrived.
    pub delivered: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Ended without arriving.
    pub failed: u32,
}
