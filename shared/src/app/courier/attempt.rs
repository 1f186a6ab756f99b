//! One attempt: the signed request, and what its result means for the delivery and for the webhook's health.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::super::sealer::{secret_context, token_context};
use super::Courier;
use crate::delivery::measurement::{Kind, Measurement};
use crate::delivery::outcome::{AttemptResult, Outcome};
use crate::delivery::retry::Next;
use crate::delivery::{Attempt, DeliveryState};
use crate::error::Error;
use crate::ports::OutboundRequest;
use crate::store::webhook_health::Health;
use crate::store::webhook_targets::Target;
use crate::time::Timestamp;
use crate::webhook::authentication::{AuthToken, Authentication};
use crate::webhook::signing::{SigningSecret, signature};
use crate::webhook::url::WebhookUrl;

/// A webhook with its secrets opened, for the length of a batch.
pub(super) struct Endpoint {
    pub(super) target: Target,
    secrets: Vec<SigningSecret>,
    token: Option<AuthToken>,
}

/// What is being delivered.
pub(super) struct Parcel<'a> {
    pub(super) event_id: &'a str,
    pub(super) event_type: &'a str,
    pub(super) body: &'a str,
    /// Failures before this attempt.
    pub(super) failures: u32,
    /// The retry window counts from here.
    pub(super) tries_since: Timestamp,
}

/// An attempt that was made, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) attempt: Attempt,
    pub(super) ended_at: Timestamp,
    pub(super) verdict: Verdict,
    /// What the endpoint asked for with `Retry-After`.
    pub(super) asked: Option<Duration>,
    /// The endpoint answered 410.
    pub(super) gone: bool,
    /// The endpoint took or refused it: it is there.
    pub(super) definite: bool,
    /// It did not end in time: the rest of its batch waits.
    pub(super) timed_out: bool,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// Again after this long.
    Again(Duration),
    /// Ended, with the reason.
    Ended(DeliveryState, String),
}

impl Verdict {
    /// As the log and the metrics spell it.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Again(_) => "retry",
            Self::Ended(state, _) => state.as_str(),
        }
    }
}

impl Courier {
    /// Opens a webhook's secrets. Where that fails its deliveries wait, and no other webhook's: the sealing key may come
    /// back, and the log says that it is wanted.
    pub(super) async fn try_open_endpoint(&self, target: &Target) -> Option<Endpoint> {
        let opened = self.open_endpoint(target.clone()).await;
        if let Err(error) = &opened {
            self.not_opened(&target.org_id, &target.id, &error.to_string());
        }
        opened.ok()
    }

    /// Somebody has to bring back a sealing key, or to set the webhook's secret or token anew.
    pub(super) fn not_opened(&self, org_id: &str, webhook_id: &str, detail: &str) {
        self.line(
            "webhook secrets not opened",
            json!({"level": "error", "orgId": org_id, "webhookId": webhook_id, "detail": detail}),
        );
    }

