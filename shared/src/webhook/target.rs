//! A webhook as delivery needs it.

use super::authentication::Authentication;
use super::filter::EventFilter;
use super::health::Condition;
use super::id::WebhookId;
use crate::event::message::WebhookKey;
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// A webhook to deliver to. Secrets are still sealed.
#[derive(Clone, Debug)]
pub struct Target {
    /// The webhook.
    pub id: WebhookId,
    /// The webhook's tenant.
    pub org_id: OrgId,
    /// Where to; checked again before each request.
    pub url: String,
    /// Counts the URL's changes: what an older endpoint answered is void.
    pub url_revision: u32,
    /// The event types that the webhook gets.
    pub events: EventFilter,
    /// The signing secret, sealed.
    pub sealed_secret: String,
    /// The earlier secrets, sealed, whose overlap lasts.
    pub sealed_previous_secrets: Vec<String>,
    /// The kind of static token.
    pub authentication: Authentication,
    /// The static token, sealed.
    pub sealed_token: Option<String>,
    /// Its health, as of `stamp`.
    pub condition: Condition,
    /// Names the writer of the condition. A new condition is written where the stamp is still the same.
    pub stamp: i64,
    /// When an attempt last failed.
    pub last_error_at: Option<Timestamp>,
}

impl Target {
    /// Tenant and webhook.
    pub fn key(&self) -> WebhookKey {
        WebhookKey::new(&self.org_id, &self.id)
    }
}
