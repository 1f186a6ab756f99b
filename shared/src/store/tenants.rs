//! Tenants' rows.

use serde::Deserialize;

use super::of_tenant;
use super::shard::FROM_OURS;
use crate::api_key::{ApiKeySummary, masked};
use crate::ports::Statement;
use crate::shard::Bucket;
use crate::tenant::{EmailAddress, OrgName, Tenant};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Takes the `orgId`, whoever the caller is: a tenant that is not registered has no members. A UNIQUE violation says that it
/// was taken.
pub fn insert(tenant: &TenantScope, name: &OrgName, owner: &EmailAddress, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by, bucket) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(tenant.org_id())
    .bind(name.as_str())
    .bind(owner.as_str())
    .bind(at)
    .bind(&tenant.actor().name)
    .bind(u32::from(Bucket::from(tenant.org_id()).0))
}

/// One row where the tenant is registered and not closed.
pub fn registered(tenant: &TenantScope) -> Statement {
    of_tenant(
        tenant,
        format!("SELECT 1 AS registered FROM {FROM_OURS}tenants WHERE org_id = ?1 AND closed_at IS NULL"),
    )
}

/// One row where the tenant is registered or was closed.
pub fn ever_registered(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, "SELECT 1 AS registered FROM tenants WHERE org_id = ?1")
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
    t.webhook_count FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id AND k.revoked_at IS NULL \
    AND (k.expires_at IS NULL OR k.expires_at > ?2)";

/// One tenant with its active key.
pub fn select(tenant: &TenantScope, now: Timestamp) -> Statement {
    let columns = COLUMNS.replace("FROM tenants t", &format!("FROM {FROM_OURS}tenants t"));
    of_tenant(tenant, format!("{columns} WHERE t.org_id = ?1 AND t.closed_at IS NULL")).bind(now)
}

/// The place of a tenant in a list by creation: when it was registered, in milliseconds, and its `orgId`.
pub type ByCreation = (i64, String);
/// The place of a tenant in a list of what a search finds: 0 where the `orgId` begins with the text, 1 where only the name
/// does; what the list is ordered by; the `orgId`.
pub type ByMatch = (u8, String, String);

/// Tenants in the order of their registration, from after a place on; of those of which all these people are members, where
/// any are given.
pub fn page(people: &[&str], after: Option<&ByCreation>, limit: u32, now: Timestamp) -> Statement {
    let (columns, place) = if people.is_empty() {
        let from = "FROM tenants t INDEXED BY tenants_by_creation";
        (COLUMNS.replace("FROM tenants t", from), "t.created_at, t.org_id")
    } else {
        // A tenant has few members, a person may have many tenants: the first person's are gone through.
        (COLUMNS.replace("FROM tenants t", &of_members(people, 5)), "m0.tenant_created_at, m0.org_id")
    };
    let statement = Statement::new(format!(
        "{columns} WHERE t.closed_at IS NULL AND ({place}) > (?1, ?3) ORDER BY {place} LIMIT ?4"
    ))
    .bind(after.map_or(0, |(at, _)| *at))
    .bind(now)
    .bind(after.map_or("", |(_, org_id)| org_id))
    .bind(limit);
    people.iter().fold(statement, |statement, person| statement.bind(*person))
}

/// The SQL for the tenants `t` of which all these people are members, whose addresses are the parameters from `first` on.
fn of_members(people: &[&str], first: usize) -> String {
    let others = (1..people.len()).map(|index| {
        format!(
            " CROSS JOIN members m{index} ON m{index}.org_id = t.org_id AND m{index}.email = ?{}",
            first + index
        )
    });
    let others: String = others.collect();
    format!(
        "FROM members m0 INDEXED BY members_by_email \
         CROSS JOIN tenants t ON t.org_id = m0.org_id AND m0.email = ?{first}{others}"
    )
}

