//! What a split of shards left behind: rows of webhooks and tenants that are in the other half.

use crate::ports::Statement;

/// Webhooks, or tenants, looked at at a time.
const AT_ONCE: u32 = 500;

/// Deletes a slice of the deliveries of webhooks that are in the other half.
pub fn delete_deliveries(limit: u32) -> Statement {
    Statement::new(format!(
        "DELETE FROM deliveries WHERE (webhook, created_at, event) IN (SELECT d.webhook, d.created_at, d.event FROM \
         (SELECT sequence FROM moved_webhooks ORDER BY sequence LIMIT {AT_ONCE}) AS m \
         CROSS JOIN deliveries d ON d.webhook = m.sequence LIMIT ?1) RETURNING 1 AS deleted"
    ))
    .bind(limit)
}

/// Forgets those webhooks of which no delivery is left.
pub fn forget_webhooks() -> Statement {
    Statement::new(format!(
        "DELETE FROM moved_webhooks WHERE sequence IN (SELECT sequence FROM moved_webhooks ORDER BY sequence LIMIT {AT_ONCE}) \
         AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook = moved_webhooks.sequence) RETURNING 1 AS forgotten"
    ))
}

/// Deletes a slice of the bodies of tenants that are in the other half.
pub fn delete_bodies(limit: u32) -> Statement {
    delete_of_tenants("bodies", limit)
}

/// Deletes a slice of the audit log of tenants that are in the other half.
pub fn delete_transitions(limit: u32) -> Statement {
    delete_of_tenants("transitions", limit)
}

fn delete_of_tenants(table: &str, limit: u32) -> Statement {
    Statement::new(format!(
        "DELETE FROM {table} WHERE sequence IN (SELECT r.sequence FROM \
         (SELECT org_id FROM moved_tenants ORDER BY org_id LIMIT {AT_ONCE}) AS m \
         CROSS JOIN {table} r ON r.org_id = m.org_id LIMIT ?1) RETURNING 1 AS deleted"
    ))
    .bind(limit)
}

/// Forgets those tenants of which neither is left.
pub fn forget_tenants() -> Statement {
    Statement::new(format!(
        "DELETE FROM moved_tenants WHERE org_id IN (SELECT org_id FROM moved_tenants ORDER BY org_id LIMIT {AT_ONCE}) \
         AND NOT EXISTS (SELECT 1 FROM bodies WHERE org_id = moved_tenants.org_id) \
         AND NOT EXISTS (SELECT 1 FROM transitions WHERE org_id = moved_tenants.org_id) RETURNING 1 AS forgotten"
    ))
}
