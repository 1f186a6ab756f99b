//! Webhook bodies, as they come in and as they go out.

use std::time::Duration;

use edge::json::{optional_object, whole_number};
use edge::problem::Problem;
use serde::{Deserialize, Serialize};
use shared::app::change_webhook::RequestedChange;
use shared::app::create_webhook::RequestedWebhook;
use shared::app::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use shared::error::Faults;
use shared::webhook::authentication::{AuthToken, Authentication, HeaderName};
use shared::webhook::filter::EventFilter;
use shared::webhook::id::WebhookId;
use shared::webhook::signing::SigningSecret;
use shared::webhook::url::{UrlRules, WebhookUrl};

use super::TransitionedBody;

/// How long a rotated secret goes on signing, where nothing is said: a day.
const DEFAULT_OVERLAP_SECONDS: u64 = 86_400;
/// The longest: seven days.
const LONGEST_OVERLAP_SECONDS: u64 = 604_800;

/// The body that creates (with `url`) or changes a webhook (with at least one).
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<WebhookUrl>))]
    url: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<EventFilter>))]
    events: Option<Vec<String>>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<SigningSecret>))]
    secret: Option<String>,
    #[serde(default, deserialize_with = "optional_object")]
    auth: Option<AuthBody>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<HeaderName>))]
    header_name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<AuthToken>))]
    token: Option<String>,
}

struct Checked {
    url: Option<WebhookUrl>,
    events: Option<EventFilter>,
    secret: Option<SigningSecret>,
    auth: Option<RequestedAuthentication>,
}

impl WebhookBody {
    /// # Errors
    /// 400 naming each field that is wrong, `url` also where it is absent.
    pub fn into_new(self, rules: &UrlRules) -> Result<RequestedWebhook, Problem> {
        let mut faults = Faults::default();
        if self.url.is_none() {
            faults.add("url", "is required");
        }
        let checked = self.check(rules, &mut faults);
        let none = RequestedAuthentication { authentication: Authentication::None, token: None };
        let requested = checked.url.map(|url| RequestedWebhook {
            url,
            events: checked.events.unwrap_or_else(EventFilter::everything),
            secret: checked.secret,
            auth: checked.auth.unwrap_or(none),
        });
        Ok(faults.finish(requested)?)
    }

    /// # Errors
    /// 400 naming each field that is wrong, or where none is given.
    pub fn into_change(self, rules: &UrlRules) -> Result<RequestedChange, Problem> {
        if self.url.is_none() && self.events.is_none() && self.secret.is_none() && self.auth.is_none() {
            return Err(Problem::invalid_field(
                "body",
                "must have at least one of url, events, secret and auth",
            ));
        }
        let mut faults = Faults::default();
        let Checked { url, events, secret, auth } = self.check(rules, &mut faults);
        faults.into_result()?;
        Ok(RequestedChange { url, events, secret, auth })
    }

    fn check(self, rules: &UrlRules, faults: &mut Faults) -> Checked {
        let url = faults.optional("url", self.url.as_deref(), |text| WebhookUrl::parse(text, rules));
        let events = self.events.and_then(|names| faults.check("events", EventFilter::parse(names)));
        let secret = faults.optional("secret", self.secret.as_deref(), SigningSecret::parse);
        let auth = self.auth.and_then(|auth| auth.check(faults));
        let token = auth.as_ref().and_then(|auth| auth.token.as_ref());
        if let Some((token, secret)) = token.zip(secret.as_ref()) {
            faults.check("auth.token", token.check_differs_from(secret));
        }
        Checked { url, events, secret, auth }
    }
}

impl AuthBody {
    fn check(self, faults: &mut Faults) -> Option<RequestedAuthentication> {
        let header_name = faults.optional("auth.headerName", self.header_name.as_deref(), HeaderName::parse);
        let token = faults.optional("auth.token", self.token.as_deref(), AuthToken::parse);
        let authentication = match self.kind.as_deref() {
            Some("none") => Some(Authentication::None),
            Some("bearerToken") => Some(Authentication::BearerToken),
            Some("apiKeyHeader") => {
                if self.header_name.is_none() {
                    faults.add("auth.headerName", "is required for apiKeyHeader");
                }
                header_name.map(|header_name| Authentication::ApiKeyHeader { header_name })
            }
            _ => {
                faults.add("auth.type", "must be none, apiKeyHeader or bearerToken");
                None
            }
        };
        if self.header_name.is_some() && self.kind.as_deref() != Some("apiKeyHeader") {
            faults.add("auth.headerName", "goes with apiKeyHeader only");
        }
        if self.token.is_some() && self.kind.as_deref() == Some("none") {
            faults.add("auth.token", "goes with apiKeyHeader or bearerToken only");
        }
        authentication.map(|authentication| RequestedAuthentication { authentication, token })
    }
}

/// The body of `POST …/rotate-secret`; may be absent.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSecretBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<SigningSecret>))]
    secret: Option<String>,
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 604800, default = 86400))]
    #[serde(default, deserialize_with = "whole_number")]
    overlap_seconds: Option<u64>,
}

impl RotateSecretBody {
    /// The secret asked for, if any, and the overlap.
    ///
    /// # Errors
    /// 400 naming each field that is wrong.
    pub fn check(self) -> Result<(Option<SigningSecret>, Duration), Problem> {
        let mut faults = Faults::default();
        let secret = faults.optional("secret", self.secret.as_deref(), SigningSecret::parse);
        let seconds = self.overlap_seconds.unwrap_or(DEFAULT_OVERLAP_SECONDS);
        if seconds > LONGEST_OVERLAP_SECONDS {
            faults.add("overlapSeconds", "must be a whole number from 0 to 604800");
        }
        faults.into_result()?;
        Ok((secret, Duration::from_secs(seconds)))
    }
}

/// A static token as it is shown once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownAuthBody {
    #[serde(flatten)]
    authentication: Authentication,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<AuthToken>))]
    token: Option<String>,
}

impl From<ShownAuthentication> for ShownAuthBody {
    fn from(shown: ShownAuthentication) -> Self {
        Self {
            authentication: shown.authentication,
            token: shown.token.map(|token| token.expose().to_owned()),
        }
    }
}

/// What creating a webhook answers: the one response with its secret and token.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedBody {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    pub(super) webhook_id: WebhookId,
    /// Absent where a person created it at the portal, which sees no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<SigningSecret>))]
    pub(super) secret: Option<String>,
    pub(super) auth: ShownAuthBody,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What changing a webhook answers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangedBody {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth: Option<ShownAuthBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// What rotating a secret answers.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotatedBody {
    #[serde(flatten)]
    pub(super) transitioned: TransitionedBody,
    #[cfg_attr(feature = "openapi", schema(value_type = SigningSecret))]
    pub(super) secret: String,
}
