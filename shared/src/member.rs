//! Members: the people who may sign in for a tenant. The owner is one.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How many members a tenant may have besides its owner.
pub const MOST_BESIDES_OWNER: u32 = 50;

/// A person who may sign in for a tenant, as the API shows the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The person's e-mail address.
    #[cfg_attr(feature = "schemas", schema(value_type = crate::tenant::EmailAddress))]
    pub email: String,
    /// Whether the person owns the tenant.
    pub role: MemberRole,
    /// When the person was added.
    pub added_at: Timestamp,
    /// Who added the person.
    pub added_by: String,
}

/// What a person is to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Owns the tenant; a tenant has exactly one owner.
    Owner,
    /// Was added by somebody.
    Member,
}
