//! Webhooks in trouble, through the index that holds only those.

use serde::Deserialize;

use super::columns::{HELD, RELEASED, SCHEDULED};
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::id::WebhookId;
use crate::webhook::trouble::TroubledWebhook;

/// As in the index, letter for letter: SQLite matches expressions by their text.
const RANK: &str = "(CASE WHEN status = 'disabled' THEN 1 WHEN status = 'pending' THEN 2 WHEN circuit_opened_at IS NOT NULL THEN 3 ELSE 4 END)";

/// A page of the list, from after this place on: the rest of the place's rank, and then the ranks after that. Compared as one
/// row, rank and all, the place would not be looked up in the index, because the rank is no column.
pub fn page(after: &Option<(u8, i64, WebhookId)>, limit: u32) -> Statement {
    let (rank, created_at, id) = after.as_ref().map_or((0, 0, None), |(rank, at, id)| (*rank, *at, Some(id)));
    let part = |beyond: &str, order: &str| {
        format!(
            "SELECT * FROM (SELECT created_at, org_id, id, url, status, {RANK} AS rank, verifying_since, failing_since, \
             circuit_opened_at, disabled_reason, consecutive_failures, last_error_at, last_error_status, last_error_message, \
             (SELECT MIN(oldest) FROM (SELECT (SELECT d.created_at FROM deliveries d INDEXED BY deliveries_undelivered \
               WHERE d.webhook = webhooks.sequence AND d.stage <> 0 AND d.stage = s.value \
               ORDER BY d.created_at, d.event LIMIT 1) AS oldest \
               FROM (SELECT {SCHEDULED} AS value UNION ALL SELECT {HELD} UNION ALL SELECT {RELEASED}) AS s)) AS oldest_undelivered_at \
             FROM webhooks INDEXED BY webhooks_in_trouble \
             WHERE (status <> 'active' OR consecutive_failures > 0) AND {beyond} \
             ORDER BY {order} LIMIT ?4)"
        )
    };
    let rest = part(&format!("{RANK} = ?1 AND (created_at, id) > (?2, ?3)"), "created_at, id");
    let ranks_after = part(&format!("{RANK} > ?1"), &format!("{RANK}, created_at, id"));
    Statement::new(format!("SELECT * FROM ({rest} UNION ALL {ranks_after}) LIMIT ?4"))
        .bind(u32::from(rank))
        .bind(created_at)
        .bind(id.map_or_else(String::new, WebhookId::to_string))
        .bind(limit)
}

/// A row of the list.
#[derive(Deserialize)]
pub struct TroubleRow {
    created_at: i64,
    org_id: OrgId,
    id: WebhookId,
    url: String,
    status: WebhookStatus,
    rank: u8,
    verifying_since: Option<i64>,
    failing_since: Option<i64>,
    circuit_opened_at: Option<i64>,
    disabled_reason: Option<String>,
    consecutive_failures: u32,
    last_error_at: Option<i64>,
    last_error_status: Option<u16>,
    last_error_message: Option<String>,
    oldest_undelivered_at: Option<i64>,
}

impl TroubleRow {
    /// Its place in the list.
    pub fn place(&self) -> (u8, i64, WebhookId) {
        (self.rank, self.created_at, self.id)
    }
}

impl From<TroubleRow> for TroubledWebhook {
    fn from(row: TroubleRow) -> Self {
        let (trouble, since) = match row.rank {
            1 => ("disabled", row.failing_since.or(row.last_error_at)),
            2 => ("pending", row.verifying_since),
            3 => ("circuit_open", row.circuit_opened_at),
            _ => ("failing", row.failing_since),
        };
        Self {
            org_id: row.org_id,
            webhook_id: row.id,
            url: row.url,
            trouble,
            status: row.status,
            since: since.map(Timestamp::from_milliseconds),
            reason: row.disabled_reason,
            consecutive_failures: row.consecutive_failures,
            last_error_at: row.last_error_at.map(Timestamp::from_milliseconds),
            last_error_status: row.last_error_status,
            last_error_message: row.last_error_message,
            oldest_undelivered_at: row.oldest_undelivered_at.map(Timestamp::from_milliseconds),
        }
    }
}
