//! Word to members by e-mail: written to the database first, and sent by the cron run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Courier;
use crate::error::Error;
use crate::mail::{Mail, Subject, Topic};
use crate::ports::{MailError, Mailer};
use crate::store::mails::{self, ChangedRow, ExpiringRow, FailingRow, MailRow, NewMail};
use crate::store::rounds::{self, MAILS, PositionRow};
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

    /// Writes mails about what changed and what expires, and sends what waits. A crash between the sending and its note sends up
    /// to ten mails twice.
    pub(super) async fn mail(&self) -> Result<(), Error> {
        let Some(mailing) = &self.mailing else { return Ok(()) };
        self.mail_transitions().await?;
        self.mail_lasting().await?;
        self.send_mails(mailing).await
    }

    async fn mail_transitions(&self) -> Result<(), Error> {
        let since = self.now().minus(TRIED_FOR);
        let mut batch = self.run(vec![rounds::position(MAILS)]).await?;
        let mut mark = batch.first::<PositionRow>(0)?.and_then(|row| row.position.parse::<i64>().ok());
        for _ in 0..MOST_STEPS {
            let mut batch = self.run(vec![mails::transitions_after(mark, AT_ONCE)]).await?;
            let rows = batch.take::<ChangedRow>(0)?;
            let Some(last) = rows.last() else { break };
            let new = rows.iter().filter_map(ChangedRow::mail).filter(|mail| mail.is_since(since));
            let mut statements: Vec<_> = new.map(|mail| mails::write(&mail)).collect();
            statements.push(rounds::remember(MAILS, &last.sequence.to_string()));
            self.run(statements).await?;
            mark = Some(last.sequence);
            if rows.len() < AT_ONCE as usize {
                break;
            }
        }
        Ok(())
    }

    /// Writes mails about circuits that stay open and keys that come to their end.
    async fn mail_lasting(&self) -> Result<(), Error> {
        let topics = [Topic::ExpiresIn14Days, Topic::ExpiresIn3Days];
        let now = self.now();
        let mut reads = vec![mails::failing(now, AT_ONCE)];
        reads.extend(topics.map(|topic| mails::expiring(topic, now, KEYS_AT_ONCE)));
        let mut batch = self.run(reads).await?;
        let mut new: Vec<_> = batch.take::<FailingRow>(0)?.into_iter().map(FailingRow::mail).collect();
        for (index, topic) in topics.into_iter().enumerate() {
            let rows = batch.take::<ExpiringRow>(index + 1)?;
            new.extend(rows.into_iter().map(|row| row.mail(topic, now)));
        }
        self.write_mails(new).await
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
