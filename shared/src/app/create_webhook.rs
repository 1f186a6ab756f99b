//! `POST /tenants/{orgId}/webhooks`

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::idempotency::{KeptAnswer, RequestDigest, text};
use super::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use super::{App, Transitioned};
use crate::error::Error;
use crate::store::kept_answers::AnsweredChange;
use crate::store::tenants;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, NewWebhook};
use crate::tenant_scope::TenantScope;
use crate::transition::TransitionKind;
use crate::webhook::MOST_PER_TENANT;
use crate::webhook::authentication::{AuthToken, Authentication};
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

impl KeptAnswer for CreatedWebhook {
    fn to_kept(&self) -> Value {
        json!({
            "orgId": self.transitioned.org_id, "webhookId": self.webhook_id,
            "secret": self.secret.expose().expose_secret(), "auth": self.auth.authentication,
            "token": self.auth.token.as_ref().map(AuthToken::expose),
        })
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        let token = match kept.get("token")? {
            Value::Null => None,
            token => Some(AuthToken::parse(token.as_str()?).ok()?),
        };
        Some(Self {
            transitioned: Transitioned::from_kept(kept)?,
            webhook_id: WebhookId::parse(text(kept, "webhookId")?).ok()?,
            secret: SigningSecret::parse(text(kept, "secret")?).ok()?,
            auth: ShownAuthentication {
                authentication: Authentication::deserialize(kept.get("auth")?).ok()?,
                token,
            },
        })
    }
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
        let asked = self.asked(|| {
            let RequestedWebhook { url, events, secret, auth } = &requested;
            let secret = secret.as_ref().map(|secret| secret.expose().expose_secret().to_owned());
            let token = auth.token.as_ref().map(AuthToken::expose);
            json!(["create", tenant.org_id(), url, events, secret, auth.authentication, token])
        });
        self.once(&asked, self.create(&asked, tenant, requested)).await
    }

    async fn create(
        &self,
        asked: &RequestDigest,
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
        let mut statements = vec![
            tenants::registered(tenant),
            webhooks::insert(tenant, &new),
            transitions::append(tenant, transition, &Guard::Webhook(&id)),
            tenants::count_webhooks(tenant),
        ];
        let transitioned = Transitioned { org_id: tenant.org_id().clone(), version: 0 };
        let mut created = CreatedWebhook { transitioned, webhook_id: id, secret, auth };
        statements.extend(self.keep(asked, tenant, &created, &AnsweredChange::Webhook(&id)).await?);
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        created.transitioned = Transitioned::read(&mut batch, 2, tenant, Error::WebhookLimitReached)?;
        Ok(created)
    }

    /// Draws a signing secret.
    pub(super) fn fresh_signing_secret(&self) -> SigningSecret {
        SigningSecret::generate(self.random_bytes())
    }
}
