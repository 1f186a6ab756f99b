//! Tenants' rows.

use serde::Deserialize;

use super::of_tenant;
use crate::api_key::{ApiKeySummary, masked};
use crate::page::Page;
use crate::ports::Statement;
use crate::tenant::{EmailAddress, OrgName, Tenant};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Takes the `orgId`, whoever the caller is: a tenant that is not registered has no members. A UNIQUE violation says that it
/// was taken.
pub fn insert(tenant: &TenantScope, name: &OrgName, owner: &EmailAddress, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(tenant.org_id())
    .bind(name.as_str())
    .bind(owner.as_str())
    .bind(at)
    .bind(&tenant.actor().name)
}

/// One row where the tenant is registered and not closed.
pub fn registered(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, "SELECT 1 AS registered FROM tenants WHERE org_id = ?1 AND closed_at IS NULL")
}

/// Changes what is given.
pub fn update(tenant: &TenantScope, name: Option<&OrgName>, owner: Option<&EmailAddress>) -> Statement {
    of_tenant(
        tenant,
        "UPDATE tenants SET org_name = COALESCE(?2, org_name), owner_email = COALESCE(?3, owner_email) \
         WHERE org_id = ?1 AND closed_at IS NULL",
    )
    .bind(name.map(OrgName::as_str))
    .bind(owner.map(EmailAddress::as_str))
}

/// Closes the tenant; the row stays, so that the `orgId` stays taken.
pub fn close(tenant: &TenantScope, at: Timestamp) -> Statement {
    of_tenant(tenant, "UPDATE tenants SET closed_at = ?2 WHERE org_id = ?1 AND closed_at IS NULL").bind(at)
}

const COLUMNS: &str = "SELECT t.org_id, t.org_name, t.owner_email, t.created_at, t.created_by, \
    k.prefix, k.suffix, k.created_at AS key_created_at, k.created_by AS key_created_by, k.expires_at, \
    (SELECT COUNT(*) FROM webhooks w WHERE w.org_id = t.org_id) AS webhook_count \
    FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id AND k.revoked_at IS NULL \
    AND (k.expires_at IS NULL OR k.expires_at > ?2)";

/// One tenant with its active key.
pub fn select(tenant: &TenantScope, now: Timestamp) -> Statement {
    of_tenant(tenant, format!("{COLUMNS} WHERE t.org_id = ?1 AND t.closed_at IS NULL")).bind(now)
}

/// A page of tenants in the order of their registration; of those of which all these people are members, where any are
/// given.
pub fn page(people: &[&str], page: Page, now: Timestamp) -> Statement {
    let order = if people.is_empty() { "t.sequence" } else { "m0.tenant_created_at, m0.org_id" };
    let statement = Statement::new(format!(
        "{COLUMNS} {} WHERE t.closed_at IS NULL ORDER BY {order} LIMIT ?1 OFFSET ?3",
        of_members(people, 4)
    ))
    .bind(page.limit)
    .bind(now)
    .bind(page.offset);
    people.iter().fold(statement, |statement, person| statement.bind(*person))
}

/// How many such tenants there are.
pub fn count(people: &[&str]) -> Statement {
    let statement = Statement::new(format!(
        "SELECT COUNT(*) AS total FROM tenants t {} WHERE t.closed_at IS NULL",
        of_members(people, 1)
    ));
    people.iter().fold(statement, |statement, person| statement.bind(*person))
}

/// Joins tenants `t` with the memberships of these people, whose addresses are the parameters from `first` on.
fn of_members(people: &[&str], first: usize) -> String {
    let joins = people.iter().enumerate().map(|(index, _)| {
        // A tenant has few members, a person may have many tenants: the first person's are gone through.
        let through = if index == 0 { "INDEXED BY members_by_email" } else { "" };
        format!(
            "JOIN members m{index} {through} ON m{index}.org_id = t.org_id AND m{index}.email = ?{}",
            first + index
        )
    });
    joins.collect::<Vec<_>>().join(" ")
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