    /// Opens a webhook's secrets.
    pub(super) async fn open_endpoint(&self, target: Target) -> Result<Endpoint, Error> {
        let malformed = || Error::Internal("a sealed webhook secret or token is malformed".into());
        let mut secrets = Vec::with_capacity(2);
        for sealed in std::iter::once(&target.sealed_secret).chain(&target.sealed_previous_secret) {
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
        Ok(Endpoint { target, secrets, token })
    }

    /// Makes one attempt, measures it and writes its log line.
    pub(super) async fn attempt(&self, endpoint: &Endpoint, parcel: &Parcel<'_>) -> Made {
        let target = &endpoint.target;
        let at = self.now();
        let result = match WebhookUrl::parse(&target.url, &self.url_rules) {
            Ok(url) => self.http.post(self.request(endpoint, &url, parcel, at)).await,
            Err(fault) => AttemptResult::BlockedUrl(fault),
        };
        let ended_at = self.now();
        let attempt = Attempt {
            at,
            status: result.status(),
            duration_milliseconds: u64::try_from(ended_at.since(at).as_millis()).unwrap_or(u64::MAX),
            error: result.error(),
            excerpt: excerpt(&result),
        };
        let outcome = result.outcome(ended_at.milliseconds());
        let verdict = self.judge(outcome, parcel, attempt.error.as_deref().unwrap_or_default(), ended_at);
        let kind = Kind {
            org_id: target.org_id.clone(),
            webhook_id: target.id.clone(),
            event_type: parcel.event_type.to_owned(),
            outcome: verdict.as_str(),
            answer: result.answer(),
        };
        self.line(
            "attempt",
            json!({
                "orgId": kind.org_id, "webhookId": kind.webhook_id, "eventId": parcel.event_id,
                "eventType": kind.event_type, "attempt": parcel.failures + 1, "status": attempt.status,
                "error": attempt.error, "milliseconds": attempt.duration_milliseconds, "outcome": kind.outcome,
            }),
        );
        self.meter.add(Measurement::of_attempt(kind, attempt.duration_milliseconds));
        let timed_out = result == AttemptResult::TimedOut;
        let definite = !matches!(outcome, Outcome::Retry { .. });
        let asked = match outcome {
            Outcome::Retry { not_before } => not_before,
            Outcome::Delivered | Outcome::Failed | Outcome::Gone => None,
        };
        Made { attempt, ended_at, verdict, asked, gone: outcome == Outcome::Gone, definite, timed_out }
    }

    /// The request of the specification's "The request".
    fn request(
        &self,
        endpoint: &Endpoint,
        url: &WebhookUrl,
        parcel: &Parcel<'_>,
        at: Timestamp,
    ) -> OutboundRequest {
        let secrets: Vec<&SigningSecret> = endpoint.secrets.iter().collect();
        let body = parcel.body.to_owned();
        let mut request = self.signed_request(url.as_str(), &secrets, parcel.event_id, body, at);
        let token = endpoint.token.as_ref().and_then(|token| endpoint.target.authentication.header(token));
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
        body: String,
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

    fn judge(&self, outcome: Outcome, parcel: &Parcel<'_>, error: &str, now: Timestamp) -> Verdict {
        match outcome {
            Outcome::Delivered => Verdict::Delivered,
            Outcome::Failed | Outcome::Gone => Verdict::Ended(DeliveryState::Failed, error.to_owned()),
            Outcome::Retry { not_before } => {
                let elapsed = now.since(parcel.tries_since);
                match self.policy.retry.next_delay(
                    parcel.failures + 1,
                    not_before,
                    self.random_number(),
                    elapsed,
                ) {
                    Next::After(delay) => Verdict::Again(delay),
                    Next::Dead => Verdict::Ended(
                        DeliveryState::Dead,
                        format!("retries spent; the last attempt: {error}"),
                    ),
                }
            }
        }
    }
}

/// What the endpoint wrote, kept only where it explains a failure.
fn excerpt(result: &AttemptResult) -> Option<String> {
    match result {
        AttemptResult::Response { excerpt, .. } if result.error().is_some() && !excerpt.is_empty() => {
            Some(excerpt.clone())
        }
        _ => None,
    }
}

/// A webhook's health after a batch of attempts, in the order in which they ended. Nothing where its row needs no
/// write: every attempt succeeded, and it was well before.
pub(super) fn health(target: &Target, made: &[&Made]) -> Option<Health> {
    let mut health = Health {
        id: target.id.clone(),
        url_revision: target.url_revision,
        succeeded: false,
        failures: 0,
        answered: false,
        strikes: 0,
        delivered_at: None,
        error_at: None,
        error_status: None,
        error_message: None,
        gone: false,
    };
    for made in made {
        if made.verdict == Verdict::Delivered {
            health.succeeded = true;
            health.failures = 0;
            health.delivered_at = Some(made.ended_at.milliseconds());
        } else {
            health.failures += 1;
            health.error_at = Some(made.ended_at.milliseconds());
            health.error_status = made.attempt.status;
            health.error_message = made.attempt.error.clone();
        }
        if made.definite {
            health.answered = true;
            health.strikes = 0;
        } else {
            health.strikes += 1;
        }
        health.gone |= made.gone;
    }
    let unwell =
        health.error_at.is_some() || target.consecutive_failures > 0 || target.circuit_opened_at.is_some();
    (unwell && !made.is_empty()).then_some(health)
}
