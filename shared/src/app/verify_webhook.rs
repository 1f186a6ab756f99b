//! `POST …/verify` and `POST …/enable`

use serde_json::json;

use super::deliveries::{check_webhook, webhook_checks};
use super::idempotency::RequestDigest;
use super::{App, Transitioned};
use crate::error::Error;
use crate::store::kept_answers::AnsweredChange;
use crate::store::tending;
use crate::store::transitions::{self, Guard, NewTransition};
use crate::store::webhooks::{self, StatusRow};
use crate::tenant_scope::TenantScope;
use crate::transition::TransitionKind;
use crate::webhook::WebhookStatus;
use crate::webhook::id::WebhookId;

impl App {
    /// Tries a webhook's endpoint now. While the circuit is open, the next probe is due at once. Otherwise the verification
    /// begins anew, that of a disabled webhook as well: the webhook is pending, and its events wait, until the endpoint
    /// answers a challenge.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn verify_webhook(&self, tenant: &TenantScope, id: &WebhookId) -> Result<Transitioned, Error> {
        let asked = self.asked(|| json!(["verify", tenant.org_id(), id]));
        self.once(&asked, self.verify(&asked, tenant, id)).await
    }

    async fn verify(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        id: &WebhookId,
    ) -> Result<Transitioned, Error> {
        let at = self.now();
        let kind = TransitionKind::WebhookVerificationRequested;
        let transition = NewTransition { kind, at, details: json!({"webhookId": id}) };
        let probe = tending::probe_now(tenant, id, at, self.fresh_stamp());
        let mut verify = vec![webhooks::verify(tenant, id, at, self.fresh_stamp()), probe];
        let answer = Transitioned { org_id: tenant.org_id().clone(), version: 0 };
        verify.extend(self.keep(asked, tenant, &answer, &AnsweredChange::Webhook(id)).await?);
        let transitioned = self.transition_webhook(tenant, id, verify, transition).await?;
        self.wake_webhook(tenant, id).await;
        Ok(transitioned)
    }

    /// Takes a disabled webhook back: it is pending, and verified.
    ///
    /// # Errors
    /// As [`App::verify_webhook`]; [`Error::WebhookNotDisabled`].
    pub async fn enable_webhook(&self, tenant: &TenantScope, id: &WebhookId) -> Result<Transitioned, Error> {
        let asked = self.asked(|| json!(["enable", tenant.org_id(), id]));
        self.once(&asked, self.enable(&asked, tenant, id)).await
    }

    async fn enable(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        id: &WebhookId,
    ) -> Result<Transitioned, Error> {
        let at = self.now();
        let transition =
            NewTransition { kind: TransitionKind::WebhookEnabled, at, details: json!({"webhookId": id}) };
        let append = transitions::append(tenant, transition, &Guard::DisabledWebhook(id));
        let mut statements = webhook_checks(tenant, id);
        statements.push(append);
        let stamp = self.fresh_stamp();
        statements.push(webhooks::enable(tenant, id, at, stamp));
        let answer = Transitioned { org_id: tenant.org_id().clone(), version: 0 };
        statements
            .extend(self.keep(asked, tenant, &answer, &AnsweredChange::WebhookCondition(id, stamp)).await?);
        let mut batch = self.run(statements).await?;
        check_webhook(&batch)?;
        let status = batch.first::<StatusRow>(1)?.map(|row| row.status);
        if status != Some(WebhookStatus::Disabled) {
            return Err(Error::WebhookNotDisabled);
        }
        let transitioned = Transitioned::read(&mut batch, 2, tenant, Error::WebhookNotDisabled)?;
        self.wake_webhook(tenant, id).await;
        Ok(transitioned)
    }
}
