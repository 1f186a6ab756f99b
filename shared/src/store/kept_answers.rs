//! Answers to requests that their callers may repeat, each written in the batch of the change that it answers for.

use std::time::Duration;

use serde::Deserialize;

use super::of_tenant;
use crate::api_key::ApiKeyDigest;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::transition::Aggregate;
use crate::webhook::id::WebhookId;

/// How long an answer is kept at least.
const KEPT: Duration = Duration::from_secs(86_400);

/// An answer to keep.
pub struct NewAnswer<'a> {
    /// Names the caller and the key: a digest of both.
    pub id: &'a str,
    /// A digest of what the caller asked for.
    pub request: &'a str,
    /// The answer, sealed.
    pub sealed: &'a str,
    /// The time of the change.
    pub at: Timestamp,
}

/// The change that an answer answers for, earlier in the same batch. Without the change, nothing is kept.
pub enum AnsweredChange<'a> {
    /// The tenant was registered.
    Registered,
    /// The tenant has this API key.
    ApiKey(&'a ApiKeyDigest),
    /// The tenant has this webhook.
    Webhook(&'a WebhookId),
    /// The tenant has this webhook, and the webhook is not disabled.
    WorkingWebhook(&'a WebhookId),
    /// The tenant's webhook signs with this secret, sealed.
    WebhookSecret(&'a WebhookId, &'a str),
    /// The tenant's webhook has the condition with this stamp.
    WebhookCondition(&'a WebhookId, i64),
    /// The statement just before changed a delivery of the tenant's webhook.
    Redelivered(&'a WebhookId),
}

/// Keeps an answer of a tenant, with what the database alone knows of the answer: the version, or the key's label. A second
/// answer with the same id ends the batch.
pub fn keep(tenant: &TenantScope, answer: &NewAnswer<'_>, change: &AnsweredChange<'_>) -> Statement {
    let version = |aggregate: Aggregate| {
        let aggregate = aggregate.as_str();
        format!(
            "json_object('version', (SELECT MAX(t.version) FROM transitions t \
             WHERE t.org_id = c.org_id AND t.aggregate = '{aggregate}'))"
        )
    };
    let (known, from) = match change {
        AnsweredChange::Registered => (version(Aggregate::Tenant), "tenants c WHERE c.org_id = ?1"),
        AnsweredChange::ApiKey(_) => (
            "json_object('orgName', c.org_name)".to_owned(),
            "api_keys c WHERE c.org_id = ?1 AND c.digest = ?6",
        ),
        AnsweredChange::Webhook(_) => {
            (version(Aggregate::Webhooks), "webhooks c WHERE c.org_id = ?1 AND c.id = ?6")
        }
        AnsweredChange::WorkingWebhook(_) => {
            ("'{}'".to_owned(), "webhooks c WHERE c.org_id = ?1 AND c.id = ?6 AND c.status <> 'disabled'")
        }
        AnsweredChange::WebhookSecret(..) => {
            (version(Aggregate::Webhooks), "webhooks c WHERE c.org_id = ?1 AND c.id = ?6 AND c.secret = ?7")
        }
        AnsweredChange::WebhookCondition(..) => (
            version(Aggregate::Webhooks),
            "webhooks c WHERE c.org_id = ?1 AND c.id = ?6 AND c.health_stamp = ?7",
        ),
        AnsweredChange::Redelivered(_) => {
            ("'{}'".to_owned(), "webhooks c WHERE c.org_id = ?1 AND c.id = ?6 AND changes() > 0")
        }
    };
    let sql = format!(
        "INSERT INTO kept_answers (id, request, answer, at, org_id, known) \
         SELECT ?2, ?3, ?4, ?5, c.org_id, {known} FROM {from}"
    );
    let statement =
        of_tenant(tenant, sql).bind(answer.id).bind(answer.request).bind(answer.sealed).bind(answer.at);
    match change {
        AnsweredChange::Registered => statement,
        AnsweredChange::ApiKey(digest) => statement.bind(digest.as_str()),
        AnsweredChange::Webhook(id)
        | AnsweredChange::WorkingWebhook(id)
        | AnsweredChange::Redelivered(id) => statement.bind(*id),
        AnsweredChange::WebhookSecret(id, sealed) => statement.bind(*id).bind(*sealed),
        AnsweredChange::WebhookCondition(id, stamp) => statement.bind(*id).bind(*stamp),
    }
}

/// Keeps an answer that is about no tenant.
pub fn keep_of_none(answer: &NewAnswer<'_>) -> Statement {
    Statement::new("INSERT INTO kept_answers (id, request, answer, at, known) VALUES (?1, ?2, ?3, ?4, '{}')")
        .bind(answer.id)
        .bind(answer.request)
        .bind(answer.sealed)
        .bind(answer.at)
}

/// The answer of this id. A caller who acts as a member gets answers about the caller's own tenants only.
pub fn find(id: &str, member: Option<&str>) -> Statement {
    Statement::new(
        "SELECT request, answer, known FROM kept_answers k WHERE id = ?1 AND (?2 IS NULL OR EXISTS \
         (SELECT 1 FROM members m WHERE m.org_id = k.org_id AND m.email = ?2))",
    )
    .bind(id)
    .bind(member.map(str::to_owned))
}

/// Deletes a slice of those that were kept long enough.
pub fn delete_old(now: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "DELETE FROM kept_answers WHERE id IN (SELECT id FROM kept_answers WHERE at <= ?1 ORDER BY at LIMIT ?2)",
    )
    .bind(now.minus(KEPT))
    .bind(limit)
}

/// A row of [`find`].
#[derive(Clone, Debug, Deserialize)]
pub struct KeptRow {
    /// The digest of what was asked for.
    pub request: String,
    /// The answer, sealed.
    pub answer: String,
    /// What the database alone knew, a JSON object.
    pub known: String,
}
