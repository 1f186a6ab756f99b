//! `POST /api-keys/{orgId}/rotate`

use std::time::Duration;

use serde_json::json;

use super::App;
use super::idempotency::RequestDigest;
use super::issue_api_key::FreshApiKey;
use crate::error::Error;
use crate::store::api_keys;
use crate::store::kept_answers::AnsweredChange;
use crate::store::transitions::{self, Guard};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::transition::TransitionKind;

impl App {
    /// Issues a new key and ends the old ones, in one transaction. With a grace they work until it ends; no older
    /// key outlives it, not even one that an earlier rotation gave a longer grace. Works where no key is active.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::Invalid`] for an `expiresAt` in the past.
    pub async fn rotate_api_key(
        &self,
        tenant: &TenantScope,
        expires_at: Option<Timestamp>,
        grace: Duration,
    ) -> Result<FreshApiKey, Error> {
        let asked = self.asked(|| json!(["rotate", tenant.org_id(), expires_at, grace.as_secs()]));
        self.once(&asked, self.rotate(&asked, tenant, expires_at, grace)).await
    }

    async fn rotate(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        expires_at: Option<Timestamp>,
        grace: Duration,
    ) -> Result<FreshApiKey, Error> {
        let fresh = FreshApiKey::draw(self, tenant, expires_at)?;
        let mut statements = vec![
            api_keys::end_all(tenant, fresh.created_at.plus(grace)),
            api_keys::insert(tenant, &fresh.row(None)),
            transitions::append(tenant, fresh.transition(TransitionKind::ApiKeyRotated), &Guard::Tenant),
        ];
        statements
            .extend(self.keep(asked, tenant, &fresh, &AnsweredChange::ApiKey(&fresh.key.digest())).await?);
        let mut batch = self.run(statements).await?;
        fresh.stored(&mut batch, 1)
    }
}
