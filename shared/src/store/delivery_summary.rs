//! Recent deliveries by the hour.

use serde::Deserialize;

use super::columns::{DEAD, FAILED, FIRST_WEBHOOK, HELD, RELEASED, SCHEDULED};
use super::of_tenant;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Counts the newest deliveries of the tenant's first webhook since then by hour, from `begin` on, and state: of at most
/// `limit`, whatever the history. All are counted in the log's index alone, and those of them that were not delivered in the
/// index of what was not: a healthy day reads no row of the table. An hour may have two rows, whose counts add up. D1 binds
/// every number as a real one, hence the casts.
pub fn by_hour(tenant: &TenantScope, since: Timestamp, begin: Timestamp, limit: u32) -> Statement {
    of_tenant(tenant, format!(
        "WITH newest AS MATERIALIZED ( \
           SELECT CAST((created_at - ?4) / 3600000 AS INTEGER) AS hour, created_at, event \
           FROM deliveries INDEXED BY deliveries_newest WHERE webhook = {FIRST_WEBHOOK} AND created_at >= ?2 \
           ORDER BY created_at DESC, event DESC LIMIT ?3) \
         SELECT hour, COUNT(*) AS counted, 0 AS waiting, 0 AS retrying, 0 AS failed FROM newest GROUP BY hour \
         UNION ALL SELECT hour, 0, SUM(pending AND NOT tried), SUM(pending AND tried), SUM(NOT pending) FROM ( \
           SELECT CAST((d.created_at - ?4) / 3600000 AS INTEGER) AS hour, d.stage IN ({SCHEDULED}, {HELD}, {RELEASED}) AS pending, \
             COALESCE(milliseconds IS NOT NULL OR json_array_length(history, '$.attempts') > 0, 0) AS tried \
           FROM (SELECT created_at, event FROM newest ORDER BY created_at, event LIMIT 1) AS oldest \
           CROSS JOIN deliveries d INDEXED BY deliveries_undelivered ON d.webhook = {FIRST_WEBHOOK} AND d.stage <> 0 \
             AND d.stage IN ({SCHEDULED}, {HELD}, {RELEASED}, {FAILED}, {DEAD}) \
             AND (d.created_at, d.event) >= (oldest.created_at, oldest.event)) GROUP BY hour"
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
    /// All of the hour.
    pub counted: u32,
    /// Of them, not tried yet.
    pub waiting: u32,
    /// Of them, to be tried again.
    pub retrying: u32,
    /// Of them, ended without arriving.
    pub failed: u32,
}
