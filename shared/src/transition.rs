//! Transitions: what changed, kept for audit. Never called events, which are a partner's.

use serde::Serialize;
use serde_json::Value;

use crate::time::Timestamp;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[allow(missing_docs, reason = "each name says what happened")]
pub enum TransitionKind {
    TenantRegistered,
    TenantChanged,
    TenantClosed,
    MemberAdded,
    MemberRemoved,
    ApiKeyIssued,
    ApiKeyRotated,
    ApiKeyRevoked,
    WebhookCreated,
    WebhookUrlChanged,
    WebhookChanged,
    WebhookSecretRotated,
    WebhookSecretRevealed,
    WebhookVerificationRequested,
    WebhookEnabled,
    WebhookDeleted,
}

/// What the versions of a transition count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The tenant itself and its members.
    Tenant,
    /// Its API keys.
    ApiKey,
    /// All its webhooks together.
    Webhooks,
}

impl Aggregate {
    /// As the database spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::ApiKey => "apiKey",
            Self::Webhooks => "webhooks",
        }
    }
}

impl TransitionKind {
    /// The name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TenantRegistered => "TenantRegistered",
            Self::TenantChanged => "TenantChanged",
            Self::TenantClosed => "TenantClosed",
            Self::MemberAdded => "MemberAdded",
            Self::MemberRemoved => "MemberRemoved",
            Self::ApiKeyIssued => "ApiKeyIssued",
            Self::ApiKeyRotated => "ApiKeyRotated",
            Self::ApiKeyRevoked => "ApiKeyRevoked",
            Self::WebhookCreated => "WebhookCreated",
            Self::WebhookUrlChanged => "WebhookUrlChanged",
            Self::WebhookChanged => "WebhookChanged",
            Self::WebhookSecretRotated => "WebhookSecretRotated",
            Self::WebhookSecretRevealed => "WebhookSecretRevealed",
            Self::WebhookVerificationRequested => "WebhookVerificationRequested",
            Self::WebhookEnabled => "WebhookEnabled",
            Self::WebhookDeleted => "WebhookDeleted",
        }
    }

    /// Whose version it raises.
    pub fn aggregate(self) -> Aggregate {
        match self {
            Self::TenantRegistered
            | Self::TenantChanged
            | Self::TenantClosed
            | Self::MemberAdded
            | Self::MemberRemoved => Aggregate::Tenant,
            Self::ApiKeyIssued | Self::ApiKeyRotated | Self::ApiKeyRevoked => Aggregate::ApiKey,
            Self::WebhookCreated
            | Self::WebhookUrlChanged
            | Self::WebhookChanged
            | Self::WebhookSecretRotated
            | Self::WebhookSecretRevealed
            | Self::WebhookVerificationRequested
            | Self::WebhookEnabled
            | Self::WebhookDeleted => Aggregate::Webhooks,
        }
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// `tenant`, `apiKey` or `webhooks`: whose version it raised.
    pub aggregate: String,
    /// The version it made.
    pub version: u32,
    /// What happened.
    #[cfg_attr(feature = "schemas", schema(value_type = TransitionKind))]
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// `partner-portal` where the person acted through the portal.
    pub via: Option<String>,
    /// What changed; no secret.
    #[cfg_attr(feature = "schemas", schema(value_type = Object))]
    pub details: Value,
}
