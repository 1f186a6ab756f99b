//! SQL text and row shapes, one file per table. Every statement about a tenant's data takes the [`TenantScope`] first; those
//! of delivery and of the cron run go by what came from the database.

pub mod api_keys;
pub mod bodies;
pub mod columns;
pub mod dead_letters;
pub mod deliveries;
pub mod delivery_log;
pub mod delivery_summary;
pub mod guarded;
pub mod health;
pub mod kept_answers;
pub mod mails;
pub mod members;
pub mod moved;
pub mod notices;
pub mod redelivery;
pub mod retention;
pub mod rounds;
pub mod sealing;
pub mod secrets;
pub mod shard;
pub mod targets;
pub mod tenants;
pub mod tending;
pub mod transitions;
pub mod webhook_trouble;
pub mod webhooks;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use crate::event::message::WebhookKey;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::webhook::id::WebhookId;

/// The tenant's ID where the person is one of its members, and null otherwise. `?1` holds both as a JSON array.
const MEMBERS_TENANT: &str =
    "(SELECT own.org_id FROM members own WHERE own.org_id = ?1 ->> 0 AND own.email = ?1 ->> 1)";

/// A statement about one tenant's data, in which `?1` is the tenant's ID. For a caller who acts as a member, `?1` is null
/// unless the caller is one, and so no row is the tenant's: the statement finds and changes what it would without the tenant.
fn of_tenant(tenant: &TenantScope, sql: impl Into<Cow<'static, str>>) -> Statement {
    let sql = sql.into();
    match tenant.actor().acts_as_member() {
        None => Statement::new(sql).bind(tenant.org_id()),
        Some(person) => {
            Statement::new(with_first_parameter(&sql, MEMBERS_TENANT)).bind(json!([tenant.org_id(), person]))
        }
    }
}

/// Puts an expression in the place of `?1`, and leaves `?10` and its like.
fn with_first_parameter(sql: &str, expression: &str) -> String {
    let mut parts = sql.split("?1");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(if part.starts_with(|next: char| next.is_ascii_digit()) { "?1" } else { expression });
        text.push_str(part);
    }
    text
}

/// The one column of a `COUNT(*)`.
#[derive(Deserialize)]
pub struct CountRow {
    /// How many.
    pub total: u32,
}

/// The tenant and the webhook of a row.
#[derive(Deserialize)]
pub struct WebhookKeyRow {
    org_id: OrgId,
    webhook_id: WebhookId,
}

impl From<WebhookKeyRow> for WebhookKey {
    fn from(row: WebhookKeyRow) -> Self {
        Self { org_id: row.org_id, webhook_id: row.webhook_id }
    }
}

#[cfg(test)]
mod tests;
