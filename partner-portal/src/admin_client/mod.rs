//! The Admin API, called on behalf of the signed-in person through the service binding.

mod answers;
mod deliveries;
mod people;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use edge::ports::ServiceBinding;
use edge::problem::Problem;
use http::{Method, Request, header};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::code::ErrorCode;
use shared::error::FieldFaults;
use shared::tenant::Tenant;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

pub use answers::{
    Dashboard, DeliveryDetail, DeliveryToWebhook, EventDeliveries, FreshKey, LoggedDeliveries, Members,
    PreviousSecret, Redelivered, Tenants, TestSent, TransitionEntry, Transitions, Webhook, WebhookSecrets,
    Webhooks,
};
pub use deliveries::LogQuery;

use crate::config::Config;

/// The life of a service token, in seconds: the longest that the Admin API accepts.
const TOKEN_SECONDS: i64 = 60;
/// The longest page of a list.
const MOST: u32 = 200;

/// Calls the Admin API.
#[derive(Clone)]
pub struct AdminClient {
    binding: Arc<dyn ServiceBinding>,
    admin_api_key: SecretString,
    service_jwt_secret: SecretString,
}

/// The reason why a call failed.
#[derive(Clone, Debug)]
pub enum AdminFault {
    /// The Admin API refused, with a code.
    Refused(Refusal),
    /// The Admin API did not answer, or its answer is not the expected JSON. The text is for the log.
    Unavailable(String),
}

/// A refusal of the Admin API.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    /// The error's code.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// What is wrong with each field.
    #[serde(default)]
    pub fields: FieldFaults,
}

impl AdminFault {
    /// Returns whether the Admin API refused with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }
}

impl fmt::Display for AdminFault {
    /// The text for the log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(detail) => write!(formatter, "admin-api: {detail}"),
            Self::Refused(refusal) => write!(formatter, "admin-api refused: {}", refusal.code),
        }
    }
}

impl From<AdminFault> for Problem {
    /// A fault that no page explains is an outage to the person; the log says more.
    fn from(fault: AdminFault) -> Self {
        Problem::unavailable(fault.to_string())
    }
}

/// Calls the Admin API on behalf of one person.
pub struct PersonClient<'a> {
    client: &'a AdminClient,
    email: &'a str,
    now: Timestamp,
}

/// The claims of a service token, without its times.
#[derive(Serialize)]
struct ServiceClaims<'a> {
    iss: &'static str,
    aud: &'static str,
    email: &'static str,
    /// The e-mail address of the person whom the portal acts for.
    act: &'a str,
}

impl AdminClient {
    /// A client that calls through `binding` with the configured secrets.
    pub fn new(config: &Config, binding: Arc<dyn ServiceBinding>) -> Self {
        Self {
            binding,
            admin_api_key: config.admin_api_key.clone(),
            service_jwt_secret: config.service_jwt_secret.clone(),
        }
    }

    /// Acts for the person with this verified e-mail address.
    pub fn on_behalf_of<'a>(&'a self, email: &'a str, now: Timestamp) -> PersonClient<'a> {
        PersonClient { client: self, email, now }
    }

    /// Returns whether the Admin API is up.
    pub async fn is_healthy(&self) -> bool {
        let request = Request::get("/health").body(String::new());
        match request {
            Ok(request) => self.binding.call(request).await.is_ok_and(|answer| answer.status().is_success()),
            Err(_) => false,
        }
    }
}

type Called<T> = Result<T, AdminFault>;

