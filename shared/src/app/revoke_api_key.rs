//! `DELETE /api-keys/{orgId}`

use serde_json::json;

use super::{App, Transitioned};
use crate::error::Error;
use crate::store::api_keys;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::tenant_scope::TenantScope;
use crate::transition::TransitionKind;

impl App {
    /// Ends the active key and any retiring one at once.
    ///
    /// # Errors
    /// [`Error::NoActiveKey`].
    pub async fn revoke_api_key(&self, tenant: &TenantScope) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition = NewTransition { kind: TransitionKind::ApiKeyRevoked, at, details: json!({}) };
        let statements = vec![
            // First, because its guard asks for a key that still works.
            transitions::append(tenant, transition, &Guard::WorkingApiKey(at)),
            api_keys::end_all(tenant, at),
        ];
        Transitioned::read(&mut self.run(statements).await?, 0, tenant, Error::NoActiveKey)
    }
}
