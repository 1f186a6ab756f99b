//! One attempt: the signed request, and what its result means for the delivery and for the webhook's health.

use std::sync::OnceLock;

use secrecy::ExposeSecret;
use serde_json::json;

use super::Courier;
use super::pipeline::Parcel;
use crate::delivery::Attempt;
use crate::delivery::excerpt::Redactor;
use crate::delivery::measurement::{Kind, Measurement};
use crate::delivery::outcome::AttemptResult;
use crate::delivery::standing::Standing;
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::WebhookKey;
use crate::ports::{AttemptLine, OutboundRequest};
use crate::shared_text::SharedText;
use crate::text::Printable;
use crate::time::Timestamp;
use crate::webhook::authentication::{AuthToken, Authentication, token_context};
use crate::webhook::health::Ended;
use crate::webhook::signing::{SigningSecret, secret_context, signature};
use crate::webhook::target::Target;
use crate::webhook::url::{UrlFault, WebhookUrl};

/// Where a webhook's events go, with its secrets opened, for the length of a batch.
pub(super) struct Endpoint {
    webhook: WebhookKey,
    /// Checked anew, by the rules of now.
    url: Result<WebhookUrl, UrlFault>,
    secrets: Vec<SigningSecret>,
    authentication: Authentication,
    token: Option<AuthToken>,
    /// Made when the endpoint first fails.
    redactor: OnceLock<Redactor>,
}

/// An attempt that was made, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// As the log shows it.
    pub(super) attempt: Attempt,
    /// What it says of the webhook.
    pub(super) ended: Ended,
    /// How the delivery stands after it.
    pub(super) standing: Standing,
    /// It did not end in time: the rest of its batch waits.
    pub(super) timed_out: bool,
}

impl Courier {
    /// Opens a webhook's secrets. Where that fails its deliveries wait, and no other webhook's: the sealing key may come
    /// back, and the log says that it is wanted.
    pub(super) async fn try_open_endpoint(&self, target: &Target) -> Option<Endpoint> {
        let opened = self.open_endpoint(target).await;
        if let Err(error) = &opened {
            self.not_opened(&target.key(), &error.to_string());
        }
        opened.ok()
    }

    /// Somebody has to bring back a sealing key, or to set the webhook's secret or token anew.
    pub(super) fn not_opened(&self, webhook: &WebhookKey, detail: &str) {
        self.line(
            "webhook secrets not opened",
            json!({"level": "error", "orgId": webhook.org_id, "webhookId": webhook.webhook_id, "detail": detail}),
        );
    }

    /// Opens a webhook's secrets.
    async fn open_endpoint(&self, target: &Target) -> Result<Endpoint, Error> {
        let malformed = || Error::Internal("a sealed webhook secret or token is malformed".into());
        let mut secrets = Vec::with_capacity(1 + target.sealed_previous_secrets.len());
        for sealed in std::iter::once(&target.sealed_secret).chain(&target.sealed_previous_secrets) {
            let opened = self.sealer.open(&secret_context(&target.id), sealed).await?;
            secrets.push(SigningSecret::parse(opened.expose_secret()).map_err(|_| malformed())?);
        }
        let token = match &target.sealed_token {
            Some(sealed) if target.authentication != Authentication::None => {
                let opened = self.sealer.open(&token_context(&target.id), sealed).await?;
                Some(AuthToken::parse(opened.expose_secret()).map_err(|_| malformed())?)
            }
            _ => None,
        };
        let (webhook, url) = (target.key(), WebhookUrl::parse(&target.url, &self.url_rules));
        Ok(Endpoint {
            webhook,
            url,
            secrets,
            authentication: target.authentication.clone(),
            token,
            redactor: OnceLock::new(),
        })
    }

