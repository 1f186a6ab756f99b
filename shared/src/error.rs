//! Why a use case did not do what was asked. `edge` maps each to a status and a code.

use std::collections::BTreeMap;

/// What is wrong with each field, by its path in the body or its name in the query.
pub type FieldFaults = BTreeMap<String, String>;

/// The domain's one error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields break their rules.
    #[error("some fields are not valid")]
    Invalid(FieldFaults),
    /// No such tenant, or it was closed.
    #[error("Tenant not registered")]
    TenantNotRegistered,
    /// The `orgId` is taken, if only by a closed tenant.
    #[error("this organization ID is taken; choose another")]
    TenantAlreadyRegistered,
    /// The `orgId` is not for self-registration.
    #[error("this organization ID is reserved; choose another")]
    OrgIdReserved,
    /// Only one key may be active.
    #[error("the tenant has an active API key; rotate it, or delete it first")]
    ActiveKeyExists,
    /// Nothing to revoke.
    #[error("the tenant has no active API key; issue one with POST /api-keys")]
    NoActiveKey,
    /// No such member of this tenant.
    #[error("nobody with this address is a member of the tenant")]
    MemberNotFound,
    /// The owner is always a member.
    #[error("the owner cannot be removed; make somebody else the owner first")]
    MemberIsOwner,
    /// The owner and fifty more are the most.
    #[error("the tenant has 50 members besides its owner, which is the most; remove one first")]
    MemberLimitReached,
    /// No such webhook of this tenant.
    #[error("no such webhook")]
    WebhookNotFound,
    /// Twenty is the most.
    #[error("the tenant has 20 webhooks, which is the most; delete one first")]
    WebhookLimitReached,
    /// Five secrets at once are the most.
    #[error(
        "the webhook signs with 5 secrets, which is the most; wait until an overlap ends, or rotate with overlapSeconds 0"
    )]
    TooManySecrets,
    /// Nothing is sent to a disabled webhook.
    #[error("the webhook is disabled; POST …/enable takes it back first")]
    WebhookDisabled,
    /// Only a disabled webhook can be enabled.
    #[error("the webhook is not disabled; POST …/verify tries its endpoint again")]
    WebhookNotDisabled,
    /// A key stands for one request.
    #[error("this Idempotency-Key was used for another request in the last 24 hours; use a new key")]
    IdempotencyKeyReused,
    /// No such dead letter.
    #[error("no such dead letter")]
    DeadLetterNotFound,
    /// No such delivery of this webhook.
    #[error("no such delivery of this webhook")]
    DeliveryNotFound,
    /// A pending delivery is under way already.
    #[error("the delivery is pending already; wait until it has ended")]
    DeliveryPending,
    /// A delivered event's body is not kept.
    #[error("the body of this delivery is not kept, so it cannot be sent again")]
    BodyNotKept,
    /// The event is over the limit of one MiB.
    #[error("the event is larger than 1 MiB")]
    EventTooLarge,
    /// Something outside did not answer; asking again may help. The text is for the log.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Settings or bindings are wrong. The text is for the log.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
    /// A fault of our own. The text is for the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// One field is wrong.
    pub fn field(name: impl Into<String>, fault: impl ToString) -> Self {
        Self::Invalid(FieldFaults::from([(name.into(), fault.to_string())]))
    }
}

/// Collects what is wrong with each field of a body, so that the caller hears of all of it at once.
#[derive(Debug, Default)]
pub struct Faults(FieldFaults);

impl From<FieldFaults> for Faults {
    fn from(faults: FieldFaults) -> Self {
        Self(faults)
    }
}

impl From<Faults> for FieldFaults {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}

impl Faults {
    /// The value, or nothing and a note of what is wrong with the field.
    pub fn check<T, E: ToString>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(field, fault)).ok()
    }

    /// Whether no fault was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a fault, unless one of the field is known already.
    pub fn add(&mut self, field: &str, fault: impl ToString) {
        self.0.entry(field.to_owned()).or_insert_with(|| fault.to_string());
    }

    /// Takes back what was noted of a field.
    pub fn remove(&mut self, field: &str) {
        self.0.remove(field);
    }

    /// # Errors
    /// [`Error::Invalid`] where anything was noted.
    pub fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }

    /// The value made of the checked fields.
    ///
    /// # Errors
    /// [`Error::Invalid`] where anything was noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}
