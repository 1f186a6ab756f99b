//! What follows from a batch: the next wakings, and word of webhooks whose standing changed.

use std::time::Duration;

use serde_json::json;

use super::attempt::Made;
use super::fairness::{Answered, Ran, run};
use super::{AFTER_OUTAGE, Courier, Operators, Settlement};
use crate::delivery::outcome::Outcome;
use crate::error::Error;
use crate::event::message::{DeliveryKey, Notice, RetryMessage, WebhookKey};
use crate::ports::{QueuedMessage, Statement};
use crate::store::deliveries::Standing;
use crate::store::webhook_health::{self, Health, StandingRow};
use crate::store::webhook_targets::Target;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;

/// One webhook's part in a batch.
pub(super) struct Tended<'a> {
    pub(super) target: &'a Target,
    pub(super) health: Option<Health>,
    pub(super) event_type: Option<String>,
}

impl<'a> Tended<'a> {
    /// The webhook with what its attempts say of its health.
    pub(super) fn new(target: &'a Target, made: &[&Made], event_type: Option<&str>) -> Self {
        let health = super::attempt::health(target, made);
        Self { target, health, event_type: event_type.map(str::to_owned) }
    }
}

impl Courier {
    /// Runs the writes of a batch with the health of its webhooks in one transaction, and sends word of what changed.
    pub(super) async fn write(
        &self,
        mut statements: Vec<Statement>,
        tended: Vec<Tended<'_>>,
    ) -> Result<(), Error> {
        let health: Vec<Health> = tended.iter().filter_map(|tended| tended.health.clone()).collect();
        let recorded = statements.len();
        if !health.is_empty() {
            statements.push(webhook_health::record(&health, &self.policy, self.now()));
        }
        if statements.is_empty() {
            return Ok(());
        }
        let mut batch = self.database.batch(statements).await?;
        for standing in batch.take::<StandingRow>(recorded)? {
            if let Some(tended) = tended.iter().find(|tended| tended.target.id == standing.id) {
                self.announce(tended, &standing).await;
            }
        }
        Ok(())
    }

    /// Compares how a webhook stood with how it stands. One whose circuit was half-opened is failing still.
    async fn announce(&self, before: &Tended<'_>, after: &StandingRow) {
        let (was_open, is_open) =
            (before.target.circuit_opened_at.is_some(), after.circuit_opened_at.is_some());
        let was_failing = was_open || before.target.strikes >= self.policy.circuit_threshold;
        let disabled =
            before.target.status == WebhookStatus::Active && after.status == WebhookStatus::Disabled;
        let change = match (disabled, was_failing, is_open) {
            (true, ..) => Some("disabled"),
            (false, false, true) => Some("failing"),
            (false, true, false) => Some("recovered"),
            (false, true, true) | (false, false, false) => None,
        };
        let webhook = WebhookKey { org_id: after.org_id.clone(), webhook_id: after.id.clone() };
        let last_error = before.health.as_ref().and_then(|health| health.error_message.clone());
        let reason = after.disabled_reason.clone().filter(|_| disabled);
        if let Some(change) = change {
            self.tell(webhook.clone(), change, reason, before.event_type.clone(), last_error).await;
        }
        if let Some(due) = after.tend_at.filter(|_| disabled || was_open != is_open) {
            let delay = Timestamp::from_milliseconds(due).since(self.now());
            self.send(vec![(RetryMessage::Tend(webhook), delay)]).await;
        }
    }

    /// Tells people that a webhook's standing changed: in the log, and where operators listen.
    pub(super) async fn tell(
        &self,
        webhook: WebhookKey,
        change: &str,
        reason: Option<String>,
        event_type: Option<String>,
        last_error: Option<String>,
    ) {
        self.line(
            "webhook changed",
            json!({
                "orgId": webhook.org_id, "webhookId": webhook.webhook_id, "change": change, "reason": reason,
                "eventType": event_type, "lastError": last_error,
            }),
        );
        if self.operators.is_some() {
            let id = format!("notice-{:016x}", self.random_number());
            let at = self.now();
            let notice =
                Notice { id, webhook, change: change.to_owned(), reason, event_type, last_error, at };
            self.send(vec![(RetryMessage::Notify(notice), Duration::ZERO)]).await;
        }
    }

    /// Tells the operators' endpoint; the queue hands a message over again that it does not take. As with a webhook,
    /// no batch waits for it longer than its share.
    pub(super) async fn notify(&self, notices: &[&Notice]) -> Vec<Settlement> {
        let mut settlements = vec![AFTER_OUTAGE; notices.len()];
        let Some(operators) = &self.operators else { return vec![Settlement::Acknowledge; notices.len()] };
        let begin = |_: usize, notice: &Notice| {
            let notice = notice.clone();
            async move { self.notify_of(operators, &notice).await }
        };
        let how = |settlement: &Settlement| match settlement {
            Settlement::Acknowledge => Answered::Well,
            // Whatever went wrong, the rest of the batch need not find it out again.
            Settlement::Retry(_) => Answered::TimedOut,
        };
        for (_, place, ran) in run(&*self.clock, &self.policy, vec![notices.to_vec()], begin, how).await {
            if let Ran::Done(settlement) = ran {
                settlements[place] = settlement;
            }
        }
        settlements
    }

    async fn notify_of(&self, operators: &Operators, notice: &Notice) -> Settlement {
        let body = json!({"type": "webhook.changed", "data": notice}).to_string();
        let request = self.signed_request(&operators.url, &[&operators.secret], &notice.id, body, self.now());
        let result = self.http.post(request).await;
        if result.outcome(self.now().milliseconds()) == Outcome::Delivered {
            return Settlement::Acknowledge;
        }
        self.line("operators not told", json!({"error": result.error(), "notice": notice.id}));
        AFTER_OUTAGE
    }

    /// Wakes a consumer for each delivery that is due again. What is held needs none.
    pub(super) async fn wake(&self, deliveries: impl Iterator<Item = (&DeliveryKey, &Standing)>) {
        let now = self.now();
        let due = deliveries.filter(|(_, standing)| !standing.held).filter_map(|(key, standing)| {
            let next = Timestamp::from_milliseconds(standing.next_attempt_at?);
            Some((RetryMessage::Deliver(key.clone()), next.since(now)))
        });
        let due = due.collect();
        self.send(due).await;
    }

    /// Puts messages on the retries queue. The database has the schedule: should the queue refuse, the sweep sends
    /// what is overdue.
    pub(super) async fn send(&self, messages: Vec<(RetryMessage, Duration)>) {
        if messages.is_empty() {
            return;
        }
        let messages =
            messages.into_iter().map(|(message, delay)| QueuedMessage { body: message.encode(), delay });
        if let Err(error) = self.retries.send(messages.collect()).await {
            self.line("retries not queued; the sweep will", json!({"detail": error.to_string()}));
        }
    }
}
