//! One tenant, as far as one caller may act for it (spec: Admin API, Authentication).

use crate::actor::Actor;
use crate::tenant::OrgId;

/// A tenant and the caller who acts for it: what each use case and each statement about a tenant's data takes first.
///
/// An admin may act for every tenant, a person at the portal for those of which the person is a member. Only the database
/// knows the members, so the statements themselves ask (`store::of_tenant`): to somebody else the tenant is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantScope {
    org_id: OrgId,
    actor: Actor,
}

impl TenantScope {
    /// The tenant with this ID, as far as the actor may act for it.
    pub fn new(actor: Actor, org_id: OrgId) -> Self {
        Self { org_id, actor }
    }

    /// The tenant's ID, for messages and answers. It says nothing of what the caller may do.
    pub fn org_id(&self) -> &OrgId {
        &self.org_id
    }

    /// The caller, as the audit log names the caller.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}
