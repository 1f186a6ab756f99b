//! The names that descriptions of routes are written with.

pub use serde_json::{Value, json};
pub use shared::error::Error::{
    ActiveKeyExists, BodyNotKept, DeadLetterNotFound, DeliveryNotFound, DeliveryPending, MemberIsOwner,
    MemberLimitReached, MemberNotFound, NoActiveKey, OrgIdReserved, TenantAlreadyRegistered,
    TenantNotRegistered, TooManySecrets, WebhookDisabled, WebhookLimitReached, WebhookNotDisabled,
    WebhookNotFound,
};

pub use super::operation::{Needs, Operation};

/// The time of examples.
pub const AT: &str = "2026-04-02T10:00:00.000Z";
/// The person of examples.
pub const PERSON: &str = "jane.doe@smartphonekey.com";
/// The webhook of examples.
pub const WEBHOOK: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";
/// The event of examples.
pub const EVENT: &str = "7bf73129-1428-4cd3-a780-95db273d1602";

/// Links on to the tenant of the request's path.
pub const SAME_TENANT: (&str, &str) = ("orgId", "$request.path.orgId");
/// Links on to the webhook of the request's path.
pub const SAME_WEBHOOK: [(&str, &str); 2] = [SAME_TENANT, ("webhookId", "$request.path.webhookId")];

/// The example of a change that was made.
#[must_use]
pub fn transitioned(version: u32) -> Value {
    json!({"success": true, "aggregateId": "acme-corp", "version": version})
}
