//! The codes by which programs tell errors apart: stable, in `error` of every answer that is not a success
//! (spec: Admin API, Errors).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $code:ident = $text:literal,)+) => {
        /// A stable code of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $meaning])+ $code,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The code as answers spell it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)+
                }
            }
        }
    };
}

error_codes! {
    /// The tenant has an active API key already.
    ActiveKeyExists = "active_key_exists",
    /// The body of a delivery is no longer kept.
    BodyNotKept = "body_not_kept",
    /// There is no such dead letter.
    DeadLetterNotFound = "dead_letter_not_found",
    /// There is no such delivery of this webhook.
    DeliveryNotFound = "delivery_not_found",
    /// The delivery is pending already.
    DeliveryPending = "delivery_pending",
    /// The token is good, but its e-mail address is at another domain, or not verified.
    EmailDomainNotAllowed = "email_domain_not_allowed",
    /// The provider gave no e-mail address that the portal can use.
    EmailNotUsable = "email_not_usable",
    /// The person has to verify the e-mail address first.
    EmailNotVerified = "email_not_verified",
    /// A browser asked for a page ahead, before the person did.
    FetchedAhead = "fetched_ahead",
    /// A form did not come from a page of the portal.
    FormRefused = "form_refused",
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = "idempotency_key_reused",
    /// A fault of our own.
    Internal = "internal",
    /// A field, a parameter or the body as a whole is not valid.
    InvalidRequest = "invalid_request",
    /// The answer to a rotation was lost: the key may be new.
    KeyPerhapsRotated = "key_perhaps_rotated",
    /// The owner of a tenant cannot be removed from its members.
    MemberIsOwner = "member_is_owner",
    /// The tenant has as many members as it may have.
    MemberLimitReached = "member_limit_reached",
    /// Nobody with this address is a member of the tenant.
    MemberNotFound = "member_not_found",
    /// The path does not take this method.
    MethodNotAllowed = "method_not_allowed",
    /// Settings or bindings are missing or malformed.
    Misconfigured = "misconfigured",
    /// The tenant has no active API key.
    NoActiveKey = "no_active_key",
    /// The portal does not need this route, so it cannot call the route on behalf of a person.
    NotForThePortal = "not_for_the_portal",
    /// There is nothing at this path.
    NotFound = "not_found",
    /// The organization ID is reserved: a person cannot register it at the portal.
    OrgIdReserved = "org_id_reserved",
    /// The body, or an event in it, is too large.
    PayloadTooLarge = "payload_too_large",
    /// The sign-in service does not answer.
    ProviderUnavailable = "provider_unavailable",
    /// The sign-in did not complete.
    SignInFailed = "sign_in_failed",
    /// The sign-in service refused.
    SignInRefused = "sign_in_refused",
    /// The sign-in was finished before, and the person is signed in.
    SignedInAlready = "signed_in_already",
    /// The organization ID is taken.
    TenantAlreadyRegistered = "tenant_already_registered",
    /// There is no such tenant.
    TenantNotRegistered = "tenant_not_registered",
    /// The caller asked too often.
    TooManyRequests = "too_many_requests",
    /// The webhook signs with as many secrets as it may have at once.
    TooManySecrets = "too_many_secrets",
    /// Credentials are missing or not valid.
    Unauthorized = "unauthorized",
    /// Something that the answer needs does not answer; a later try may succeed.
    Unavailable = "unavailable",
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type",
    /// The webhook is disabled, so nothing can be sent to its endpoint.
    WebhookDisabled = "webhook_disabled",
    /// The tenant has as many webhooks as it may have.
    WebhookLimitReached = "webhook_limit_reached",
    /// The webhook is not disabled.
    WebhookNotDisabled = "webhook_not_disabled",
    /// There is no such webhook of this tenant.
    WebhookNotFound = "webhook_not_found",
}

impl ErrorCode {
    /// The code with this text; `None` for a text that is no code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown error code {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_text_of_its_own_in_alphabetical_order() {
        let texts: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(texts.windows(2).all(|pair| pair[0] < pair[1]), "{texts:?}");
        assert!(ErrorCode::ALL.iter().all(|code| ErrorCode::parse(code.as_str()) == Some(*code)));
        assert_eq!(ErrorCode::parse("no_such_code"), None);
    }
}
