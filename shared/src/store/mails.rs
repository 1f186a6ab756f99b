//! Mails to members: written once for each cause and recipient, kept for some days after they were sent.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::notices::NoticeRow;
use super::rounds;
use crate::mail::Topic;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::time::Timestamp;
use crate::webhook::health::Change;
use crate::webhook::id::WebhookId;

/// How long a circuit has been open before members are told.
const FAILING_FOR: Duration = Duration::from_secs(3_600);
/// Between two mails of one topic about one webhook.
const BETWEEN_MAILS: Duration = Duration::from_secs(6 * 3_600);

/// A mail to write, to every member of the tenant.
#[derive(Debug)]
pub struct NewMail {
    cause: String,
    org_id: OrgId,
    webhook_id: Option<String>,
    topic: Topic,
    details: Value,
    at: Timestamp,
    only: Only,
}

/// What must hold for a mail to be written.
#[derive(Debug)]
enum Only {
    Always,
    /// Members had a mail that the webhook fails or is disabled.
    AfterTrouble,
    /// The webhook was enabled after its URL was last changed.
    AfterEnabling,
}

impl Only {
    fn condition(&self) -> &'static str {
        match self {
            Self::Always => "",
            Self::AfterTrouble => {
                "AND EXISTS (SELECT 1 FROM mails WHERE webhook_id = ?3 AND topic IN ('failing', 'disabled')) "
            }
            Self::AfterEnabling => {
                "AND (SELECT kind FROM transitions WHERE org_id = ?2 AND kind IN ('WebhookEnabled', 'WebhookUrlChanged') \
                 AND json_extract(details, '$.webhookId') = ?3 ORDER BY sequence DESC LIMIT 1) = 'WebhookEnabled' "
            }
        }
    }
}

impl NewMail {
    /// The mail that a notice of a webhook calls for, if any. Of a failing webhook, [`failing`] tells later.
    pub fn of_notice(row: &NoticeRow) -> Option<Self> {
        let (topic, only) = if row.change == Change::Verified.as_str() {
            (Topic::Recovered, Only::AfterEnabling)
        } else {
            match Topic::parse(&row.change)? {
                Topic::Disabled => (Topic::Disabled, Only::Always),
                Topic::Recovered => (Topic::Recovered, Only::AfterTrouble),
                _ => return None,
            }
        };
        Some(Self {
            cause: row.id.clone(),
            org_id: row.org_id.clone(),
            webhook_id: Some(row.webhook_id.as_ref()?.to_string()),
            topic,
            details: serde_json::from_str(&row.details).unwrap_or_default(),
            at: Timestamp::from_milliseconds(row.at),
            only,
        })
    }

    /// Whether the cause was after this time.
    pub fn is_since(&self, since: Timestamp) -> bool {
        self.at > since
    }
}

/// Writes the mail to everybody who was a member then, unless they have it, or had one of the same topic about the same
/// webhook shortly before.
pub fn write(mail: &NewMail) -> Statement {
    let only = mail.only.condition();
    Statement::new(format!(
        "INSERT INTO mails (cause, org_id, webhook_id, topic, details, recipient, at) \
         SELECT ?1, m.org_id, ?3, ?4, ?5, m.email, ?6 FROM members m WHERE m.org_id = ?2 AND m.added_at <= ?6 \
         AND NOT EXISTS (SELECT 1 FROM mails WHERE webhook_id = ?3 AND topic = ?4 AND at > ?7 AND at <= ?6 AND cause <> ?1) \
         {only}ON CONFLICT DO NOTHING"
    ))
    .bind(&mail.cause)
    .bind(&mail.org_id)
    .bind(mail.webhook_id.clone())
    .bind(mail.topic.as_str())
    .bind(mail.details.clone())
    .bind(mail.at)
    .bind(mail.at.minus(BETWEEN_MAILS))
}

/// The transitions after the one of this number, or else after the one at which the last run stopped, in order. If there is no
/// such mark, or the mark is too high, the last few.
pub fn transitions_after(mark: Option<i64>, limit: u32) -> Statement {
    Statement::new(
        "SELECT sequence, org_id, aggregate, version, kind, at, actor, details FROM transitions \
         WHERE sequence > MIN( \
           COALESCE(?1, (SELECT CAST(position AS INTEGER) FROM rounds WHERE name = ?3), \
             (SELECT MAX(sequence) FROM transitions) - ?2), \
           (SELECT MAX(sequence) FROM transitions)) \
         ORDER BY sequence LIMIT ?2",
    )
    .bind(mark)
    .bind(limit)
    .bind(rounds::MAILS)
}

/// A row of [`transitions_after`].
#[derive(Deserialize)]
pub struct ChangedRow {
    /// The transition's number.
    pub sequence: i64,
    org_id: OrgId,
    aggregate: String,
    version: u32,
    kind: String,
    at: i64,
    actor: String,
    details: String,
}

impl ChangedRow {
    /// The mail that the transition calls for, if any.
    pub fn mail(&self) -> Option<NewMail> {
        let topic = Topic::parse(&self.kind)?;
        let mut details: Value = serde_json::from_str(&self.details).unwrap_or_default();
        let webhook_id = details["webhookId"].as_str().map(str::to_owned);
        details["actor"] = json!(self.actor);
        Some(NewMail {
            cause: format!("{}-{}-{}", self.org_id, self.aggregate, self.version),
            org_id: self.org_id.clone(),
            webhook_id,
            topic,
            details,
            at: Timestamp::from_milliseconds(self.at),
            only: Only::Always,
        })
    }
}

