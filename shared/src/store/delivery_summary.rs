//! A webhook's recent deliveries by the hour.

use serde::Deserialize;

use super::columns::{DEAD, DELIVERED, FAILED, HELD, RELEASED, SCHEDULED, TENANTS_WEBHOOK};
use super::of_tenant;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Counts the newest deliveries since then by hour, from `begin` on, and state: at most `limit` rows are looked at,
/// whatever the history, newest first in the log's order. D1 binds every number as a real one, hence the cast.
pub fn by_hour(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    since: Timestamp,
    begin: Timestamp,
    limit: u32,
) -> Statement {
    of_tenant(tenant, format!(
        "SELECT hour, SUM(stage = {DELIVERED}) AS delivered, \
         SUM(stage IN ({SCHEDULED}, {HELD}, {RELEASED}) AND NOT tried) AS waiting, \
         SUM(stage IN ({SCHEDULED}, {HELD}, {RELEASED}) AND tried) AS retrying, \
         SUM(stage IN ({FAILED}, {DEAD})) AS failed FROM ( \
           SELECT CAST((created_at - ?5) / 3600000 AS INTEGER) AS hour, stage, \
             COALESCE(milliseconds IS NOT NULL OR json_array_length(history, '$.attempts') > 0, 0) AS tried \
           FROM deliveries WHERE webhook = {TENANTS_WEBHOOK} AND created_at >= ?3 \
           ORDER BY created_at DESC, event DESC LIMIT ?4) GROUP BY hour"
    ))
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
    /// Not tried yet.
    pub waiting: u32,
    /// To be tried again.
    pub retrying: u32,
    /// Ended without arriving.
    pub failed: u32,
}
