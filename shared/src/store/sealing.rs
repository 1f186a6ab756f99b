//! Webhooks' sealed values, while the key that seals them is being rotated.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rounds::SEAL_ANEW;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::webhook::id::WebhookId;

/// Webhooks looked at by one run; the next run goes on.
pub const AT_ONCE: u32 = 100;

/// Some value does not begin as those sealed with the current key do. No index serves this: the table is read as a
/// whole, once a minute, as long as a previous key is set.
const STALE: &str = "(substr(secret, 1, length(?1)) <> ?1 OR EXISTS (SELECT 1 FROM json_each(previous_secrets) \
      WHERE substr(value ->> 'secret', 1, length(?1)) <> ?1) OR substr(auth_token, 1, length(?1)) <> ?1)";

/// Webhooks that have a value sealed otherwise than `current`, from where the last run stopped: those that no key opens
/// do not stand in the way of the others.
pub fn stale(current: &str) -> Statement {
    Statement::new(format!(
        "SELECT sequence, id, org_id, secret, previous_secrets, auth_token FROM webhooks \
         WHERE sequence > COALESCE((SELECT CAST(position AS INTEGER) FROM rounds WHERE name = ?2), 0) AND {STALE} \
         ORDER BY sequence LIMIT ?3"
    ))
    .bind(current)
    .bind(SEAL_ANEW)
    .bind(AT_ONCE)
}

/// What [`stale`] gives back.
#[derive(Deserialize)]
pub struct StaleRow {
    /// Orders the round.
    pub sequence: i64,
    /// The webhook.
    pub id: WebhookId,
    /// The webhook's tenant.
    pub org_id: OrgId,
    /// The signing secret.
    pub secret: String,
    /// The earlier ones, as the column has them.
    pub previous_secrets: String,
    /// The static token.
    pub auth_token: Option<String>,
}

/// How many webhooks have a value sealed otherwise than `current`.
pub fn count(current: &str) -> Statement {
    Statement::new(format!("SELECT COUNT(*) AS total FROM webhooks WHERE {STALE}")).bind(current)
}

/// A webhook's values, sealed anew.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedAnew {
    /// The webhook.
    pub id: WebhookId,
    /// What was there.
    pub was: Values,
    /// What takes its place.
    pub becomes: Values,
}

/// All that a webhook has sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Values {
    /// The signing secret.
    pub secret: String,
    /// The earlier ones, as the column has them.
    pub previous_secrets: String,
    /// The static token.
    pub auth_token: Option<String>,
}

/// Puts the new values where the old ones still are: what somebody changed meanwhile stays as it is. Gives back the ids.
pub fn replace(values: &[SealedAnew]) -> Statement {
    Statement::new(
        "WITH j AS (SELECT value ->> '$.id' AS id, value ->> '$.was.secret' AS old_secret, \
         value ->> '$.was.previousSecrets' AS old_previous, value ->> '$.was.authToken' AS old_token, \
         value ->> '$.becomes.secret' AS secret, value ->> '$.becomes.previousSecrets' AS previous, \
         value ->> '$.becomes.authToken' AS token FROM json_each(?1)) \
         UPDATE webhooks SET secret = j.secret, previous_secrets = j.previous, auth_token = j.token FROM j \
         WHERE webhooks.id = j.id AND webhooks.secret = j.old_secret AND webhooks.previous_secrets = j.old_previous \
         AND webhooks.auth_token IS j.old_token RETURNING id",
    )
    .bind(json!(values))
}
