//! `PUT /tenants/{orgId}/webhooks/{id}` and `PATCH /webhooks/{id}`.

use secrecy::ExposeSecret;
use serde_json::{Map, json};

use super::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use super::{App, Transitioned};
use crate::error::Error;
use crate::ports::Statement;
use crate::store::secrets::{self, SealedRow};
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, WebhookChange};
use crate::store::{tenants, tending};
use crate::tenant_scope::TenantScope;
use crate::transition::TransitionKind;
use crate::webhook::authentication::{AuthToken, token_context};
use crate::webhook::filter::EventFilter;
use crate::webhook::id::WebhookId;
use crate::webhook::signing::{SigningSecret, secret_context};
use crate::webhook::url::WebhookUrl;

/// What changes of a webhook; at least one is given.
#[derive(Clone, Debug, Default)]
pub struct RequestedChange {
    /// Another URL makes the webhook pending.
    pub url: Option<WebhookUrl>,
    /// Other event types.
    pub events: Option<EventFilter>,
    /// Another signing secret, at once and without overlap. Earlier ones sign until their own overlap ends.
    pub secret: Option<SigningSecret>,
    /// Another static token.
    pub auth: Option<RequestedAuthentication>,
}

impl RequestedChange {
    /// Only the URL, as partners may.
    pub fn url(url: WebhookUrl) -> Self {
        Self { url: Some(url), ..Self::default() }
    }
}

impl App {
    /// Changes a webhook: one round trip, and one before where the static token has to be compared with a stored
    /// secret, or a secret with a stored token. Gives back the token where the change made or set one.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`]; [`Error::Invalid`] where the token would give the
    /// secret away.
    pub async fn change_webhook(
        &self,
        tenant: &TenantScope,
        id: &WebhookId,
        requested: RequestedChange,
    ) -> Result<(Transitioned, Option<ShownAuthentication>), Error> {
        let token = requested.auth.as_ref().and_then(|auth| auth.token.as_ref());
        if let Some(token) = token {
            let keeps_secret = requested.secret.is_none();
            self.check_against_stored_secrets(tenant, id, token, keeps_secret).await?;
        } else if let Some(secret) = requested.secret.as_ref().filter(|_| requested.auth.is_none())
            && let Some(row) = self.sealed_values(tenant, id).await?
        {
            self.check_against_stored_token(id, &row, secret).await?;
        }
        let mut details = Map::from_iter([("webhookId".to_owned(), json!(id))]);
        details.extend(requested.url.as_ref().map(|url| ("url".to_owned(), json!(url))));
        details.extend(requested.events.as_ref().map(|events| ("events".to_owned(), json!(events))));
        details.extend(requested.secret.as_ref().map(|_| ("secret".to_owned(), json!("changed"))));
        let sealed_secret = match &requested.secret {
            Some(secret) => {
                Some(self.sealer.seal(&secret_context(id), secret.expose().expose_secret()).await?)
            }
            None => None,
        };
        let auth = match &requested.auth {
            Some(auth) => Some(self.seal_authentication(id, auth).await?),
            None => None,
        };
        details.extend(auth.as_ref().map(|(stored, _)| ("auth".to_owned(), json!(stored.authentication))));
        let kind = match requested.url {
            Some(_) => TransitionKind::WebhookUrlChanged,
            None => TransitionKind::WebhookChanged,
        };
        let at = self.now();
        let change = WebhookChange {
            url: requested.url.as_ref(),
            events: requested.events.as_ref(),
            sealed_secret: sealed_secret.as_deref(),
            auth: auth.as_ref().map(|(stored, _)| stored),
        };
        let transition = NewTransition { kind, at, details: details.into() };
        let verification = requested
            .url
            .as_ref()
            .map(|url| webhooks::verify_if_changed(tenant, id, url, at, self.fresh_stamp()));
        let challenged = verification.is_some();
        let statements =
            verification.into_iter().chain([webhooks::update(tenant, id, &change, at)]).collect();
        let transitioned = self.transition_webhook(tenant, id, statements, transition).await?;
        if challenged {
            self.wake_webhook(tenant, id).await;
        }
        Ok((transitioned, auth.map(|(_, shown)| shown)))
    }

    /// Deletes a webhook. Its pending deliveries end as `failed`, 2,000 at once and the rest in the next cron run.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn delete_webhook(&self, tenant: &TenantScope, id: &WebhookId) -> Result<Transitioned, Error> {
        let details = json!({"webhookId": id});
        let at = self.now();
        let transition = NewTransition { kind: TransitionKind::WebhookDeleted, at, details };
        let mut statements = webhooks::delete(tenant, id, at);
        statements.push(tending::end_just_deleted(id, at));
        statements.push(tenants::count_webhooks(tenant));
        self.transition_webhook(tenant, id, statements, transition).await
    }

    /// A new token must not give away a secret that signs, be it an earlier one in its overlap. The current secret counts
    /// unless the same change replaces it.
    async fn check_against_stored_secrets(
        &self,
        tenant: &TenantScope,
        id: &WebhookId,
        token: &AuthToken,
        keeps_secret: bool,
    ) -> Result<(), Error> {
        let Some(row) = self.sealed_values(tenant, id).await? else { return Ok(()) };
        let previous = row.overlapping(self.now())?.into_iter().map(|previous| previous.secret);
        for sealed in keeps_secret.then_some(row.secret).into_iter().chain(previous) {
            // What no key of ours opens any more signs nothing, and must not stand in the way of its replacement.
            let Ok(text) = self.sealer.open(&secret_context(id), &sealed).await else { continue };
            if let Ok(secret) = SigningSecret::parse(text.expose_secret()) {
                token.check_differs_from(&secret).map_err(|fault| Error::field("auth.token", fault))?;
            }
        }
        Ok(())
    }

    /// The stored token must not give away a new secret.
    pub(super) async fn check_against_stored_token(
        &self,
        id: &WebhookId,
        row: &SealedRow,
        secret: &SigningSecret,
    ) -> Result<(), Error> {
        let Some(sealed) = &row.auth_token else { return Ok(()) };
        // As above.
        let Ok(token) = self.sealer.open(&token_context(id), sealed).await else { return Ok(()) };
        if secret.is_within(token.expose_secret()) {
            return Err(Error::field("secret", "must not be the static token in auth"));
        }
        Ok(())
    }

    /// Read before the change, not with it: two callers who set one value each at the same instant are not told. The
    /// rule guards against a mistake, and that takes one of them.
    async fn sealed_values(&self, tenant: &TenantScope, id: &WebhookId) -> Result<Option<SealedRow>, Error> {
        let mut batch = self.run(vec![secrets::sealed(tenant, id)]).await?;
        Ok(batch.first::<SealedRow>(0)?)
    }

    /// Runs a change of a webhook with its transition in one transaction.
    pub(super) async fn transition_webhook(
        &self,
        tenant: &TenantScope,
        id: &WebhookId,
        change: Vec<Statement>,
        transition: NewTransition,
    ) -> Result<Transitioned, Error> {
        let mut statements = vec![
            tenants::registered(tenant),
            // Before the change, because a deletion would take away what its guard asks for.
            transitions::append(tenant, transition, &Guard::Webhook(id)),
        ];
        statements.extend(change);
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        Transitioned::read(&mut batch, 1, tenant, Error::WebhookNotFound)
    }
}
