//! `POST /api-keys`

use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::idempotency::{KeptAnswer, RequestDigest, text};
use crate::api_key::ApiKey;
use crate::error::Error;
use crate::ports::{Batch, DatabaseError};
use crate::store::api_keys::{self, LabelRow, NewApiKey};
use crate::store::kept_answers::AnsweredChange;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::tenant::{OrgId, OrgName};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::transition::TransitionKind;

/// A key just issued, with the key itself: shown in one response and never again.
#[derive(Debug)]
pub struct FreshApiKey {
    /// The full key.
    pub key: ApiKey,
    /// Whose.
    pub org_id: OrgId,
    /// The label it was issued under.
    pub org_name: String,
    /// When.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl FreshApiKey {
    /// Draws a key that is not stored yet.
    pub(super) fn draw(
        app: &App,
        tenant: &TenantScope,
        expires_at: Option<Timestamp>,
    ) -> Result<Self, Error> {
        let created_at = app.now();
        if expires_at.is_some_and(|end| end <= created_at) {
            return Err(Error::field("expiresAt", "must be in the future"));
        }
        Ok(Self {
            key: ApiKey::generate_in(tenant.org_id().into(), |bytes| app.random.fill(bytes)),
            org_id: tenant.org_id().clone(),
            org_name: String::new(),
            created_at,
            created_by: tenant.actor().name.clone(),
            expires_at,
        })
    }

    /// The row to store.
    pub(super) fn row<'a>(&'a self, org_name: Option<&'a str>) -> NewApiKey<'a> {
        let Self { key, created_at, created_by, expires_at, .. } = self;
        NewApiKey { key, org_name, at: *created_at, by: created_by, expires_at: *expires_at }
    }

    /// What the audit log keeps of it.
    pub(super) fn transition(&self, kind: TransitionKind) -> NewTransition {
        let details = json!({"prefix": self.key.prefix(), "expiresAt": self.expires_at});
        NewTransition { kind, at: self.created_at, details }
    }

    /// Takes the stored label; without one there is no such tenant.
    pub(super) fn stored(mut self, batch: &mut Batch, index: usize) -> Result<Self, Error> {
        self.org_name = batch.first::<LabelRow>(index)?.ok_or(Error::TenantNotRegistered)?.org_name;
        Ok(self)
    }
}

impl KeptAnswer for FreshApiKey {
    fn to_kept(&self) -> Value {
        let Self { key, org_id, created_at, created_by, expires_at, .. } = self;
        json!({"key": key.reveal(), "orgId": org_id, "createdAt": created_at, "createdBy": created_by, "expiresAt": expires_at})
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        Some(Self {
            key: ApiKey::parse(text(kept, "key")?)?,
            org_id: OrgId::parse(text(kept, "orgId")?).ok()?,
            org_name: text(kept, "orgName")?.to_owned(),
            created_at: Timestamp::deserialize(kept.get("createdAt")?).ok()?,
            created_by: text(kept, "createdBy")?.to_owned(),
            expires_at: Option::deserialize(kept.get("expiresAt")?).ok()?,
        })
    }
}

impl App {
    /// Issues the tenant's key: one round trip. Whoever races, the database lets one key be active.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::ActiveKeyExists`]; [`Error::Invalid`] for an `expiresAt` in the past.
    pub async fn issue_api_key(
        &self,
        tenant: &TenantScope,
        org_name: Option<&OrgName>,
        expires_at: Option<Timestamp>,
    ) -> Result<FreshApiKey, Error> {
        let asked = self.asked(|| json!(["issue", tenant.org_id(), org_name, expires_at]));
        self.once(&asked, self.issue(&asked, tenant, org_name, expires_at)).await
    }

    async fn issue(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        org_name: Option<&OrgName>,
        expires_at: Option<Timestamp>,
    ) -> Result<FreshApiKey, Error> {
        let fresh = FreshApiKey::draw(self, tenant, expires_at)?;
        let transition = fresh.transition(TransitionKind::ApiKeyIssued);
        let mut statements = vec![
            api_keys::release_expired(tenant, fresh.created_at),
            api_keys::insert(tenant, &fresh.row(org_name.map(OrgName::as_str))),
            transitions::append(tenant, transition, &Guard::Tenant),
        ];
        statements
            .extend(self.keep(asked, tenant, &fresh, &AnsweredChange::ApiKey(&fresh.key.digest())).await?);
        match self.database.batch(statements).await {
            Err(DatabaseError::Unique(_)) => Err(Error::ActiveKeyExists),
            Err(error) => Err(error.into()),
            Ok(mut batch) => fresh.stored(&mut batch, 1),
        }
    }
}