    /// Makes one attempt, measures it and writes its log line.
    pub(super) async fn attempt(&self, endpoint: &Endpoint, parcel: &Parcel, body: &SharedText) -> Made {
        let at = self.now();
        let result = match &endpoint.url {
            Ok(url) => self.http.post(self.request(endpoint, url, &parcel.key.event_id, body, at)).await,
            Err(fault) => AttemptResult::BlockedUrl(fault.clone()),
        };
        let ended_at = self.now();
        let attempt = Attempt {
            at,
            status: result.status(),
            duration_milliseconds: u64::try_from(ended_at.since(at).as_millis()).unwrap_or(u64::MAX),
            error: result.error().map(|error| endpoint.in_public(&error)),
            excerpt: excerpt(&result).map(|excerpt| endpoint.in_public(excerpt)),
        };
        let outcome = result.outcome(ended_at.milliseconds());
        let error = attempt.error.as_deref().unwrap_or_default();
        let random = || self.random_number();
        let standing = Standing::after(outcome, parcel.tries(), error, random, ended_at, &self.policy.retry);
        let kind = Kind {
            org_id: endpoint.webhook.org_id.to_string(),
            webhook_id: endpoint.webhook.webhook_id.to_string(),
            event_type: parcel.event_type.clone(),
            outcome: if standing.ended_at.is_some() { standing.stage.as_str() } else { "retry" },
            answer: result.answer(),
        };
        self.log.write_attempt(&AttemptLine {
            org_id: &kind.org_id,
            webhook_id: &kind.webhook_id,
            event_id: parcel.key.event_id.as_str(),
            event_type: &kind.event_type,
            attempt: parcel.failures + 1,
            status: attempt.status,
            error: attempt.error.as_deref(),
            milliseconds: attempt.duration_milliseconds,
            outcome: kind.outcome,
        });
        self.meter.add(Measurement::of_attempt(kind, attempt.duration_milliseconds));
        let ended = outcome.ended(parcel.key.event_id.clone(), ended_at);
        Made { attempt, ended, standing, timed_out: result == AttemptResult::TimedOut }
    }

    /// The request of the specification's "The request".
    fn request(
        &self,
        endpoint: &Endpoint,
        url: &WebhookUrl,
        event_id: &EventId,
        body: &SharedText,
        at: Timestamp,
    ) -> OutboundRequest {
        let secrets: Vec<&SigningSecret> = endpoint.secrets.iter().collect();
        let mut request = self.signed_request(url.as_str(), &secrets, event_id.as_str(), body.clone(), at);
        let token = endpoint.token.as_ref().and_then(|token| endpoint.authentication.header(token));
        let token = token.map(|(name, value)| (name.to_owned(), value.expose_secret().to_owned()));
        request.headers.extend(token);
        request
    }

    /// A POST with the headers of Standard Webhooks.
    pub(super) fn signed_request(
        &self,
        url: &str,
        secrets: &[&SigningSecret],
        id: &str,
        body: SharedText,
        at: Timestamp,
    ) -> OutboundRequest {
        let signed = signature(secrets, id, at.seconds(), body.as_bytes());
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "SmartphoneKey-Webhooks/1".to_owned()),
            ("webhook-id".to_owned(), id.to_owned()),
            ("webhook-timestamp".to_owned(), at.seconds().to_string()),
            ("webhook-signature".to_owned(), signed),
        ];
        OutboundRequest { url: url.to_owned(), headers, body, timeout: self.policy.attempt_timeout }
    }
}

impl Endpoint {
    /// A text of the endpoint's or the transport's, as it may be kept and shown: without what the endpoint was sent in
    /// confidence, and printable.
    fn in_public(&self, text: &str) -> Printable {
        let redactor = self.redactor.get_or_init(|| {
            let secrets = self.secrets.iter().flat_map(SigningSecret::texts);
            let token = self.token.iter().map(|token| token.expose().into());
            Redactor::of(&secrets.chain(token).collect::<Vec<_>>())
        });
        redactor.redact(text).into()
    }
}

/// What the endpoint wrote, kept only where it explains a failure.
fn excerpt(result: &AttemptResult) -> Option<&str> {
    match result {
        AttemptResult::Response { excerpt, .. } if result.error().is_some() && !excerpt.is_empty() => {
            Some(excerpt)
        }
        _ => None,
    }
}