impl PersonClient<'_> {
    /// Returns the organizations that the person owns, in the order of their registration.
    ///
    /// # Errors
    /// [`AdminFault`], as every call below.
    pub async fn tenants(&self) -> Called<Vec<Tenant>> {
        let query = serde_urlencoded::to_string([("ownerEmail", self.email)]).unwrap_or_default();
        let answer: Tenants = self.get(&format!("/tenants?{query}&limit={MOST}")).await?;
        Ok(answer.tenants)
    }

    /// Registers an organization that the person owns.
    pub async fn register(&self, org_id: &str, org_name: &str) -> Called<IgnoredAny> {
        let body = json!({"orgName": org_name, "ownerEmail": self.email});
        self.send(Method::POST, &format!("/tenants/{org_id}/register"), Some(body)).await
    }

    /// Issues the organization's first key.
    pub async fn issue_key(&self, org_id: &str) -> Called<FreshKey> {
        self.send(Method::POST, "/api-keys", Some(json!({"orgId": org_id}))).await
    }

    /// Issues a new key and ends the old one, if there is one.
    pub async fn rotate_key(&self, org_id: &str) -> Called<FreshKey> {
        self.send(Method::POST, &format!("/api-keys/{org_id}/rotate"), None).await
    }

    /// Returns everything that the dashboard shows of an organization.
    pub async fn dashboard(&self, org_id: &str) -> Called<Dashboard> {
        self.get(&format!("/tenants/{org_id}/dashboard")).await
    }

    /// Returns the organization's webhooks, in the order of their creation.
    pub async fn webhooks(&self, org_id: &str) -> Called<Vec<Webhook>> {
        let answer: Webhooks = self.get(&format!("/tenants/{org_id}/webhooks?limit={MOST}")).await?;
        Ok(answer.webhooks)
    }

    /// Creates a webhook for all events. The portal does not read the secret in the answer.
    pub async fn create_webhook(&self, org_id: &str, url: &str) -> Called<IgnoredAny> {
        self.send(Method::POST, &format!("/tenants/{org_id}/webhooks"), Some(json!({"url": url}))).await
    }

    /// Changes a webhook's URL.
    pub async fn change_webhook_url(
        &self,
        org_id: &str,
        webhook_id: WebhookId,
        url: &str,
    ) -> Called<IgnoredAny> {
        let path = webhook_path(org_id, webhook_id, "");
        self.send(Method::PUT, &path, Some(json!({"url": url}))).await
    }

    /// Has the endpoint verified.
    pub async fn verify(&self, org_id: &str, webhook_id: WebhookId) -> Called<IgnoredAny> {
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/verify"), None).await
    }

    /// Has the endpoint of a disabled webhook verified, which enables the webhook.
    pub async fn enable(&self, org_id: &str, webhook_id: WebhookId) -> Called<IgnoredAny> {
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/enable"), None).await
    }

    /// Returns a webhook.
    pub async fn webhook(&self, org_id: &str, webhook_id: WebhookId) -> Called<Webhook> {
        self.get(&webhook_path(org_id, webhook_id, "")).await
    }

    /// Returns the signing secrets of a webhook. The audit log notes that.
    pub async fn webhook_secrets(&self, org_id: &str, webhook_id: WebhookId) -> Called<WebhookSecrets> {
        self.get(&webhook_path(org_id, webhook_id, "/secret")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Called<T> {
        self.send(Method::GET, path, None).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Called<T> {
        let unavailable = |text: String| AdminFault::Unavailable(format!("{method} {path}: {text}"));
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header("x-admin-api-key", self.client.admin_api_key.expose_secret())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token()?));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(body.map(|body| body.to_string()).unwrap_or_default())
            .map_err(|error| unavailable(error.to_string()))?;
        let answer =
            self.client.binding.call(request).await.map_err(|error| unavailable(error.to_string()))?;
        let (status, bytes) = (answer.status(), answer.body());
        // A 202 may have no body.
        let bytes = if bytes.is_empty() { b"null" } else { bytes.as_slice() };
        if status.is_success() {
            return serde_json::from_slice(bytes).map_err(|error| unavailable(error.to_string()));
        }
        match serde_json::from_slice::<Refusal>(bytes) {
            // A person can mend these; the others are for the operators.
            Ok(refusal) if matches!(status.as_u16(), 400 | 404 | 409) => Err(AdminFault::Refused(refusal)),
            Ok(refusal) => Err(unavailable(format!("answered {status} {}", refusal.code))),
            Err(error) => Err(unavailable(format!("answered {status}: {error}"))),
        }
    }

    fn token(&self) -> Called<String> {
        let fault = || AdminFault::Unavailable("no service token could be made".to_owned());
        let issued = DateTime::<Utc>::from_timestamp(self.now.seconds(), 0).ok_or_else(fault)?;
        let mut claims = Claims::new(ServiceClaims {
            iss: "partner-portal",
            aud: "admin-api",
            email: "partner-portal@smartphonekey.com",
            act: self.email,
        });
        claims.issued_at = Some(issued);
        claims.expiration = Some(issued + Duration::seconds(TOKEN_SECONDS));
        let key = Hs256Key::new(self.client.service_jwt_secret.expose_secret().as_bytes());
        Hs256.token(&Header::empty(), &claims, &key).map_err(|_| fault())
    }
}

fn webhook_path(org_id: &str, webhook_id: WebhookId, rest: &str) -> String {
    format!("/tenants/{org_id}/webhooks/{webhook_id}{rest}")
}

#[cfg(test)]
mod tests {
    use shared::event::id::EventId;

    use super::*;
    use crate::paths::delivery_path;

    #[test]
    fn an_event_id_stays_in_the_folder_of_its_webhook() {
        let id = WebhookId::from_random_bytes(shared::shard::Bucket(0), [0; 16]);
        let path = webhook_path("acme-corp", id, &delivery_path("../x"));
        assert_eq!(path, format!("/tenants/acme-corp/webhooks/{id}/deliveries/..%2Fx"));
        for bad in ["", ".", ".."] {
            assert!(EventId::parse(bad).is_err());
        }
    }
}
