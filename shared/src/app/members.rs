//! The people who may sign in for a tenant.

use serde_json::json;

use super::{App, Transitioned};
use crate::error::Error;
use crate::member::{Member, MemberRole};
use crate::store::members::MemberRow;
use crate::store::transitions::{Guard, NewTransition, VersionRow};
use crate::store::{members, tenants, transitions};
use crate::tenant::EmailAddress;
use crate::tenant_scope::TenantScope;
use crate::transition::{Aggregate, TransitionKind};

/// What came of adding a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedMember {
    /// The person is a member since now.
    Added(Transitioned),
    /// The person was a member before: nothing changed. The version is the tenant's.
    Before(Transitioned),
}

impl App {
    /// The tenant's members: the owner, then the others in the order in which they were added.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`].
    pub async fn list_members(&self, tenant: &TenantScope) -> Result<Vec<Member>, Error> {
        let mut batch = self.run(vec![members::all(tenant)]).await?;
        let mut found: Vec<Member> = batch.take::<MemberRow>(0)?.into_iter().map(Into::into).collect();
        if found.is_empty() {
            // The owner of a registered tenant is always there.
            return Err(Error::TenantNotRegistered);
        }
        found.sort_by_key(|member| (member.role, member.added_at));
        Ok(found)
    }

    /// Lets a person sign in for the tenant.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::MemberLimitReached`].
    pub async fn add_member(&self, tenant: &TenantScope, email: &EmailAddress) -> Result<AddedMember, Error> {
        let at = self.now();
        let details = json!({"email": email});
        let transition = NewTransition { kind: TransitionKind::MemberAdded, at, details };
        let statements = vec![
            tenants::registered(tenant),
            members::select(tenant, email),
            // Before the insertion, because its guard asks for a person who is no member.
            transitions::append(tenant, transition, &Guard::NewMember(email)),
            members::insert(tenant, email, at),
            transitions::latest_version(tenant, Aggregate::Tenant),
        ];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        if batch.any(1) {
            let version = batch.first::<VersionRow>(4)?.map_or(0, |row| row.version);
            return Ok(AddedMember::Before(Transitioned { org_id: tenant.org_id().clone(), version }));
        }
        Transitioned::read(&mut batch, 2, tenant, Error::MemberLimitReached).map(AddedMember::Added)
    }

    /// Ends a person's membership.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::MemberNotFound`]; [`Error::MemberIsOwner`].
    pub async fn remove_member(
        &self,
        tenant: &TenantScope,
        email: &EmailAddress,
    ) -> Result<Transitioned, Error> {
        let details = json!({"email": email});
        let transition = NewTransition { kind: TransitionKind::MemberRemoved, at: self.now(), details };
        let statements = vec![
            tenants::registered(tenant),
            members::select(tenant, email),
            // Before the deletion, because its guard asks for the member.
            transitions::append(tenant, transition, &Guard::AddedMember(email)),
            members::delete(tenant, email),
        ];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let member: Option<Member> = batch.first::<MemberRow>(1)?.map(Into::into);
        match member.map(|member| member.role) {
            None => Err(Error::MemberNotFound),
            Some(MemberRole::Owner) => Err(Error::MemberIsOwner),
            Some(MemberRole::Member) => Transitioned::read(&mut batch, 2, tenant, Error::MemberNotFound),
        }
    }
}
