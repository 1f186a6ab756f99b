//! `POST /tenants/{orgId}/register`

use std::time::Duration;

use serde_json::json;

use super::idempotency::RequestDigest;
use super::{App, Transitioned};
use crate::error::Error;
use crate::event::message::RetryMessage;
use crate::ports::DatabaseError;
use crate::store::kept_answers::AnsweredChange;
use crate::store::transitions::{Guard, NewTransition};
use crate::store::{members, notices, tenants, transitions};
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
    /// the person at the portal; [`Error::OrgIdReserved`] there.
    pub async fn register_tenant(&self, tenant: &TenantScope, new: NewTenant) -> Result<Transitioned, Error> {
        let asked = self.asked(|| json!(["register", tenant.org_id(), new.org_name, new.owner_email]));
        self.once(&asked, self.register(&asked, tenant, new)).await
    }

    async fn register(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        new: NewTenant,
    ) -> Result<Transitioned, Error> {
        let person = tenant.actor().acts_as_member();
        if let Some(person) = person {
            if !new.owner_email.as_str().eq_ignore_ascii_case(person) {
                return Err(Error::field("ownerEmail", "must be the address that you are signed in with"));
            }
            if tenant.org_id().is_reserved() {
                return Err(Error::OrgIdReserved);
            }
        }
        let at = self.now();
        let details = json!({"orgName": new.org_name, "ownerEmail": new.owner_email});
        let transition =
            NewTransition { kind: TransitionKind::TenantRegistered, at, details: details.clone() };
        let mut statements = vec![
            tenants::insert(tenant, &new.org_name, &new.owner_email, at),
            members::insert_owner(tenant, at),
            transitions::append(tenant, transition, &Guard::Tenant),
            tenants::count_in(),
        ];
        if person.is_some() {
            // Whoever registers an ID first gets its events, so somebody should look at it.
            statements.push(notices::note_registered(tenant, details, at));
        }
        let answer = Transitioned { org_id: tenant.org_id().clone(), version: 1 };
        statements.extend(self.keep(asked, tenant, &answer, &AnsweredChange::Registered).await?);
        let transitioned = match self.database.batch(statements).await {
            Err(DatabaseError::Unique(_)) => Err(Error::TenantAlreadyRegistered),
            Err(error) => Err(error.into()),
            Ok(mut batch) => Transitioned::read(&mut batch, 2, tenant, Error::TenantNotRegistered),
        }?;
        if person.is_some() {
            self.wake(RetryMessage::Notify(tenant.org_id().clone()), Duration::ZERO).await;
        }
        Ok(transitioned)
    }
}
