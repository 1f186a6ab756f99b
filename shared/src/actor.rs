//! Who did it, for `createdBy` and the audit log.

use serde::{Deserialize, Serialize};

use crate::tenant::OrgId;

/// What [`Actor::via`] says of the portal.
const PORTAL: &str = "partner-portal";

/// The person or partner behind a change (spec: Admin API, Authentication).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// An e-mail address, or `partner:<orgId>` for calls with a partner's own key.
    pub name: String,
    /// `partner-portal` where the person acted through the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

impl Actor {
    /// An admin with a token of their own.
    pub fn person(email: impl Into<String>) -> Self {
        Self { name: email.into(), via: None }
    }

    /// A person signed in at the portal.
    pub fn through_portal(email: impl Into<String>) -> Self {
        Self { name: email.into(), via: Some(PORTAL.into()) }
    }

    /// The delivery Worker, which goes on with what somebody began.
    pub fn delivery() -> Self {
        Self { name: "webhook-delivery".into(), via: None }
    }

    /// The e-mail address as a member of whom the caller acts; `None` for callers who need be no member.
    pub fn acts_as_member(&self) -> Option<&str> {
        self.is_at_portal().then_some(&*self.name)
    }

    /// Whether the person acted through the portal, where partners do less than admins (spec: product, What a partner can
    /// do without an admin).
    pub fn is_at_portal(&self) -> bool {
        self.via.as_deref() == Some(PORTAL)
    }

    /// A partner's backend with its API key.
    pub fn partner(org_id: &OrgId) -> Self {
        Self { name: format!("partner:{org_id}"), via: None }
    }
}
