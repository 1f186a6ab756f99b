//! `POST /tenants/{orgId}/webhooks`

use secrecy::ExposeSecret;
use serde_json::json;

use super::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use super::{App, Transitioned};
use crate::error::Error;
use crate::store::tenants;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, NewWebhook};
use crate::tenant_scope::TenantScope;
use crate::transition::TransitionKind;
use crate::webhook::MOST_PER_TENANT;
use crate::webhook::filter::EventFilter;
use crate::webhook::id::WebhookId;
use crate::webhook::signing::{SigningSecret, secret_context};
use crate::webhook::url::WebhookUrl;

/// A webhook as a caller asks for it.
#[derive(Clone, Debug)]
pub struct RequestedWebhook {
    /// Where to.
    pub url: WebhookUrl,
    /// The event types that the webhook gets.
    pub events: EventFilter,
    /// The signing secret; generated where absent.
    pub secret: Option<SigningSecret>,
    /// The static token.
    pub auth: RequestedAuthentication,
}

/// A webhook just created, with what is shown once.
#[derive(Debug)]
pub struct CreatedWebhook {
    /// The tenant and the version.
    pub transitioned: Transitioned,
    /// The new webhook's id.
    pub webhook_id: WebhookId,
    /// The signing secret.
    pub secret: SigningSecret,
    /// The static token.
    pub auth: ShownAuthentication,
}

impl App {
    /// Creates an active webhook: one round trip. At the portal, a person sets up the first one only: of a form sent
    /// twice, the second finds that there is one.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookLimitReached`].
    pub async fn create_webhook(
        &self,
        tenant: &TenantScope,
        requested: RequestedWebhook,
    ) -> Result<CreatedWebhook, Error> {
        let at = self.now();
        let id = WebhookId::from_random_bytes(tenant.org_id().into(), self.random_bytes());
        let secret = requested.secret.unwrap_or_else(|| self.fresh_signing_secret());
        let sealed_secret = self.sealer.seal(&secret_context(&id), secret.expose().expose_secret()).await?;
        let (stored, auth) = self.seal_authentication(&id, &requested.auth).await?;
        let new = NewWebhook {
            id: &id,
            url: &requested.url,
            events: &requested.events,
            sealed_secret: &sealed_secret,
            auth: &stored,
            at,
            most: if tenant.actor().is_at_portal() { 1 } else { MOST_PER_TENANT },
        };
        let details = json!({"webhookId": id, "url": requested.url, "events": requested.events, "auth": stored.authentication});
        let transition = NewTransition { kind: TransitionKind::WebhookCreated, at, details };
        let statements = vec![
            tenants::registered(tenant),
            webhooks::insert(tenant, &new),
            transitions::append(tenant, transition, &Guard::Webhook(&id)),
            tenants::count_webhooks(tenant),
        ];
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        let transitioned = Transitioned::read(&mut batch, 2, tenant, Error::WebhookLimitReached)?;
        Ok(CreatedWebhook { transitioned, webhook_id: id, secret, auth })
    }

    /// Draws a signing secret.
    pub(super) fn fresh_signing_secret(&self) -> SigningSecret {
        SigningSecret::generate(self.random_bytes())
    }
}
