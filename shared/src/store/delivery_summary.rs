//! Recent deliveries by the hour.

use serde::Deserialize;

use super::columns::{DEAD, DELIVERED, FAILED, FIRST_WEBHOOK, HELD, RELEASED, SCHEDULED};
use super::of_tenant;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Counts the newest deliveries of the tenant's first webhook since then by hour, from `begin` on, and state: at most `limit`
/// rows are looked at, whatever the history, in the log's order. D1 binds every number as a real one, hence the cast.
pub fn by_hour(tenant: &TenantScope, since: Timestamp, begin: Timestamp, limit: u32) -> Statement {
    of_tenant(tenant, format!(
        "SELECT hour, SUM(stage = {DELIVERED}) AS delivered, SUM(pending AND NOT tried) AS waiting, SUM(pending AND tried) AS retrying, \
         SUM(stage IN ({FAILED}, {DEAD})) AS failed FROM ( \
           SELECT CAST((created_at - ?4) / 3600000 AS INTEGER) AS hour, stage, \
             stage IN ({SCHEDULED}, {HELD}, {RELEASED}) AS pending, \
             COALESCE(milliseconds IS NOT NULL OR json_array_length(history, '$.attempts') > 0, 0) AS tried \
           FROM deliveries WHERE webhook = {FIRST_WEBHOOK} AND created_at >= ?2 \
           ORDER BY created_at DESC, event DESC LIMIT ?3) GROUP BY hour"
    ))
    .bind(since)
    .bind(limit)
    .bind(begin)
}

/// Deliveries of one hour.
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
