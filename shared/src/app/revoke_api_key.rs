//! `DELETE /api-keys/{orgId}`

use serde_json::json;

use super::{App, Transitioned};
use crate::actor::Actor;
use crate::error::Error;
use crate::store::api_keys;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::tenant::OrgId;
use crate::transition::TransitionKind;

impl App {
    /// Ends the active key and any retiring one at once.
    ///
    /// # Errors
    /// [`Error::NoActiveKey`].
    pub async fn revoke_api_key(&self, actor: &Actor, org_id: &OrgId) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition = NewTransition { kind: TransitionKind::ApiKeyRevoked, at, actor, details: json!({}) };
        let statements = vec![
            // First, because its guard asks for a key that still works.
            transitions::append(org_id, transition, &Guard::WorkingApiKey(at)),
            api_keys::end_all(org_id, at),
        ];
        Transitioned::read(&mut self.run(statements).await?, 0, org_id, Error::NoActiveKey)
    }
}