/// Webhooks whose circuit has been open for an hour, and of which members had no mail in the six hours before. A circuit that
/// has been open for a day is no news.
pub fn failing(now: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "SELECT id, org_id, circuit_opened_at + ?3 AS at FROM webhooks w INDEXED BY webhooks_failing \
         WHERE failing_told = 1 AND circuit_opened_at > ?1 AND circuit_opened_at <= ?2 \
         AND NOT EXISTS (SELECT 1 FROM mails WHERE webhook_id = w.id AND topic = 'failing' \
         AND at > w.circuit_opened_at + ?3 - ?4 AND at <= w.circuit_opened_at + ?3) ORDER BY circuit_opened_at LIMIT ?5",
    )
    .bind(now.minus(Duration::from_secs(86_400)))
    .bind(now.minus(FAILING_FOR))
    .bind(milliseconds(FAILING_FOR))
    .bind(milliseconds(BETWEEN_MAILS))
    .bind(limit)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A row of [`failing`].
#[derive(Deserialize)]
pub struct FailingRow {
    id: WebhookId,
    org_id: OrgId,
    at: i64,
}

impl FailingRow {
    /// The mail about the webhook.
    pub fn mail(self) -> NewMail {
        NewMail {
            cause: format!("failing {} {}", self.id, self.at),
            org_id: self.org_id,
            webhook_id: Some(self.id.to_string()),
            topic: Topic::Failing,
            details: json!({}),
            at: Timestamp::from_milliseconds(self.at),
            only: Only::Always,
        }
    }
}

/// Active keys that expire on the day that the topic names, that are older than that notice, and of which nobody was mailed
/// yet.
pub fn expiring(topic: Topic, now: Timestamp, limit: u32) -> Statement {
    let days = if topic == Topic::ExpiresIn3Days { 3 } else { 14 };
    let day = Duration::from_secs(86_400);
    Statement::new(
        "SELECT sequence, org_id, prefix, expires_at FROM api_keys k INDEXED BY api_keys_expiring \
         WHERE revoked_at IS NULL AND expires_at > ?1 AND expires_at <= ?2 AND created_at <= expires_at - ?3 \
         AND NOT EXISTS (SELECT 1 FROM mails WHERE cause = ?4 || k.sequence) ORDER BY expires_at LIMIT ?5",
    )
    .bind(now.plus(day * (days - 1)))
    .bind(now.plus(day * days))
    .bind(i64::from(days) * 86_400_000)
    .bind(format!("{} ", topic.as_str()))
    .bind(limit)
}

/// A row of [`expiring`].
#[derive(Deserialize)]
pub struct ExpiringRow {
    sequence: i64,
    org_id: OrgId,
    prefix: String,
    expires_at: i64,
}

impl ExpiringRow {
    /// The mail about the key's end.
    pub fn mail(self, topic: Topic, now: Timestamp) -> NewMail {
        NewMail {
            cause: format!("{} {}", topic.as_str(), self.sequence),
            org_id: self.org_id,
            webhook_id: None,
            topic,
            details: json!({"prefix": self.prefix, "expiresAt": self.expires_at}),
            at: now,
            only: Only::Always,
        }
    }
}

/// Mails to send: those that failed least come first. Of closed tenants none.
pub fn to_send(since: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "SELECT m.sequence, m.topic, m.details, m.recipient, m.at, t.org_name, w.url \
         FROM mails m INDEXED BY mails_to_send JOIN tenants t ON t.org_id = m.org_id AND t.closed_at IS NULL \
         LEFT JOIN webhooks w ON w.id = m.webhook_id \
         WHERE m.sent_at IS NULL AND m.at > ?1 ORDER BY m.attempts, m.sequence LIMIT ?2",
    )
    .bind(since)
    .bind(limit)
}

/// A row of [`to_send`].
#[derive(Deserialize)]
pub struct MailRow {
    /// The mail's number.
    pub sequence: i64,
    /// As [`Topic::as_str`] spells it.
    pub topic: String,
    /// As JSON.
    pub details: String,
    /// The member's address.
    pub recipient: String,
    /// When the mail's cause was.
    pub at: i64,
    /// The tenant's name.
    pub org_name: String,
    /// The webhook's URL, where the mail is about one that is still there.
    pub url: Option<String>,
}

/// Remembers that these were sent.
pub fn sent(sequences: &[i64], now: Timestamp) -> Statement {
    Statement::new("UPDATE mails SET sent_at = ?2 WHERE sequence IN (SELECT value FROM json_each(?1))")
        .bind(json!(sequences))
        .bind(now)
}

/// Remembers that these were not taken.
pub fn not_taken(sequences: &[i64]) -> Statement {
    Statement::new(
        "UPDATE mails SET attempts = attempts + 1 WHERE sequence IN (SELECT value FROM json_each(?1))",
    )
    .bind(json!(sequences))
}

/// Deletes a slice of those whose cause was before `before`.
pub fn delete_old(before: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "DELETE FROM mails WHERE sequence IN (SELECT sequence FROM mails ORDER BY sequence LIMIT ?2) AND at <= ?1 \
         RETURNING 1 AS deleted",
    )
    .bind(before)
    .bind(limit)
}
