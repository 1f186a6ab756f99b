//! Tenants' rows.

use serde::Deserialize;

use crate::api_key::{ApiKeySummary, masked};
use crate::page::Page;
use crate::ports::Statement;
use crate::tenant::{EmailAddress, OrgId, OrgName, Tenant};
use crate::time::Timestamp;

/// Takes the `orgId`; a UNIQUE violation says it was taken.
pub fn insert(org_id: &OrgId, name: &OrgName, owner: &EmailAddress, at: Timestamp, by: &str) -> Statement {
    Statement::new(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(org_id)
    .bind(name.as_str())
    .bind(owner.as_str())
    .bind(at)
    .bind(by)
}

/// One row where the tenant is registered and not closed.
pub fn registered(org_id: &OrgId) -> Statement {
    Statement::new("SELECT 1 AS registered FROM tenants WHERE org_id = ?1 AND closed_at IS NULL").bind(org_id)
}

/// Changes what is given.
pub fn update(org_id: &OrgId, name: Option<&OrgName>, owner: Option<&EmailAddress>) -> Statement {
    Statement::new(
        "UPDATE tenants SET org_name = COALESCE(?2, org_name), owner_email = COALESCE(?3, owner_email) \
         WHERE org_id = ?1 AND closed_at IS NULL",
    )
    .bind(org_id)
    .bind(name.map(OrgName::as_str))
    .bind(owner.map(EmailAddress::as_str))
}

/// Closes the tenant; the row stays, so that the `orgId` stays taken.
pub fn close(org_id: &OrgId, at: Timestamp) -> Statement {
    Statement::new("UPDATE tenants SET closed_at = ?2 WHERE org_id = ?1 AND closed_at IS NULL")
        .bind(org_id)
        .bind(at)
}

const COLUMNS: &str = "SELECT t.org_id, t.org_name, t.owner_email, t.created_at, t.created_by, \
    k.prefix, k.suffix, k.created_at AS key_created_at, k.created_by AS key_created_by, k.expires_at, \
    (SELECT COUNT(*) FROM webhooks w WHERE w.org_id = t.org_id) AS webhook_count \
    FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id AND k.revoked_at IS NULL \
    AND (k.expires_at IS NULL OR k.expires_at > ?1)";

/// One tenant with its active key.
pub fn select(org_id: &OrgId, now: Timestamp) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE t.org_id = ?2 AND t.closed_at IS NULL")).bind(now).bind(org_id)
}

/// A page of tenants in the order of their registration; of one member where given.
pub fn page(member: Option<&str>, page: Page, now: Timestamp) -> Statement {
    let by_member = if member.is_some() {
        "JOIN members m INDEXED BY members_by_email ON m.org_id = t.org_id AND m.email = ?4"
    } else {
        ""
    };
    let order = if member.is_some() { "m.tenant_created_at, m.org_id" } else { "t.sequence" };
    let statement = Statement::new(format!(
        "{COLUMNS} {by_member} WHERE t.closed_at IS NULL ORDER BY {order} LIMIT ?2 OFFSET ?3"
    ))
    .bind(now)
    .bind(page.limit)
    .bind(page.offset);
    match member {
        None => statement,
        Some(member) => statement.bind(member),
    }
}

/// How many tenants there are; of one member where given.
pub fn count(member: Option<&str>) -> Statement {
    match member {
        None => Statement::new("SELECT COUNT(*) AS total FROM tenants WHERE closed_at IS NULL"),
        // The memberships of a closed tenant have ended.
        Some(member) => Statement::new("SELECT COUNT(*) AS total FROM members WHERE email = ?1").bind(member),
    }
}

/// A tenant with its active key.
#[derive(Deserialize)]
pub struct TenantRow {
    org_id: String,
    org_name: String,
    owner_email: String,
    created_at: i64,
    created_by: String,
    prefix: Option<String>,
    suffix: Option<String>,
    key_created_at: Option<i64>,
    key_created_by: Option<String>,
    expires_at: Option<i64>,
    webhook_count: u32,
}

impl From<TenantRow> for Tenant {
    fn from(row: TenantRow) -> Self {
        let api_key = match (row.prefix, row.suffix, row.key_created_at, row.key_created_by) {
            (Some(prefix), Some(suffix), Some(created_at), Some(created_by)) => Some(ApiKeySummary {
                masked: masked(&prefix, &suffix),
                prefix,
                created_at: Timestamp::from_milliseconds(created_at),
                created_by,
                expires_at: row.expires_at.map(Timestamp::from_milliseconds),
            }),
            _ => None,
        };
        Self {
            org_id: row.org_id,
            org_name: row.org_name,
            owner_email: row.owner_email,
            created_at: Timestamp::from_milliseconds(row.created_at),
            created_by: row.created_by,
            api_key,
            webhook_count: row.webhook_count,
        }
    }
}
