//! The bodies of requests about webhooks, and of the answers.

use edge::fields::seconds_of_a_week;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use shared::app::change_webhook::RequestedChange;
use shared::app::create_webhook::RequestedWebhook;
use shared::app::signing_secret::RevealedSecret;
use shared::app::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use shared::error::Faults;
use shared::time::Timestamp;
use shared::webhook::authentication::{AuthToken, Authentication, HeaderName};
use shared::webhook::filter::EventFilter;
use shared::webhook::id::WebhookId;
use shared::webhook::signing::SigningSecret;
use shared::webhook::url::{UrlRules, WebhookUrl};

use super::TransitionedBody;

/// How long a rotated secret goes on signing if the body does not say: a day.
pub(super) const DEFAULT_OVERLAP_SECONDS: u64 = 86_400;

/// The body that creates (with `url`) or changes a webhook (with at least one).
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookBody {
    // Which URLs are allowed depends on the environment.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<WebhookUrl>))]
    url: Option<String>,
    events: Option<EventFilter>,
    secret: Option<SigningSecret>,
    auth: Option<AuthBody>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    header_name: Option<HeaderName>,
    token: Option<AuthToken>,
}

impl WebhookBody {
    /// Whether the body has anything that a partner does not set at the portal (spec: product, What a partner can do without
    /// an admin).
    pub(super) fn has_more_than_url(&self) -> bool {
        self.events.is_some() || self.secret.is_some() || self.auth.is_some()
    }

    /// Returns the webhook to create; `None` if `faults` say why there is none.
    pub(super) fn into_new(self, rules: &UrlRules, faults: &mut Faults) -> Option<RequestedWebhook> {
        if self.url.is_none() {
            faults.add("url", "is required");
        }
        let RequestedChange { url, events, secret, auth } = self.checked(rules, faults);
        let none = RequestedAuthentication { authentication: Authentication::None, token: None };
        Some(RequestedWebhook {
            url: url?,
            events: events.unwrap_or_else(EventFilter::everything),
            secret,
            auth: auth.unwrap_or(none),
        })
    }

    /// Returns the change to make. Notes a fault if there is nothing to change.
    pub(super) fn into_change(self, rules: &UrlRules, faults: &mut Faults) -> Option<RequestedChange> {
        let nothing =
            self.url.is_none() && self.events.is_none() && self.secret.is_none() && self.auth.is_none();
        // A field that is wrong is absent here.
        if nothing && faults.is_empty() {
            faults.add("body", "must have at least one of url, events, secret and auth");
        }
        Some(self.checked(rules, faults))
    }

    fn checked(self, rules: &UrlRules, faults: &mut Faults) -> RequestedChange {
        let Self { url, events, secret, auth } = self;
        let url = url.and_then(|text| faults.check("url", WebhookUrl::parse(&text, rules)));
        let auth = auth.and_then(|auth| auth.checked(faults));
        let token = auth.as_ref().and_then(|auth| auth.token.as_ref());
        if let Some((token, secret)) = token.zip(secret.as_ref()) {
            faults.check("auth.token", token.check_differs_from(secret));
        }
        RequestedChange { url, events, secret, auth }
    }
}

impl AuthBody {
    fn checked(self, faults: &mut Faults) -> Option<RequestedAuthentication> {
        let Self { kind, header_name, token } = self;
        if header_name.is_some() && kind.as_deref() != Some("apiKeyHeader") {
            faults.add("auth.headerName", "goes with apiKeyHeader only");
        }
        if token.is_some() && kind.as_deref() == Some("none") {
            faults.add("auth.token", "goes with apiKeyHeader or bearerToken only");
        }
        let authentication = match (kind.as_deref(), header_name) {
            (Some("none"), _) => Authentication::None,
            (Some("bearerToken"), _) => Authentication::BearerToken,
            (Some("apiKeyHeader"), Some(header_name)) => Authentication::ApiKeyHeader { header_name },
            (Some("apiKeyHeader"), None) => {
                faults.add("auth.headerName", "is required for apiKeyHeader");
                return None;
            }
            _ => {
                faults.add("auth.type", "must be none, apiKeyHeader or bearerToken");
                return None;
            }
        };
        Some(RequestedAuthentication { authentication, token })
    }
}

/// The body of `POST …/rotate-secret`; may be absent.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RotateSecretBody {
    pub(super) secret: Option<SigningSecret>,
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 604800, default = 86400))]
    #[serde(deserialize_with = "seconds_of_a_week")]
    pub(super) overlap_seconds: Option<u64>,
}

/// A static token as it is shown once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum ShownAuth {
    /// Only the signature.
    None,
    /// The token alone is the value of a header that the partner names.
    ApiKeyHeader {
        #[cfg_attr(feature = "openapi", schema(rename = "headerName"))]
        header_name: HeaderName,
        #[cfg_attr(feature = "openapi", schema(value_type = AuthToken))]
        token: String,
    },
    /// `Authorization: Bearer <token>`.
    BearerToken {
        #[cfg_attr(feature = "openapi", schema(value_type = AuthToken))]
        token: String,
    },
}

impl From<ShownAuthentication> for ShownAuth {
    fn from(ShownAuthentication { authentication, token }: ShownAuthentication) -> Self {
        let token = token.map(|token| token.expose().to_owned()).unwrap_or_default();
        match authentication {
            Authentication::None => Self::None,
            Authentication::ApiKeyHeader { header_name } => Self::ApiKeyHeader { header_name, token },
            Authentication::BearerToken => Self::BearerToken { token },
        }
    }
}

/// What creating a webhook answers: the one response with its secret and token.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookCreated {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    pub(super) webhook_id: WebhookId,
    /// Absent where a person created it at the portal, which sees no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = SigningSecret, required = false))]
    pub(super) secret: Option<String>,
    pub(super) auth: ShownAuth,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What changing a webhook answers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookChanged {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth: Option<ShownAuth>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What rotating a secret answers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(super) struct SecretRotated {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    #[cfg_attr(feature = "openapi", schema(value_type = SigningSecret))]
    pub(super) secret: String,
}

/// A webhook's signing secrets.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(super) struct WebhookSecret {
    /// The current secret.
    #[cfg_attr(feature = "openapi", schema(value_type = SigningSecret))]
    secret: String,
    /// Earlier secrets that sign as well, without their text.
    previous: Vec<OverlappingSecret>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct OverlappingSecret {
    /// When its overlap ends.
    until: Timestamp,
}

impl From<RevealedSecret> for WebhookSecret {
    fn from(revealed: RevealedSecret) -> Self {
        let previous = revealed.previous.into_iter().map(|until| OverlappingSecret { until });
        Self { secret: revealed.secret.expose().expose_secret().to_owned(), previous: previous.collect() }
    }
}
