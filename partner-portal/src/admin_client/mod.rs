//! The Admin API, called on behalf of the signed-in person through the service binding.

mod answers;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use edge::problem::Problem;
use edge::service_binding::ServiceBinding;
use http::{Method, Request, header};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::error::FieldFaults;
use shared::time::Timestamp;

pub use answers::{
    CreatedWebhook, DeliveryDetail, FreshKey, HourCount, Key, Redelivered, Summary, Tenant, Tenants, Webhook,
    Webhooks,
};

use crate::config::Config;
use crate::paths::path_segment;

/// The life of a service token, in seconds: the longest that the Admin API takes.
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

/// Why a call did not do what was asked.
#[derive(Clone, Debug)]
pub enum AdminFault {
    /// The Admin API said no, with its stable code.
    Refused(Refusal),
    /// It did not answer, or with something else than its own JSON. For the log.
    Unavailable(String),
}

/// A refusal in the Admin API's words.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    /// The code.
    #[serde(rename = "error")]
    pub code: String,
    /// What is wrong with each field.
    #[serde(default)]
    pub fields: FieldFaults,
}

impl AdminFault {
    /// Whether it is a refusal with this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }
}

impl fmt::Display for AdminFault {
    /// For the log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(detail) => write!(formatter, "admin-api: {detail}"),
            Self::Refused(refusal) => write!(formatter, "admin-api refused: {}", refusal.code),
        }
    }
}

impl From<AdminFault> for Problem {
    /// What no page has words for is an outage to its reader; the log says more.
    fn from(fault: AdminFault) -> Self {
        Problem::unavailable(fault.to_string())
    }
}

/// The Admin API as one person may use it.
pub struct PersonClient<'a> {
    client: &'a AdminClient,
    email: &'a str,
    now: Timestamp,
}

/// The claims beside the times.
#[derive(Serialize)]
struct ServiceClaims<'a> {
    iss: &'static str,
    aud: &'static str,
    email: &'static str,
    /// On whose behalf.
    act: &'a str,
}

impl AdminClient {
    /// Calls through this binding with the configured secrets.
    pub fn new(config: &Config, binding: Arc<dyn ServiceBinding>) -> Self {
        Self {
            binding,
            admin_api_key: config.admin_api_key.clone(),
            service_jwt_secret: config.service_jwt_secret.clone(),
        }
    }

    /// On behalf of the person with this verified address.
    pub fn on_behalf_of<'a>(&'a self, email: &'a str, now: Timestamp) -> PersonClient<'a> {
        PersonClient { client: self, email, now }
    }

    /// Whether the Worker at the other end is up.
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
    /// The organizations that the person owns, in the order of their registration.
    ///
    /// # Errors
    /// [`AdminFault`], as of every call below.
    pub async fn tenants(&self) -> Called<Vec<Tenant>> {
        let query = [("ownerEmail", self.email), ("limit", &MOST.to_string())];
        let answer: Tenants = self.get(&format!("/tenants?{}", encoded(&query)?)).await?;
        Ok(answer.tenants)
    }

    /// Registers an organization of the person's.
    pub async fn register(&self, org_id: &str, org_name: &str) -> Called<Value> {
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

    /// The organization's webhooks in the order of their creation.
    pub async fn webhooks(&self, org_id: &str) -> Called<Vec<Webhook>> {
        let answer: Webhooks = self.get(&format!("/tenants/{org_id}/webhooks?limit={MOST}")).await?;
        Ok(answer.webhooks)
    }

    /// Creates a webhook for all events. The secret in the answer is not taken over.
    pub async fn create_webhook(&self, org_id: &str, url: &str) -> Called<CreatedWebhook> {
        self.send(Method::POST, &format!("/tenants/{org_id}/webhooks"), Some(json!({"url": url}))).await
    }

    /// Changes a webhook's URL.
    pub async fn change_webhook_url(&self, org_id: &str, webhook_id: &str, url: &str) -> Called<Value> {
        let path = webhook_path(org_id, webhook_id, "");
        self.send(Method::PUT, &path, Some(json!({"url": url}))).await
    }

    /// Has the endpoint verified again.
    pub async fn verify(&self, org_id: &str, webhook_id: &str) -> Called<Value> {
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/verify"), None).await
    }

    /// Has a disabled webhook's endpoint verified, and the webhook enabled by that.
    pub async fn enable(&self, org_id: &str, webhook_id: &str) -> Called<Value> {
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/enable"), None).await
    }

    /// Sends a sample event.
    pub async fn test(&self, org_id: &str, webhook_id: &str) -> Called<Value> {
        self.send(Method::POST, &webhook_path(org_id, webhook_id, "/test"), None).await
    }

    /// The last 24 hours by the hour, and the newest deliveries.
    pub async fn summary(&self, org_id: &str, webhook_id: &str) -> Called<Summary> {
        self.get(&webhook_path(org_id, webhook_id, "/delivery-summary")).await
    }

    /// One delivery.
    pub async fn delivery(&self, org_id: &str, webhook_id: &str, event_id: &str) -> Called<DeliveryDetail> {
        self.get(&webhook_path(org_id, webhook_id, &format!("/deliveries/{}", segment(event_id)?))).await
    }

    /// Sends one ended delivery again.
    pub async fn redeliver(&self, org_id: &str, webhook_id: &str, event_id: &str) -> Called<Value> {
        let rest = format!("/deliveries/{}/redeliver", segment(event_id)?);
        self.send(Method::POST, &webhook_path(org_id, webhook_id, &rest), None).await
    }

    /// Sends again all that failed since then.
    pub async fn redeliver_since(
        &self,
        org_id: &str,
        webhook_id: &str,
        since: Timestamp,
    ) -> Called<Redelivered> {
        let path = webhook_path(org_id, webhook_id, "/redeliver");
        self.send(Method::POST, &path, Some(json!({"since": since}))).await
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
        // A 202 may say nothing more.
        let bytes = if bytes.is_empty() { b"null" } else { bytes.as_slice() };
        if status.is_success() {
            return serde_json::from_slice(bytes).map_err(|error| unavailable(error.to_string()));
        }
        match serde_json::from_slice::<Refusal>(bytes) {
            // Of a person's making; everything else is not theirs to mend.
            Ok(refusal) if matches!(status.as_u16(), 400 | 404 | 409) => Err(AdminFault::Refused(refusal)),
            Ok(refusal) => Err(unavailable(format!("answered {status} {}", refusal.code))),
            Err(_) => Err(unavailable(format!("answered {status}"))),
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

fn webhook_path(org_id: &str, webhook_id: &str, rest: &str) -> String {
    format!("/tenants/{org_id}/webhooks/{webhook_id}{rest}")
}

fn encoded(query: &[(&str, &str)]) -> Called<String> {
    serde_urlencoded::to_string(query).map_err(|error| AdminFault::Unavailable(error.to_string()))
}

/// An event id as a segment of a path. Dots alone would be taken for another folder, even percent-encoded.
fn segment(text: &str) -> Called<String> {
    if text.is_empty() || text.bytes().all(|byte| byte == b'.') {
        let refusal = Refusal { code: "delivery_not_found".to_owned(), fields: FieldFaults::new() };
        return Err(AdminFault::Refused(refusal));
    }
    Ok(path_segment(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_never_leaves_its_folder() {
        assert_eq!(segment("../x").unwrap(), "..%2Fx");
        for bad in ["", ".", ".."] {
            assert!(segment(bad).unwrap_err().is("delivery_not_found"));
        }
    }
}
