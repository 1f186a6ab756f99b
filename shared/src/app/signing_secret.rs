//! A webhook's signing secrets: rotated, and shown.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::idempotency::{KeptAnswer, RequestDigest, text};
use super::{App, Transitioned};
use crate::error::Error;
use crate::ports::Batch;
use crate::store::kept_answers::AnsweredChange;
use crate::store::secrets::{self, PreviousSecret, Rotation, SealedRow};
use crate::store::tenants;
use crate::store::transitions::{self, Guard, NewTransition, VersionRow};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::transition::{Aggregate, TransitionKind};
use crate::webhook::id::WebhookId;
use crate::webhook::signing::{SigningSecret, secret_context};

/// How often a rotation starts anew because the current secret changed between its read and its write.
const MOST_TRIES: u32 = 5;

/// What a webhook signs with.
#[derive(Debug)]
pub struct RevealedSecret {
    /// The current secret.
    pub secret: SigningSecret,
    /// When the overlap of each earlier secret ends.
    pub previous: Vec<Timestamp>,
}

impl KeptAnswer for (Transitioned, SigningSecret) {
    fn to_kept(&self) -> Value {
        json!({"orgId": self.0.org_id, "secret": self.1.expose().expose_secret()})
    }

    fn from_kept(kept: &Value) -> Option<Self> {
        Some((Transitioned::from_kept(kept)?, SigningSecret::parse(text(kept, "secret")?).ok()?))
    }
}

impl App {
    /// Sets a new signing secret; for the overlap, deliveries carry signatures by the one so far as well, and those before go
    /// on until their own overlap ends. To rotate to the current secret changes nothing. One round trip, and one before where
    /// the secret was not drawn here.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`]; [`Error::TooManySecrets`]; [`Error::Invalid`] where the
    /// static token would give the secret away.
    pub async fn rotate_webhook_secret(
        &self,
        tenant: &TenantScope,
        id: &WebhookId,
        secret: Option<SigningSecret>,
        overlap: Duration,
    ) -> Result<(Transitioned, SigningSecret), Error> {
        let asked = self.asked(|| {
            let secret = secret.as_ref().map(|secret| secret.expose().expose_secret().to_owned());
            json!(["rotate secret", tenant.org_id(), id, secret, overlap.as_secs()])
        });
        self.once(&asked, self.rotate_secret(&asked, tenant, id, secret, overlap)).await
    }

    async fn rotate_secret(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        id: &WebhookId,
        secret: Option<SigningSecret>,
        overlap: Duration,
    ) -> Result<(Transitioned, SigningSecret), Error> {
        let Some(secret) = secret else {
            let secret = self.fresh_signing_secret();
            let rotated = self.write_rotation(asked, tenant, id, &secret, overlap, None, &[]).await?;
            let transitioned =
                rotated.ok_or_else(|| Error::Internal("a rotation that relies on nothing".into()))?;
            return Ok((transitioned, secret));
        };
        for _ in 0..MOST_TRIES {
            let statements = vec![
                tenants::registered(tenant),
                secrets::sealed(tenant, id),
                transitions::latest_version(tenant, Aggregate::Webhooks),
            ];
            let mut batch = self.run(statements).await?;
            let row = sealed_row(&mut batch)?;
            if self.opens_to(id, &row.secret, &secret).await {
                let version = batch.first::<VersionRow>(2)?.map_or(0, |row| row.version);
                let answer = (Transitioned { org_id: tenant.org_id().clone(), version }, secret);
                let change = AnsweredChange::WebhookSecret(id, &row.secret);
                if let Some(keep) = self.keep(asked, tenant, &answer, &change).await? {
                    self.run(vec![keep]).await?;
                }
                return Ok(answer);
            }
            self.check_against_stored_token(id, &row, &secret).await?;
            let mut repeated = Vec::new();
            for PreviousSecret { secret: sealed, .. } in row.overlapping(self.now())? {
                if self.opens_to(id, &sealed, &secret).await {
                    repeated.push(sealed);
                }
            }
            let based_on = Some(&*row.secret);
            if let Some(transitioned) =
                self.write_rotation(asked, tenant, id, &secret, overlap, based_on, &repeated).await?
            {
                return Ok((transitioned, secret));
            }
        }
        Err(Error::Unavailable("the signing secret was changed by others at the same time".into()))
    }

