//! Members' rows: the owner and those who were added.

use serde::Deserialize;

use super::of_tenant;
use crate::member::{MOST_BESIDES_OWNER, Member, MemberRole};
use crate::ports::Statement;
use crate::tenant::{EmailAddress, OrgId};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// All members a tenant may have, the owner among them.
pub(super) const MOST: u32 = MOST_BESIDES_OWNER + 1;

/// Adds a person to a registered tenant that may have one more member; otherwise changes nothing, nor does a person who
/// is a member already.
pub fn insert(tenant: &TenantScope, email: &EmailAddress, at: Timestamp) -> Statement {
    of_tenant(
        tenant,
        "INSERT INTO members (org_id, email, added_at, added_by, tenant_created_at) \
         SELECT org_id, ?2, ?3, ?4, created_at FROM tenants WHERE org_id = ?1 AND closed_at IS NULL \
         AND (SELECT COUNT(*) FROM members WHERE org_id = ?1) < ?5 ON CONFLICT DO NOTHING",
    )
    .bind(email.as_str())
    .bind(at)
    .bind(&tenant.actor().name)
    .bind(MOST)
}

/// Makes the tenant's owner a member, whoever the caller is: the registration and the change of an owner, in the same
/// transaction, have made the owner. The address is spelt as the tenant has it.
pub fn insert_owner(tenant: &TenantScope, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO members (org_id, email, added_at, added_by, tenant_created_at) \
         SELECT org_id, owner_email, ?2, ?3, created_at FROM tenants WHERE org_id = ?1 AND closed_at IS NULL \
         ON CONFLICT DO UPDATE SET email = excluded.email",
    )
    .bind(tenant.org_id())
    .bind(at)
    .bind(&tenant.actor().name)
}

/// Ends the owner's membership, unless the next owner is the same person. Before the tenant's owner changes, in the same
/// transaction.
pub fn delete_owner(tenant: &TenantScope, next: &EmailAddress) -> Statement {
    of_tenant(
        tenant,
        "DELETE FROM members WHERE org_id = ?1 AND email <> ?2 \
         AND email = (SELECT owner_email FROM tenants WHERE org_id = ?1 AND closed_at IS NULL)",
    )
    .bind(next.as_str())
}

/// Ends the membership of a person who is not the owner.
pub fn delete(tenant: &TenantScope, email: &EmailAddress) -> Statement {
    of_tenant(
        tenant,
        "DELETE FROM members WHERE org_id = ?1 AND email = ?2 \
         AND email <> (SELECT owner_email FROM tenants WHERE org_id = ?1)",
    )
    .bind(email.as_str())
}

/// Ends the membership of everybody.
pub fn delete_all(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, "DELETE FROM members WHERE org_id = ?1")
}

const COLUMNS: &str = "SELECT m.email, m.email = t.owner_email AS owns, m.added_at, m.added_by \
    FROM tenants t JOIN members m ON m.org_id = t.org_id WHERE t.org_id = ?1 AND t.closed_at IS NULL";

/// A registered tenant's members, in the order of their addresses.
pub fn all(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, COLUMNS)
}

/// One of them.
pub fn select(tenant: &TenantScope, email: &EmailAddress) -> Statement {
    of_tenant(tenant, format!("{COLUMNS} AND m.email = ?2")).bind(email.as_str())
}

/// One row if this person is a member of a tenant other than this.
pub fn another_tenant(email: &str, tenant: &OrgId) -> Statement {
    Statement::new(
        "SELECT 1 AS another FROM members INDEXED BY members_by_email WHERE email = ?1 AND org_id <> ?2 LIMIT 1",
    )
    .bind(email)
    .bind(tenant)
}

/// A member's row.
#[derive(Deserialize)]
pub struct MemberRow {
    email: String,
    owns: u8,
    added_at: i64,
    added_by: String,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            email: row.email,
            role: if row.owns == 1 { MemberRole::Owner } else { MemberRole::Member },
            added_at: Timestamp::from_milliseconds(row.added_at),
            added_by: row.added_by,
        }
    }
}
