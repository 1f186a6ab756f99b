//! `POST …/verify` and `POST …/enable`

use serde_json::json;

use super::deliveries::{check_webhook, webhook_checks};
use super::{App, Transitioned};
use crate::actor::Actor;
use crate::error::Error;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, StatusRow};
use crate::tenant::OrgId;
use crate::transition::TransitionKind;
use crate::webhook::WebhookStatus;

impl App {
    /// Starts the verification anew: the webhook is pending until its endpoint answers a challenge. What was held or
    /// arrives meanwhile waits for it.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn verify_webhook(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        id: &str,
    ) -> Result<Transitioned, Error> {
        let at = self.now();
        let kind = TransitionKind::WebhookVerificationRequested;
        let transition = NewTransition { kind, at, actor, details: json!({"webhookId": id}) };
        let verify = vec![webhooks::verify(org_id, id, at)];
        let transitioned = self.transition_webhook(org_id, id, verify, transition).await?;
        self.wake_webhook(org_id, id).await;
        Ok(transitioned)
    }

    /// Takes a disabled webhook back: it is pending, and verified.
    ///
    /// # Errors
    /// As [`App::verify_webhook`]; [`Error::WebhookNotDisabled`].
    pub async fn enable_webhook(
        &self,
        actor: &Actor,
        org_id: &OrgId,
        id: &str,
    ) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition = NewTransition {
            kind: TransitionKind::WebhookEnabled,
            at,
            actor,
            details: json!({"webhookId": id}),
        };
        let append = transitions::append(org_id, transition, &Guard::DisabledWebhook(id));
        let mut statements = webhook_checks(org_id, id, append);
        statements.push(webhooks::enable(org_id, id, at));
        let mut batch = self.run(statements).await?;
        check_webhook(&batch)?;
        let status = batch.first::<StatusRow>(1)?.map(|row| row.status);
        if status != Some(WebhookStatus::Disabled) {
            return Err(Error::WebhookNotDisabled);
        }
        let transitioned = Transitioned::read(&mut batch, 2, org_id, Error::WebhookNotDisabled)?;
        self.wake_webhook(org_id, id).await;
        Ok(transitioned)
    }
}
