//! Tenants' rows.

use serde::Deserialize;

use crate::api_key::{ApiKeySummary, masked};
use crate::ports::Statement;
use crate::shard::Bucket;
use crate::tenant::{EmailAddress, OrgId, OrgName, Tenant};
use crate::time::Timestamp;

/// Takes the `orgId`; a UNIQUE violation says it was taken.
pub fn insert(org_id: &OrgId, name: &OrgName, owner: &EmailAddress, at: Timestamp, by: &str) -> Statement {
    Statement::new(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by, bucket) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(org_id)
    .bind(name.as_str())
    .bind(owner.as_str())
    .bind(at)
    .bind(by)
    .bind(u32::from(Bucket::from(org_id).0))
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
    t.webhook_count FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id AND k.revoked_at IS NULL \
    AND (k.expires_at IS NULL OR k.expires_at > ?1)";

/// One tenant with its active key.
pub fn select(org_id: &OrgId, now: Timestamp) -> Statement {
    Statement::new(format!("{COLUMNS} WHERE t.org_id = ?2 AND t.closed_at IS NULL")).bind(now).bind(org_id)
}

/// The place of a tenant in a list by creation: when it was registered, in milliseconds, and its `orgId`.
pub type ByCreation = (i64, String);
/// The place of a tenant in a list of what a search finds: 0 where the `orgId` begins with the text, 1 where only the name
/// does; what the list is ordered by; the `orgId`.
pub type ByMatch = (u8, String, String);

/// Tenants in the order of their registration, from after a place on; of one owner where given.
pub fn page(owner: Option<&str>, after: Option<&ByCreation>, limit: u32, now: Timestamp) -> Statement {
    let (index, by_owner) = match owner {
        None => ("tenants_by_creation", ""),
        Some(_) => ("tenants_by_owner", "AND t.owner_email = ?5"),
    };
    let columns = COLUMNS.replace("FROM tenants t", &format!("FROM tenants t INDEXED BY {index}"));
    let statement = Statement::new(format!(
        "{columns} WHERE t.closed_at IS NULL {by_owner} AND (t.created_at, t.org_id) > (?2, ?3) \
         ORDER BY t.created_at, t.org_id LIMIT ?4"
    ))
    .bind(now)
    .bind(after.map_or(0, |(at, _)| *at))
    .bind(after.map_or("", |(_, org_id)| org_id))
    .bind(limit);
    match owner {
        None => statement,
        Some(owner) => statement.bind(owner),
    }
}

/// Tenants whose `orgId` or name begins with this text, ASCII case ignored, from after a place on. First by `orgId`, then by
/// name: each through its index, and the second only as far as the first leaves room.
pub fn search(text: &str, after: Option<&ByMatch>, limit: u32, now: Timestamp) -> Statement {
    let (part, key, org_id) = after.map_or((0, "", ""), |(part, key, org_id)| (*part, key, org_id));
    let mut parts = Vec::new();
    if part == 0 {
        parts.push(
            "SELECT * FROM (SELECT org_id FROM tenants WHERE org_id >= ?2 AND org_id < ?3 AND org_id > ?5 \
             AND closed_at IS NULL ORDER BY org_id LIMIT ?4)",
        );
    }
    parts.push(
        "SELECT * FROM (SELECT org_id FROM tenants INDEXED BY tenants_by_name \
         WHERE org_name >= ?2 COLLATE NOCASE AND org_name < ?3 COLLATE NOCASE AND closed_at IS NULL \
         AND (org_name COLLATE NOCASE, org_id) > (?6 COLLATE NOCASE, ?7) AND NOT (org_id >= ?2 AND org_id < ?3) \
         ORDER BY org_name COLLATE NOCASE, org_id LIMIT ?4)",
    );
    let found = parts.join(" UNION ALL ");
    let columns = COLUMNS.replace(
        "FROM tenants t",
        &format!("FROM (SELECT * FROM ({found}) LIMIT ?4) AS f CROSS JOIN tenants t ON t.org_id = f.org_id"),
    );
    let text = text.to_ascii_lowercase();
    let end = format!("{text}\u{10FFFF}");
    Statement::new(columns)
        .bind(now)
        .bind(text)
        .bind(end)
        .bind(limit)
        .bind(if part == 0 { org_id } else { "" })
        .bind(if part == 1 { key } else { "" })
        .bind(if part == 1 { org_id } else { "" })
}

/// How many tenants there are: a counter that registering and closing keep.
pub fn count() -> Statement {
    Statement::new("SELECT tenants AS total FROM shard")
}

/// How many tenants one owner has.
pub fn count_of(owner: &str) -> Statement {
    Statement::new(
        "SELECT COUNT(*) AS total FROM tenants INDEXED BY tenants_by_owner WHERE closed_at IS NULL AND owner_email = ?1",
    )
    .bind(owner)
}

/// Counts a tenant that is registered in the same batch.
pub fn count_in() -> Statement {
    Statement::new("UPDATE shard SET tenants = tenants + 1")
}

/// Counts a tenant no longer that is closed in the same batch, after this.
pub fn count_out(org_id: &OrgId) -> Statement {
    Statement::new(
        "UPDATE shard SET tenants = tenants - 1 WHERE EXISTS (SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL)",
    )
    .bind(org_id)
}

/// Counts a tenant's webhooks anew, after what creates or deletes some in the same batch.
pub fn count_webhooks(org_id: &OrgId) -> Statement {
    Statement::new(
        "UPDATE tenants SET webhook_count = (SELECT COUNT(*) FROM webhooks WHERE org_id = ?1) WHERE org_id = ?1",
    )
    .bind(org_id)
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
