//! A part of the cron run: while `WEBHOOK_SECRETS_KEY_PREVIOUS` is set, what it sealed is sealed with the current key,
//! so that the previous one can go.

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::event::message::WebhookKey;
use crate::store::CountRow;
use crate::store::rounds::{self, PositionRow, SEAL_ANEW};
use crate::store::sealing::{self, AT_ONCE, SealedAnew, StaleRow, Values};
use crate::store::secrets::overlapping;
use crate::text::json_text;
use crate::webhook::authentication::token_context;
use crate::webhook::signing::secret_context;

impl Courier {
    /// Seals a bounded number of webhooks' values with the current key, and logs how many are left. Costs nothing
    /// unless a previous key is set; then one round trip, and a second where there is something to write. Gives back
    /// how many webhooks were written. Running twice finds nothing left to do.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn seal_anew(&self) -> Result<u64, Error> {
        let Some(current) = self.sealer.rotating_to() else { return Ok(0) };
        let read = vec![rounds::position(SEAL_ANEW), sealing::stale(&current), sealing::count(&current)];
        let mut batch = self.database.batch(read).await?;
        let position = batch.first::<PositionRow>(0)?.map(|row| row.position).unwrap_or_default();
        let rows = batch.take::<StaleRow>(1)?;
        let stale = batch.first::<CountRow>(2)?.map_or(0, |row| row.total);

        // Around after the last: from the first again, in the next run.
        let full = rows.len() >= AT_ONCE as usize;
        let next = rows.last().filter(|_| full).map(|row| row.sequence.to_string()).unwrap_or_default();
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            values.extend(self.values_sealed_anew(row).await);
        }
        let mut write = Vec::new();
        if !values.is_empty() {
            // A crash before this loses nothing: both keys open. After it, the next run finds them done.
            write.push(sealing::replace(&values));
        }
        if next != position {
            write.push(rounds::remember(SEAL_ANEW, &next));
        }
        let mut written = 0;
        if !write.is_empty() {
            let batch = self.database.batch(write).await?;
            written = if values.is_empty() { 0 } else { batch.count(0) };
        }
        // At each run, so that whoever rotates the key sees it end; the line ends when the previous key is deleted.
        let left = u64::from(stale).saturating_sub(written);
        self.line("secrets sealed anew", json!({"webhooks": written, "left": left}));
        Ok(written)
    }

    /// A webhook's values, each sealed with the current key if it can be opened, and otherwise as it was. Nothing where
    /// that changes none.
    async fn values_sealed_anew(&self, row: StaleRow) -> Option<SealedAnew> {
        let (secret, token) = (secret_context(&row.id), token_context(&row.id));
        let was =
            Values { secret: row.secret, previous_secrets: row.previous_secrets, auth_token: row.auth_token };
        let mut becomes = was.clone();
        let (mut previous, mut failed) = (Vec::new(), None);
        match overlapping(&was.previous_secrets, self.now()) {
            // Those whose overlap has ended sign nothing any more: they are left out.
            Ok(lasting) => previous = lasting,
            Err(error) => failed = Some(Error::from(error)),
        }
        let sealed = std::iter::once((&secret, &mut becomes.secret))
            .chain(previous.iter_mut().map(|previous| (&secret, &mut previous.secret)))
            .chain(becomes.auth_token.as_mut().map(|sealed| (&token, sealed)));
        for (context, sealed) in sealed {
            match self.sealer.seal_anew(context, sealed).await {
                Ok(anew) => *sealed = anew,
                Err(error) => failed = Some(error.into()),
            }
        }
        becomes.previous_secrets = json_text(&previous);
        if let Some(error) = failed {
            let webhook = WebhookKey { org_id: row.org_id, webhook_id: row.id };
            self.not_opened(&webhook, &error.to_string());
        }
        (becomes != was).then_some(SealedAnew { id: row.id, was, becomes })
    }
}
