//! `POST /tenants/{orgId}/register`

use serde_json::json;

use super::{App, Transitioned};
use crate::actor::Actor;
use crate::error::Error;
use crate::ports::DatabaseError;
use crate::store::transitions::{Guard, NewTransition};
use crate::store::{members, tenants, transitions};
use crate::tenant::{EmailAddress, OrgId, OrgName};
use crate::transition::TransitionKind;

/// What a tenant is registered with.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// The organization's name.
    pub org_name: OrgName,
    /// Who owns it at the portal.
    pub owner_email: EmailAddress,
}

impl App {
    /// Registers a tenant: one round trip.
    ///
    /// # Errors
    /// [`Error::TenantAlreadyRegistered`] also where the tenant was closed since.
    pub async fn register_tenant(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        new: NewTenant,
    ) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition = NewTransition {
            kind: TransitionKind::TenantRegistered,
            at,
            actor,
            details: json!({"orgName": new.org_name, "ownerEmail": new.owner_email}),
        };
        let written = self.database.batch(vec![
            tenants::insert(org_id, &new.org_name, &new.owner_email, at, &actor.name),
            members::insert_owner(org_id, at, &actor.name),
            transitions::append(org_id, transition, &Guard::Tenant),
        ]);
        match written.await {
            Err(DatabaseError::Unique(_)) => Err(Error::TenantAlreadyRegistered),
            Err(error) => Err(error.into()),
            Ok(mut batch) => Transitioned::read(&mut batch, 2, org_id, Error::TenantNotRegistered),
        }
    }
}
