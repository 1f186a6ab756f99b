//! Webhooks' sealed values, read and rotated. A webhook signs with its current secret and with each earlier one whose
//! overlap lasts.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::of_tenant;
use crate::ports::{DatabaseError, Statement};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::MOST_SECRETS;
use crate::webhook::id::WebhookId;

/// An earlier secret, sealed, as the column `previous_secrets` has it in a JSON array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret, sealed.
    pub secret: String,
    /// When the overlap ends, in milliseconds.
    pub until: i64,
}

/// Reads the column `previous_secrets`, and leaves out those whose overlap has ended.
///
/// # Errors
/// If the column holds something else than was written.
pub fn overlapping(column: &str, now: Timestamp) -> Result<Vec<PreviousSecret>, DatabaseError> {
    let all: Vec<PreviousSecret> =
        serde_json::from_str(column).map_err(|_| DatabaseError::Shape("previous secrets".into()))?;
    Ok(all.into_iter().filter(|previous| now.milliseconds() < previous.until).collect())
}

/// A new signing secret for a webhook.
pub struct Rotation<'a> {
    /// The new secret, sealed.
    pub sealed: &'a str,
    /// Until when the current secret signs as well; `None` ends it at once.
    pub overlap_until: Option<Timestamp>,
    /// The current secret, sealed, on which the rotation relies; `None` where it relies on none.
    pub based_on: Option<&'a str>,
    /// Earlier secrets, sealed, that are the new one.
    pub repeated: &'a [String],
    /// When.
    pub at: Timestamp,
}

/// Sets a new signing secret. Earlier ones sign until their own overlap ends. Changes nothing where more than
/// [`MOST_SECRETS`] would sign, or where the current secret is not the one that the rotation relies on.
pub fn rotate(tenant: &TenantScope, id: &WebhookId, rotation: &Rotation<'_>) -> Statement {
    let lasting = "SELECT value FROM json_each(webhooks.previous_secrets) WHERE value ->> 'until' > ?5 \
        AND value ->> 'secret' NOT IN (SELECT repeated.value FROM json_each(?7) AS repeated)";
    of_tenant(
        tenant,
        format!(
            "UPDATE webhooks SET previous_secrets = (SELECT json_group_array(json(value)) FROM ({lasting} UNION ALL \
               SELECT json_object('secret', webhooks.secret, 'until', CAST(?4 AS INTEGER)) WHERE ?4 IS NOT NULL)), \
             secret = ?3, updated_at = ?5 WHERE org_id = ?1 AND id = ?2 AND (?6 IS NULL OR secret = ?6) \
             AND (SELECT COUNT(*) FROM ({lasting})) + (?4 IS NOT NULL) < ?8"
        ),
    )
    .bind(id)
    .bind(rotation.sealed)
    .bind(rotation.overlap_until)
    .bind(rotation.at)
    .bind(rotation.based_on)
    .bind(json!(rotation.repeated))
    .bind(MOST_SECRETS)
}

/// What one of the tenant's webhooks has sealed.
pub fn sealed(tenant: &TenantScope, id: &WebhookId) -> Statement {
    of_tenant(
        tenant,
        "SELECT secret, previous_secrets, auth_token FROM webhooks WHERE org_id = ?1 AND id = ?2",
    )
    .bind(id)
}

/// What [`sealed`] finds.
#[derive(Deserialize)]
pub struct SealedRow {
    /// The signing secret.
    pub secret: String,
    previous_secrets: String,
    /// The static token.
    pub auth_token: Option<String>,
}

impl SealedRow {
    /// The earlier secrets that still sign.
    ///
    /// # Errors
    /// If the column holds something else than was written.
    pub fn overlapping(&self, now: Timestamp) -> Result<Vec<PreviousSecret>, DatabaseError> {
        overlapping(&self.previous_secrets, now)
    }
}