/// Tenants whose `orgId` or name begins with this text, ASCII case ignored, from after a place on. First by `orgId`, then by
/// name: each through its index, and the second only as far as the first leaves room. An index is entered at the place: of
/// two lower bounds SQLite would take the first, and walk from there.
pub fn search(text: &str, after: Option<&ByMatch>, limit: u32, now: Timestamp) -> Statement {
    let text = text.to_ascii_lowercase();
    // A place before the text is that of another search.
    let after = after.map(|(part, key, org_id)| (*part, (*key >= text).then_some((key, org_id))));
    let (begun_by_id, begun_by_name) = match after {
        None => (Some(None), None),
        Some((0, place)) => (Some(place), None),
        Some((_, place)) => (None, place),
    };
    let mut parts = Vec::new();
    if let Some(place) = begun_by_id {
        let begin = if place.is_some() { "t.org_id > ?5" } else { "t.org_id >= ?1" };
        parts.push(format!(
            "SELECT * FROM ({COLUMNS} WHERE {begin} AND t.org_id < ?3 AND t.closed_at IS NULL ORDER BY t.org_id LIMIT ?4)"
        ));
    }
    let by_name = COLUMNS.replace("FROM tenants t", "FROM tenants t INDEXED BY tenants_by_name");
    let begin = match begun_by_name {
        Some(_) => "(t.org_name, t.org_id) > (?5, ?6)",
        None => "t.org_name >= ?1",
    };
    parts.push(format!(
        "SELECT * FROM ({by_name} WHERE {begin} AND t.org_name < ?3 AND t.closed_at IS NULL \
         AND NOT (t.org_id >= ?1 AND t.org_id < ?3) ORDER BY t.org_name, t.org_id LIMIT ?4)"
    ));
    let end = format!("{text}\u{10FFFF}");
    let statement = Statement::new(format!("SELECT * FROM ({}) LIMIT ?4", parts.join(" UNION ALL ")))
        .bind(text)
        .bind(now)
        .bind(end)
        .bind(limit);
    match (begun_by_id.flatten(), begun_by_name) {
        (Some((org_id, _)), _) => statement.bind(org_id),
        (None, Some((name, org_id))) => statement.bind(name).bind(org_id),
        (None, None) => statement,
    }
}

/// How many tenants there are: a counter that registering and closing keep.
pub fn count() -> Statement {
    Statement::new("SELECT tenants AS total FROM shard")
}

/// How many tenants there are of which all these people are members.
pub fn count_of(people: &[&str]) -> Statement {
    let statement = Statement::new(format!(
        "SELECT COUNT(*) AS total {} WHERE t.closed_at IS NULL",
        of_members(people, 1)
    ));
    people.iter().fold(statement, |statement, person| statement.bind(*person))
}

/// Counts a tenant that is registered in the same batch.
pub fn count_in() -> Statement {
    Statement::new("UPDATE shard SET tenants = tenants + 1")
}

/// Counts a tenant no longer that is closed in the same batch, after this.
pub fn count_out(tenant: &TenantScope) -> Statement {
    of_tenant(
        tenant,
        "UPDATE shard SET tenants = tenants - 1 WHERE EXISTS (SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL)",
    )
}

/// Counts a tenant's webhooks anew, after what creates or deletes some in the same batch.
pub fn count_webhooks(tenant: &TenantScope) -> Statement {
    of_tenant(
        tenant,
        "UPDATE tenants SET webhook_count = (SELECT COUNT(*) FROM webhooks WHERE org_id = ?1) WHERE org_id = ?1",
    )
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

impl TenantRow {
    /// Its place in a list by creation.
    pub fn by_creation(&self) -> ByCreation {
        (self.created_at, self.org_id.clone())
    }

    /// Its place among what a search for this text finds.
    pub fn by_match(&self, text: &str) -> ByMatch {
        if self.org_id.starts_with(&text.to_ascii_lowercase()) {
            (0, self.org_id.clone(), self.org_id.clone())
        } else {
            (1, self.org_name.to_ascii_lowercase(), self.org_id.clone())
        }
    }
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
