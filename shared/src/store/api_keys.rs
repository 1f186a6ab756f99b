//! API keys' rows: digests, never keys.

use serde::Deserialize;

use super::of_tenant;
use super::shard::FROM_OURS;
use crate::api_key::{ApiKey, ApiKeyDigest, ApiKeyState, ApiKeySummary, IssuedApiKey, masked};
use crate::page::Page;
use crate::ports::Statement;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// A key to store.
pub struct NewApiKey<'a> {
    /// The key; only its digest and its ends are stored.
    pub key: &'a ApiKey,
    /// A label; the registered name where absent.
    pub org_name: Option<&'a str>,
    /// When it is issued.
    pub at: Timestamp,
    /// By whom.
    pub by: &'a str,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Stores a key for a registered tenant and gives back its label; no row where there is no such tenant. A UNIQUE
/// violation says that another key is active.
pub fn insert(tenant: &TenantScope, new: &NewApiKey<'_>) -> Statement {
    of_tenant(
        tenant,
        "INSERT INTO api_keys (org_id, digest, org_name, prefix, suffix, created_at, created_by, expires_at) \
         SELECT org_id, ?2, COALESCE(?3, org_name), ?4, ?5, ?6, ?7, ?8 FROM tenants \
         WHERE org_id = ?1 AND closed_at IS NULL RETURNING org_name",
    )
    .bind(new.key.digest().as_str())
    .bind(new.org_name)
    .bind(new.key.prefix())
    .bind(new.key.suffix())
    .bind(new.at)
    .bind(new.by)
    .bind(new.expires_at)
}

/// What [`insert`] gives back.
#[derive(Deserialize)]
pub struct LabelRow {
    /// The label the key was issued under.
    pub org_name: String,
}

/// Lets go of an active key whose own date has passed: it counts as none.
pub fn release_expired(tenant: &TenantScope, now: Timestamp) -> Statement {
    of_tenant(tenant,
        "UPDATE api_keys SET revoked_at = expires_at WHERE org_id = ?1 AND revoked_at IS NULL AND expires_at <= ?2",
    )
    .bind(now)
}

/// Ends every key of the tenant at `until` at the latest; keys that end earlier stay as they are.
pub fn end_all(tenant: &TenantScope, until: Timestamp) -> Statement {
    of_tenant(
        tenant,
        "UPDATE api_keys SET revoked_at = ?2 WHERE org_id = ?1 AND (revoked_at IS NULL OR revoked_at > ?2)",
    )
    .bind(until)
}

/// The key with this digest, of a tenant that is not closed.
pub fn by_digest(digest: &ApiKeyDigest) -> Statement {
    Statement::new(format!(
        "SELECT k.org_id, t.org_name, k.prefix, k.expires_at, k.revoked_at FROM {FROM_OURS}api_keys k \
         JOIN tenants t ON t.org_id = k.org_id WHERE k.digest = ?1 AND t.closed_at IS NULL"
    ))
    .bind(digest.as_str())
}

/// What [`by_digest`] finds.
#[derive(Deserialize)]
pub struct PresentedRow {
    /// Whose key it is.
    pub org_id: String,
    /// The registered name.
    pub org_name: String,
    /// The first 8 characters.
    pub prefix: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl PresentedRow {
    /// When it ends by itself.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at.map(Timestamp::from_milliseconds)
    }

    /// Where it is in its life.
    pub fn state(&self, now: Timestamp) -> ApiKeyState {
        ApiKeyState::at(now, self.expires_at(), self.revoked_at.map(Timestamp::from_milliseconds))
    }
}

/// How many keys the tenant was ever issued.
pub fn count(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, "SELECT COUNT(*) AS total FROM api_keys WHERE org_id = ?1")
}

/// A page of them, in the order they were issued.
pub fn page(tenant: &TenantScope, page: Page) -> Statement {
    of_tenant(
        tenant,
        "SELECT org_name, prefix, suffix, created_at, created_by, expires_at, revoked_at FROM api_keys \
         WHERE org_id = ?1 ORDER BY sequence LIMIT ?2 OFFSET ?3",
    )
    .bind(page.limit)
    .bind(page.offset)
}

/// The key issued last.
pub fn last(tenant: &TenantScope) -> Statement {
    of_tenant(
        tenant,
        "SELECT expires_at, revoked_at FROM api_keys WHERE org_id = ?1 ORDER BY sequence DESC LIMIT 1",
    )
}

/// The end of a key.
#[derive(Deserialize)]
pub struct EndRow {
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl EndRow {
    /// When the key expired, if the key has expired and was not revoked before.
    pub fn expired_at(&self, now: Timestamp) -> Option<Timestamp> {
        let expires_at = self.expires_at.map(Timestamp::from_milliseconds);
        let revoked_at = self.revoked_at.map(Timestamp::from_milliseconds);
        expires_at.filter(|_| ApiKeyState::at(now, expires_at, revoked_at) == ApiKeyState::Expired)
    }
}

/// A key ever issued.
#[derive(Deserialize)]
pub struct IssuedRow {
    org_name: String,
    prefix: String,
    suffix: String,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl IssuedRow {
    /// As the list shows it now.
    pub fn into_issued(self, now: Timestamp) -> IssuedApiKey {
        let expires_at = self.expires_at.map(Timestamp::from_milliseconds);
        let revoked_at = self.revoked_at.map(Timestamp::from_milliseconds);
        IssuedApiKey {
            summary: ApiKeySummary {
                masked: masked(&self.prefix, &self.suffix),
                prefix: self.prefix,
                created_at: Timestamp::from_milliseconds(self.created_at),
                created_by: self.created_by,
                expires_at,
            },
            org_name: self.org_name,
            state: ApiKeyState::at(now, expires_at, revoked_at),
            revoked_at,
        }
    }
}
