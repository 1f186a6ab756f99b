//! `PUT /tenants/{orgId}/webhooks/{id}`, `PATCH /webhooks/{id}`, and rotating a webhook's secret.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Map, json};

use super::sealer::secret_context;
use super::webhook_authentication::{RequestedAuthentication, ShownAuthentication};
use super::{App, Transitioned};
use crate::actor::Actor;
use crate::error::Error;
use crate::ports::Statement;
use crate::store::tenants;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, WebhookChange};
use crate::tenant::OrgId;
use crate::transition::TransitionKind;
use crate::webhook::filter::EventFilter;
use crate::webhook::signing::SigningSecret;
use crate::webhook::url::WebhookUrl;

/// What changes of a webhook; at least one is given.
#[derive(Clone, Debug, Default)]
pub struct RequestedChange {
    /// Another URL makes the webhook pending.
    pub url: Option<WebhookUrl>,
    /// Which events.
    pub events: Option<EventFilter>,
    /// Another signing secret, at once and without overlap.
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
    /// Changes a webhook: one round trip. Gives back the token where the change made or set one.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn change_webhook(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        id: &str,
        requested: RequestedChange,
    ) -> Result<(Transitioned, Option<ShownAuthentication>), Error> {
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
        let transition = NewTransition { kind, at, actor, details: details.into() };
        let verification = requested.url.as_ref().map(|url| webhooks::verify_if_changed(org_id, id, url, at));
        let challenged = verification.is_some();
        let statements =
            verification.into_iter().chain([webhooks::update(org_id, id, &change, at)]).collect();
        let transitioned = self.transition_webhook(org_id, id, statements, transition).await?;
        if challenged {
            self.wake_webhook(org_id, id).await;
        }
        Ok((transitioned, auth.map(|(_, shown)| shown)))
    }

    /// Sets a new signing secret; for the overlap, deliveries carry signatures by the old one as well.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        id: &str,
        secret: Option<SigningSecret>,
        overlap: Duration,
    ) -> Result<(Transitioned, SigningSecret), Error> {
        let at = self.now();
        let secret = secret.unwrap_or_else(|| self.fresh_signing_secret());
        let sealed = self.sealer.seal(&secret_context(id), secret.expose().expose_secret()).await?;
        let overlap_until = (!overlap.is_zero()).then(|| at.plus(overlap));
        let details = json!({"webhookId": id, "overlapUntil": overlap_until});
        let transition = NewTransition { kind: TransitionKind::WebhookSecretRotated, at, actor, details };
        let statement = webhooks::rotate_secret(org_id, id, &sealed, overlap_until, at);
        let transitioned = self.transition_webhook(org_id, id, vec![statement], transition).await?;
        Ok((transitioned, secret))
    }

    /// Deletes a webhook. Its pending deliveries end as `failed` when their time comes.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn delete_webhook(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        id: &str,
    ) -> Result<Transitioned, Error> {
        let details = json!({"webhookId": id});
        let transition =
            NewTransition { kind: TransitionKind::WebhookDeleted, at: self.now(), actor, details };
        self.transition_webhook(org_id, id, vec![webhooks::delete(org_id, id)], transition).await
    }

    /// Runs a change of a webhook with its transition in one transaction.
    pub(super) async fn transition_webhook(
        &self,
        org_id: &OrgId,
        id: &str,
        change: Vec<Statement>,
        transition: NewTransition<'_>,
    ) -> Result<Transitioned, Error> {
        let mut statements = vec![
            tenants::registered(org_id),
            // Before the change, because a deletion would take away what its guard asks for.
            transitions::append(org_id, transition, &Guard::Webhook(id)),
        ];
        statements.extend(change);
        let mut batch = self.run(statements).await?;
        if !batch.any(0) {
            return Err(Error::TenantNotRegistered);
        }
        Transitioned::read(&mut batch, 1, org_id, Error::WebhookNotFound)
    }
}
