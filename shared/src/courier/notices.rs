//! What people are told of webhooks and of tenants: in the log, and where operators listen.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Courier, Operators};
use crate::delivery::outcome::{AttemptResult, Outcome};
use crate::error::Error;
use crate::event::message::RetryMessage;
use crate::store::mails::NewMail;
use crate::store::notices::{self, NoticeRow};
use crate::tenant::OrgId;
use crate::text::json_text;
use crate::time::Timestamp;
use crate::webhook::health::Change;
use crate::webhook::id::WebhookId;

/// Notices told at a time.
const AT_ONCE: u32 = 20;
/// Changes that operators hear of; the log has all.
const TOLD: [Change; 3] = [Change::Failing, Change::Disabled, Change::Recovered];

/// The change of a webhook, as operators and the log get it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notice<'a> {
    id: &'a str,
    org_id: &'a OrgId,
    webhook_id: WebhookId,
    change: &'a str,
    reason: &'a Value,
    event_type: &'a Value,
    last_error: &'a Value,
    at: Timestamp,
}

/// A tenant that a person registered at the portal, as operators and the log get it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registration<'a> {
    id: &'a str,
    org_id: &'a OrgId,
    org_name: &'a Value,
    owner_email: &'a Value,
    at: Timestamp,
}

impl Courier {
    /// Tells people what the database has for them, and deletes what they were told. Running twice may tell twice: each
    /// notice has an id to dedupe by. As with a webhook, a time-out ends the batch: the next run goes on.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(super) async fn tell_people(&self) -> Result<(), Error> {
        let rows = self.run(vec![notices::oldest(AT_ONCE)]).await?.take::<NoticeRow>(0)?;
        self.write_mails(rows.iter().filter_map(NewMail::of_notice).collect()).await?;
        let mut done = Vec::new();
        for row in &rows {
            match self.tell(row).await {
                Ok(()) => done.push(row.sequence),
                Err(Untold::Refused) => {}
                Err(Untold::NotInTime) => break,
            }
        }
        if !done.is_empty() {
            // A crash before this tells twice.
            self.run(vec![notices::delete(&done)]).await?;
        }
        if let Some(row) = rows.last().filter(|_| done.len() == AT_ONCE as usize) {
            self.send(vec![(RetryMessage::Notify(row.org_id.clone()), Duration::ZERO)]).await;
        }
        Ok(())
    }

    /// Sends operators a notice, signed as a webhook is.
    pub(super) async fn tell_operators(
        &self,
        operators: &Operators,
        id: &str,
        body: String,
    ) -> AttemptResult {
        let secrets = [&operators.secret];
        self.http.post(self.signed_request(&operators.url, &secrets, id, body.into(), self.now())).await
    }

    /// Tells of one change. The log has the change either way.
    async fn tell(&self, row: &NoticeRow) -> Result<(), Untold> {
        let Told { line, event_type, data, is_for_operators } = Told::of(row);
        if let Some(operators) = self.operators.as_ref().filter(|_| is_for_operators) {
            let body = json_text(&json!({"type": event_type, "data": data}));
            let result = self.tell_operators(operators, &row.id, body).await;
            if result.outcome(self.now().milliseconds()) != Outcome::Delivered {
                let fields = json!({
                    "level": "error", "error": result.error(), "notice": row.id, "orgId": row.org_id,
                    "webhookId": row.webhook_id, "change": row.change,
                });
                self.line("operators not told", fields);
                return Err(if result == AttemptResult::TimedOut {
                    Untold::NotInTime
                } else {
                    Untold::Refused
                });
            }
        }
        self.line(line, data);
        Ok(())
    }
}

/// A notice as the log and operators get it.
struct Told {
    /// The log line's message.
    line: &'static str,
    /// The type of what operators get.
    event_type: &'static str,
    data: Value,
    is_for_operators: bool,
}

impl Told {
    fn of(row: &NoticeRow) -> Self {
        let details: Value = serde_json::from_str(&row.details).unwrap_or_default();
        let at = Timestamp::from_milliseconds(row.at);
        let Some(webhook_id) = row.webhook_id else {
            let registration = Registration {
                id: &row.id,
                org_id: &row.org_id,
                org_name: &details["orgName"],
                owner_email: &details["ownerEmail"],
                at,
            };
            return Self {
                line: "tenant registered",
                event_type: "tenant.registered",
                data: json!(registration),
                is_for_operators: true,
            };
        };
        let notice = Notice {
            id: &row.id,
            org_id: &row.org_id,
            webhook_id,
            change: &row.change,
            reason: &details["reason"],
            event_type: &details["eventType"],
            last_error: &details["lastError"],
            at,
        };
        Self {
            line: "webhook changed",
            event_type: "webhook.changed",
            data: json!(notice),
            is_for_operators: TOLD.iter().any(|change| change.as_str() == row.change),
        }
    }
}

/// Why operators could not be told.
enum Untold {
    /// The operators' endpoint did not take this one.
    Refused,
    /// The operators' endpoint hangs: the rest waits as well.
    NotInTime,
}
