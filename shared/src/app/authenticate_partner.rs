//! Who a partner's own `X-API-Key` is.

use super::App;
use crate::actor::Actor;
use crate::api_key::ApiKey;
use crate::error::Error;
use crate::store::api_keys::{self, PresentedRow};
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// A partner's backend, let in with its API key.
#[derive(Clone, Debug)]
pub struct Partner {
    /// The tenant of the API key.
    pub org_id: OrgId,
    /// The registered name.
    pub org_name: String,
    /// The key's first 8 characters.
    pub prefix: String,
    /// When the key ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Partner {
    /// The partner's own tenant.
    pub fn tenant(&self) -> TenantScope {
        TenantScope::new(Actor::partner(&self.org_id), self.org_id.clone())
    }
}

impl App {
    /// The partner whose key this is, or nobody: unknown, revoked, expired, or of a closed tenant.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn authenticate_partner(&self, key: &ApiKey) -> Result<Option<Partner>, Error> {
        let mut batch = self.run(vec![api_keys::by_digest(&key.digest())]).await?;
        let now = self.now();
        let row = batch.first::<PresentedRow>(0)?.filter(|row| row.state(now).works());
        row.map(|row| {
            let expires_at = row.expires_at();
            let org_id = OrgId::parse(&row.org_id).map_err(|_| Error::Internal("stored orgId".into()))?;
            Ok(Partner { org_id, org_name: row.org_name, prefix: row.prefix, expires_at })
        })
        .transpose()
    }
}
