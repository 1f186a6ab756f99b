//! The audit log's rows.

use serde::Deserialize;
use serde_json::Value;

use super::shard::IS_OURS;
use super::{members, of_tenant};
use crate::ports::Statement;
use crate::tenant::EmailAddress;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::transition::{Aggregate, Transition, TransitionKind};
use crate::webhook::id::WebhookId;

/// What must hold in the same transaction for the transition to be written at all.
pub enum Guard<'a> {
    /// The tenant is registered and not closed.
    Tenant,
    /// The tenant has a key that works at this time.
    WorkingApiKey(Timestamp),
    /// The tenant is registered, the person is no member yet, and there is room for one more.
    NewMember(&'a EmailAddress),
    /// The person is a member of the tenant and not its owner.
    AddedMember(&'a EmailAddress),
    /// The tenant has this webhook.
    Webhook(&'a WebhookId),
    /// The tenant has this webhook, and this is the webhook's secret, sealed.
    WebhookSecret(&'a WebhookId, &'a str),
    /// The tenant has this webhook, and it is disabled.
    DisabledWebhook(&'a WebhookId),
}

/// A transition to write.
pub struct NewTransition {
    /// What happened.
    pub kind: TransitionKind,
    /// When.
    pub at: Timestamp,
    /// What changed; no secret.
    pub details: Value,
}

/// Appends a transition where the guard holds, with the next version of its aggregate, and gives that version
/// back. The actor is the scope's. The database assigns the number, so two writers never get the same one and none has to try again.
pub fn append(tenant: &TenantScope, transition: NewTransition, guard: &Guard<'_>) -> Statement {
    let condition = match guard {
        Guard::Tenant => "EXISTS (SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL)",
        Guard::WorkingApiKey(_) => {
            "EXISTS (SELECT 1 FROM api_keys WHERE org_id = ?1 AND (revoked_at IS NULL OR revoked_at > ?8) \
             AND (expires_at IS NULL OR expires_at > ?8))"
        }
        Guard::NewMember(_) => {
            "EXISTS (SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM members WHERE org_id = ?1 AND email = ?8) \
             AND (SELECT COUNT(*) FROM members WHERE org_id = ?1) < ?9"
        }
        Guard::AddedMember(_) => {
            "EXISTS (SELECT 1 FROM members m JOIN tenants t ON t.org_id = m.org_id \
             WHERE m.org_id = ?1 AND m.email = ?8 AND m.email <> t.owner_email)"
        }
        Guard::Webhook(_) => "EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?8)",
        Guard::WebhookSecret(..) => {
            "EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?8 AND secret = ?9)"
        }
        Guard::DisabledWebhook(_) => {
            "EXISTS (SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?8 AND status = 'disabled')"
        }
    };
    let statement = of_tenant(tenant, format!(
        "INSERT INTO transitions (org_id, aggregate, version, kind, at, actor, via, details) \
         SELECT ?1, ?2, COALESCE((SELECT MAX(version) FROM transitions WHERE org_id = ?1 AND aggregate = ?2), 0) + 1, \
         ?3, ?4, ?5, ?6, ?7 WHERE {IS_OURS} AND {condition} RETURNING version"
    ))
    .bind(transition.kind.aggregate().as_str())
    .bind(transition.kind.as_str())
    .bind(transition.at)
    .bind(&tenant.actor().name)
    .bind(tenant.actor().via.clone())
    .bind(transition.details);
    match guard {
        Guard::Tenant => statement,
        Guard::WorkingApiKey(now) => statement.bind(*now),
        Guard::NewMember(email) => statement.bind(email.as_str()).bind(members::MOST),
        Guard::AddedMember(email) => statement.bind(email.as_str()),
        Guard::WebhookSecret(id, sealed) => statement.bind(*id).bind(*sealed),
        Guard::Webhook(id) | Guard::DisabledWebhook(id) => statement.bind(*id),
    }
}

/// The version of an aggregate of the tenant.
pub fn latest_version(tenant: &TenantScope, aggregate: Aggregate) -> Statement {
    of_tenant(
        tenant,
        "SELECT version FROM transitions WHERE org_id = ?1 AND aggregate = ?2 ORDER BY version DESC LIMIT 1",
    )
    .bind(aggregate.as_str())
}

/// What [`append`] and [`latest_version`] give back.
#[derive(Deserialize)]
pub struct VersionRow {
    /// The version.
    pub version: u32,
}

/// A tenant's log, newest first, from before `cursor` on.
pub fn newest(tenant: &TenantScope, cursor: Option<i64>, limit: u32) -> Statement {
    of_tenant(
        tenant,
        "SELECT sequence, aggregate, version, kind, at, actor, via, details FROM transitions \
         WHERE org_id = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3",
    )
    .bind(cursor.unwrap_or(i64::from(u32::MAX) << 20))
    .bind(limit)
}

/// A row of the log.
#[derive(Deserialize)]
pub struct TransitionRow {
    /// Its place in the log.
    pub sequence: i64,
    aggregate: String,
    version: u32,
    kind: String,
    at: i64,
    actor: String,
    via: Option<String>,
    details: String,
}

impl From<TransitionRow> for Transition {
    fn from(row: TransitionRow) -> Self {
        Self {
            aggregate: row.aggregate,
            version: row.version,
            kind: row.kind,
            at: Timestamp::from_milliseconds(row.at),
            actor: row.actor,
            via: row.via,
            details: serde_json::from_str(&row.details).unwrap_or_default(),
        }
    }
}
