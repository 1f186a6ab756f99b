//! `POST /tenants/{orgId}/register`

use serde_json::json;

use super::{App, Transitioned};
use crate::error::Error;
use crate::ports::DatabaseError;
use crate::store::transitions::{Guard, NewTransition};
use crate::store::{members, tenants, transitions};
use crate::tenant::{EmailAddress, OrgName};
use crate::tenant_scope::TenantScope;
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
    /// Registers a tenant: one round trip. At the portal a person registers a tenant of their own.
    ///
    /// # Errors
    /// [`Error::TenantAlreadyRegistered`] also where the tenant was closed since; [`Error::Invalid`] for another owner than
    /// the person at the portal.
    pub async fn register_tenant(&self, tenant: &TenantScope, new: NewTenant) -> Result<Transitioned, Error> {
        if let Some(person) = tenant.actor().acts_as_member()
            && !new.owner_email.as_str().eq_ignore_ascii_case(person)
        {
            return Err(Error::field("ownerEmail", "must be the address that you are signed in with"));
        }
        let at = self.now();
        let transition = NewTransition {
            kind: TransitionKind::TenantRegistered,
            at,
            details: json!({"orgName": new.org_name, "ownerEmail": new.owner_email}),
        };
        let written = self.database.batch(vec![
            tenants::insert(tenant, &new.org_name, &new.owner_email, at),
            members::insert_owner(tenant, at),
            transitions::append(tenant, transition, &Guard::Tenant),
        ]);
        match written.await {
            Err(DatabaseError::Unique(_)) => Err(Error::TenantAlreadyRegistered),
            Err(error) => Err(error.into()),
            Ok(mut batch) => Transitioned::read(&mut batch, 2, tenant, Error::TenantNotRegistered),
        }
    }
}