    /// Writes a rotation; `None` if the current secret is not the one that it relies on.
    #[allow(clippy::too_many_arguments, reason = "each is a part of one rotation")]
    async fn write_rotation(
        &self,
        asked: &RequestDigest,
        tenant: &TenantScope,
        id: &WebhookId,
        secret: &SigningSecret,
        overlap: Duration,
        based_on: Option<&str>,
        repeated: &[String],
    ) -> Result<Option<Transitioned>, Error> {
        let at = self.now();
        let sealed = self.sealer.seal(&secret_context(id), secret.expose().expose_secret()).await?;
        let overlap_until = (!overlap.is_zero()).then(|| at.plus(overlap));
        let details = json!({"webhookId": id, "overlapUntil": overlap_until});
        let transition = NewTransition { kind: TransitionKind::WebhookSecretRotated, at, details };
        let rotation = Rotation { sealed: &sealed, overlap_until, based_on, repeated, at };
        let mut statements = vec![
            tenants::registered(tenant),
            secrets::sealed(tenant, id),
            secrets::rotate(tenant, id, &rotation),
            transitions::append(tenant, transition, &Guard::WebhookSecret(id, &sealed)),
        ];
        let answer = (Transitioned { org_id: tenant.org_id().clone(), version: 0 }, secret.clone());
        statements
            .extend(self.keep(asked, tenant, &answer, &AnsweredChange::WebhookSecret(id, &sealed)).await?);
        let mut batch = self.run(statements).await?;
        let before = sealed_row(&mut batch)?;
        match batch.first::<VersionRow>(3)? {
            Some(row) => Ok(Some(Transitioned { org_id: tenant.org_id().clone(), version: row.version })),
            None if based_on.is_some_and(|based_on| based_on != before.secret) => Ok(None),
            None => Err(Error::TooManySecrets),
        }
    }

    /// Shows a webhook's signing secret, and notes that in the audit log. One round trip.
    ///
    /// # Errors
    /// [`Error::TenantNotRegistered`]; [`Error::WebhookNotFound`].
    pub async fn reveal_webhook_secret(
        &self,
        tenant: &TenantScope,
        id: &WebhookId,
    ) -> Result<RevealedSecret, Error> {
        let (at, details) = (self.now(), json!({"webhookId": id}));
        let transition = NewTransition { kind: TransitionKind::WebhookSecretRevealed, at, details };
        let statements = vec![
            tenants::registered(tenant),
            secrets::sealed(tenant, id),
            transitions::append(tenant, transition, &Guard::Webhook(id)),
        ];
        let mut batch = self.run(statements).await?;
        let row = sealed_row(&mut batch)?;
        let opened = self.sealer.open(&secret_context(id), &row.secret).await?;
        let secret = SigningSecret::parse(opened.expose_secret())
            .map_err(|_| Error::Internal("a sealed webhook secret is malformed".into()))?;
        let previous = row.overlapping(at)?.into_iter();
        let previous = previous.map(|previous| Timestamp::from_milliseconds(previous.until));
        Ok(RevealedSecret { secret, previous: previous.collect() })
    }

    /// Whether the sealed text holds this secret. What no key of ours opens holds none.
    async fn opens_to(&self, id: &WebhookId, sealed: &str, secret: &SigningSecret) -> bool {
        let opened = self.sealer.open(&secret_context(id), sealed).await;
        opened.is_ok_and(|text| SigningSecret::parse(text.expose_secret()).is_ok_and(|own| own.is(secret)))
    }
}

/// The webhook's sealed values from a batch that begins with `tenants::registered` and `secrets::sealed`.
pub(super) fn sealed_row(batch: &mut Batch) -> Result<SealedRow, Error> {
    if !batch.any(0) {
        return Err(Error::TenantNotRegistered);
    }
    batch.first::<SealedRow>(1)?.ok_or(Error::WebhookNotFound)
}
