//! Word to members by e-mail: written to the database first, and sent by the cron run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::mail::{Mail, Subject, Topic};
use crate::ports::{MailError, Mailer};
use crate::store::mails::{self, ChangedRow, ExpiringRow, FailingRow, MailRow, NewMail};
use crate::store::rounds::{self, MAILS};
use crate::tenant::EmailAddress;
use crate::time::Timestamp;

/// Transitions looked at in one step.
const AT_ONCE: u32 = 200;
/// Steps of one run; the next run goes on from there.
const MOST_STEPS: usize = 10;
/// Expiring keys of one run.
const KEYS_AT_ONCE: u32 = 20;
/// Mails between two writes of what was sent.
const SLICE: u32 = 10;
/// Mails that one run sends at most.
const MOST_SLICES: usize = 10;
/// How long a mail is tried. An older one is no news.
const TRIED_FOR: Duration = Duration::from_secs(86_400);
/// How long one run sends.
const TIME_PER_RUN: Duration = Duration::from_secs(20);

/// How members are told by e-mail.
#[derive(Clone)]
pub struct Mailing {
    /// Sends the mails.
    pub mailer: Arc<dyn Mailer>,
    /// The sender.
    pub from: EmailAddress,
    /// The portal's origin, for the link to the dashboard.
    pub portal_origin: String,
}

impl Courier {
    /// Writes these mails, if members are told by e-mail at all. Writing them twice changes nothing.
    pub(super) async fn write_mails(&self, mails: Vec<NewMail>) -> Result<(), Error> {
        if self.mailing.is_some() && !mails.is_empty() {
            self.run(mails.iter().map(mails::write).collect()).await?;
        }
        Ok(())
    }

    /// Writes mails about what changed and what lasts, and sends what waits: two reads if there is nothing to tell. A crash
    /// between the sending and its note sends up to ten mails twice.
    pub(super) async fn mail(&self) -> Result<(), Error> {
        let Some(mailing) = &self.mailing else { return Ok(()) };
        self.write_new_mails().await?;
        self.send_mails(mailing).await
    }

    /// Writes mails about transitions, circuits that stay open, and keys that come to their end.
    async fn write_new_mails(&self) -> Result<(), Error> {
        let topics = [Topic::ExpiresIn14Days, Topic::ExpiresIn3Days];
        let now = self.now();
        let mut reads = vec![mails::transitions_after(None, AT_ONCE), mails::failing(now, AT_ONCE)];
        reads.extend(topics.map(|topic| mails::expiring(topic, now, KEYS_AT_ONCE)));
        let mut batch = self.run(reads).await?;
        let mut changed = batch.take::<ChangedRow>(0)?;
        let mut lasting: Vec<_> = batch.take::<FailingRow>(1)?.into_iter().map(FailingRow::mail).collect();
        for (index, topic) in topics.into_iter().enumerate() {
            let rows = batch.take::<ExpiringRow>(index + 2)?;
            lasting.extend(rows.into_iter().map(|row| row.mail(topic, now)));
        }
        let mut statements: Vec<_> = lasting.iter().map(mails::write).collect();
        for _ in 0..MOST_STEPS {
            let new = changed
                .iter()
                .filter_map(ChangedRow::mail)
                .filter(|mail| mail.is_since(now.minus(TRIED_FOR)));
            statements.extend(new.map(|mail| mails::write(&mail)));
            let mark = changed.last().map(|row| row.sequence);
            statements.extend(mark.map(|mark| rounds::remember(MAILS, &mark.to_string())));
            if !statements.is_empty() {
                self.run(std::mem::take(&mut statements)).await?;
            }
            if changed.len() < AT_ONCE as usize {
                break;
            }
            changed = self.run(vec![mails::transitions_after(mark, AT_ONCE)]).await?.take(0)?;
        }
        Ok(())
    }

    async fn send_mails(&self, mailing: &Mailing) -> Result<(), Error> {
        let began = self.now();
        let (mut sent, mut not_taken) = (0, 0);
        let mut last_error = None;
        for _ in 0..MOST_SLICES {
            let waiting = mails::to_send(began.minus(TRIED_FOR), SLICE);
            let rows = self.run(vec![waiting]).await?.take::<MailRow>(0)?;
            let (mut taken, mut refused) = (Vec::new(), Vec::new());
            for row in &rows {
                match mailing.send(row).await {
                    Ok(()) => taken.push(row.sequence),
                    Err(MailError(error)) => {
                        last_error = Some(error);
                        refused.push(row.sequence);
                    }
                }
            }
            if !rows.is_empty() {
                let statements = vec![mails::sent(&taken, self.now()), mails::not_taken(&refused)];
                self.run(statements).await?;
            }
            sent += taken.len();
            not_taken += refused.len();
            // What is not taken would come again at once.
            let is_last = rows.len() < SLICE as usize || !refused.is_empty();
            if is_last || self.now().since(began) >= TIME_PER_RUN {
                break;
            }
        }
        if sent + not_taken > 0 {
            let level = if not_taken > 0 { "error" } else { "info" };
            let fields = json!({"level": level, "sent": sent, "notTaken": not_taken, "error": last_error});
            self.line("mails", fields);
        }
        Ok(())
    }
}

impl Mailing {
    async fn send(&self, row: &MailRow) -> Result<(), MailError> {
        let topic = Topic::parse(&row.topic).ok_or_else(|| MailError("unknown topic".to_owned()))?;
        let details = serde_json::from_str(&row.details).unwrap_or_default();
        let subject = Subject {
            topic,
            org_name: &row.org_name,
            url: row.url.as_deref(),
            details: &details,
            at: Timestamp::from_milliseconds(row.at),
            dashboard: &format!("{}/dashboard", self.portal_origin),
        };
        let (line, text) = subject.write();
        let mail =
            Mail { from: self.from.as_str().to_owned(), to: row.recipient.clone(), subject: line, text };
        self.mailer.send(&mail).await
    }
}
