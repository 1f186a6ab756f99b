//! Tending a webhook: what its health says is due. A challenge while it is being verified, a probe while its circuit is
//! open, the release of what waited once it is well, the end of what is pending once it is disabled.

use std::time::Duration;

use serde_json::json;

use super::ledger::write_conditions;
use super::pipeline::Parcel;
use super::turns::MOST_IN_FLIGHT;
use super::{Courier, attempt::Made};
use crate::delivery::measurement::CHALLENGE;
use crate::delivery::progress::Origin;
use crate::delivery::retry::Next;
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::store::health::{NewCondition, WrittenRow};
use crate::store::tending::{self, DueRow, ReleasedRow};
use crate::time::Timestamp;
use crate::webhook::health::{Change, Condition, Effect, Health};
use crate::webhook::id::WebhookId;
use crate::webhook::target::Target;
use crate::webhook::waiting::choose_probe;

/// Challenges sent in one batch; the sweep wakes the others.
const MOST_CHALLENGES: usize = 2 * MOST_IN_FLIGHT;
/// How long a webhook waits whose secrets could not be opened, until they are tried again.
const UNTIL_OPENED: Duration = Duration::from_secs(300);
/// Between two slices of the end of what is pending.
const BETWEEN_SLICES: Duration = Duration::from_secs(1);

/// What is done for one webhook.
pub(super) struct Step {
    target: Target,
    new: NewCondition,
    /// Deliveries that are let go.
    release: Vec<EventId>,
    bury: bool,
    challenge: bool,
}

impl Courier {
    /// Tends the webhooks of which something is due. Each step is claimed by writing the condition that follows from it:
    /// where another consumer was faster, nothing is done.
    /// Gives back the challenges, to be sent when nothing else waits for a connection.
    pub(super) async fn tend(&self, webhooks: &[&WebhookKey]) -> Result<Vec<Step>, Error> {
        if webhooks.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<WebhookId> = webhooks.iter().map(|webhook| webhook.webhook_id).collect();
        let now = self.now();
        // Reading twice changes nothing.
        let due = tending::due(&ids, now, self.policy.health.most_released);
        let rows = self.run(vec![due]).await?.take::<DueRow>(0)?;
        let (mut steps, mut challenges) = (Vec::new(), 0);
        for row in rows {
            if let Some(step) = self.step(row, now, &mut challenges).await? {
                steps.push(step);
            }
        }
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let claimed = self.claim(steps, now).await?;
        Ok(claimed.into_iter().filter(|step| step.challenge).collect())
    }

    /// What is due of a webhook.
    async fn step(&self, row: DueRow, now: Timestamp, challenges: &mut usize) -> Result<Option<Step>, Error> {
        let policy = &self.policy.health;
        let malformed = |error: serde_json::Error| Error::Internal(format!("what waits: {error}"));
        let (candidates, waiting) = (row.probes().map_err(malformed)?, row.waiting().map_err(malformed)?);
        let target = row.target.into_target(now)?;
        let condition = target.condition.clone();
        let mut release = Vec::new();
        let condition = match &condition.health {
            Health::Verifying { .. } => {
                *challenges += 1;
                if *challenges > MOST_CHALLENGES {
                    return Ok(None);
                }
                // Should the result be lost, the challenge is repeated.
                Condition { due: Some(now.plus(self.policy.overdue())), ..condition }
            }
            Health::CircuitOpen { last_probe, .. } => {
                if row.released > 0 {
                    // A probe is under way. Should its message be lost, the sweep wakes it.
                    Condition { due: Some(now.plus(self.policy.overdue())), ..condition }
                } else if let Some(event) = choose_probe(&candidates, last_probe.as_ref()) {
                    release.push(event.clone());
                    condition.probing(event.clone(), now, policy)
                } else {
                    condition.half_open(policy)
                }
            }
            Health::Well { release: running, .. } => {
                if !waiting.is_empty() && self.try_open_endpoint(&target).await.is_none() {
                    let condition = Condition { due: Some(now.plus(UNTIL_OPENED)), ..condition.released() };
                    return Ok(Some(self.step_to(target, condition)));
                }
                let failed = running.zip(target.last_error_at).is_some_and(|(running, at)| at >= running.at);
                let (next, count) = condition.letting_go(waiting.len(), row.released, failed, now, policy);
                release.extend(waiting.into_iter().take(count));
                next
            }
            Health::Disabled { .. } => Condition { due: None, ..condition.clone() },
        };
        Ok(Some(Step { release, ..self.step_to(target, condition) }))
    }

    /// A step to this condition, with nothing to release.
    fn step_to(&self, target: Target, condition: Condition) -> Step {
        let challenge = matches!(condition.health, Health::Verifying { .. });
        let bury = matches!(condition.health, Health::Disabled { .. });
        let new = NewCondition::of(&target, condition, self.fresh_stamp());
        Step { target, new, release: Vec::new(), bury, challenge }
    }

    /// Writes the steps with what they do in one transaction, and wakes what follows. Gives back those that were written.
    async fn claim(&self, mut steps: Vec<Step>, now: Timestamp) -> Result<Vec<Step>, Error> {
        let conditions: Vec<NewCondition> = steps.iter().map(|step| step.new.clone()).collect();
        let mut statements = write_conditions(&conditions);
        let first = statements.len();
        // The webhook of each statement from `first` on that lets deliveries go.
        let mut releasing = Vec::new();
        for step in &steps {
            let webhook = &step.new.webhook;
            if step.bury {
                statements.push(tending::bury(&webhook.webhook_id, step.new.stamp, now));
                releasing.push(webhook.clone());
            } else if !step.release.is_empty() {
                statements.push(tending::release(webhook, &step.release, step.new.stamp, now));
                releasing.push(webhook.clone());
            }
        }
        let last = statements.len();
        let ids: Vec<WebhookId> = steps.iter().map(|step| step.new.webhook.webhook_id).collect();
        statements.push(tending::due_while_any_waits(&ids, now.plus(BETWEEN_SLICES), self.fresh_stamp()));
        // Bound to the stamp that was read: a second run writes nothing.
        let mut batch = match self.run(statements).await {
            Ok(batch) => batch,
            // A row that cannot be written holds up its own webhook only.
            Err(error) if steps.len() > 1 && self.can_write().await => {
                self.line("webhooks not tended together", json!({"detail": error.to_string()}));
                let rest = steps.split_off(steps.len() / 2);
                let mut claimed = Box::pin(self.claim(steps, now)).await.unwrap_or_default();
                claimed.extend(Box::pin(self.claim(rest, now)).await.unwrap_or_default());
                return Ok(claimed);
            }
            Err(error) => return Err(error.into()),
        };
        let mut messages = Vec::new();
        for (index, webhook) in (first..last).zip(releasing) {
            let events = batch.take::<ReleasedRow>(index)?.into_iter();
            let events = events.filter_map(|row| EventId::try_from(row.event).ok());
            messages.extend(
                events.map(|event| (RetryMessage::Deliver(webhook.clone().delivery(event)), Duration::ZERO)),
            );
        }
        let written: Vec<WebhookId> = batch.take::<WrittenRow>(0)?.into_iter().map(|row| row.id).collect();
        let claimed = steps.into_iter().filter(|step| written.contains(&step.new.webhook.webhook_id));
        let claimed: Vec<Step> = claimed.collect();
        for step in &claimed {
            // A challenge says itself when the next is due.
            if let Some(due) = step.new.condition.due.filter(|_| !step.challenge) {
                messages.push((RetryMessage::Tend(step.new.webhook.clone()), due.since(now)));
            }
        }
        self.send(messages).await;
        self.wake_due(&mut batch, last..last + 1).await;
        Ok(claimed)
    }

    /// Sends a challenge, and writes its result: void where the URL has changed since. A crash before that has the
    /// challenge sent again.
    pub(super) async fn challenge(&self, step: Step) {
        let webhook = step.new.webhook.clone();
        let (Some(made), Health::Verifying { since, failures }) =
            (self.send_challenge(&step).await, &step.new.condition.health)
        else {
            return;
        };
        let at = made.ended.at;
        let verified = made.ended.effect == Effect::Success;
        let (condition, change) = if verified {
            (Condition::verified(at, &self.policy.health), Some(Change::Verified))
        } else {
            // Whatever the answer, the endpoint may be put right within the window: a 410 is no last word here.
            let delay = self.policy.retry.next_delay(
                failures + 1,
                made.ended.asked,
                self.random_number(),
                at.since(*since),
            );
            let next = match delay {
                Next::After(delay) => Some(at.plus(delay)),
                Next::Dead => None,
            };
            (step.new.condition.not_verified(next), next.is_none().then_some(Change::NotVerified))
        };
        let last_error = made.attempt.error.as_deref().map(str::to_owned);
        let new = NewCondition {
            based_on: step.new.stamp,
            told: change.map(|change| self.told(change, &condition, None, last_error)),
            failed: (!verified).then_some(made.attempt),
            verified_at: verified.then_some(at),
            ..NewCondition::of(&step.target, condition, self.fresh_stamp())
        };
        let due = new.condition.due;
        let told = new.told.is_some();
        let written = match self.run(write_conditions(&[new])).await {
            Ok(batch) => batch.any(0),
            Err(error) => {
                // The challenge is due again after a while, and is repeated.
                self.line("challenge not written", json!({"level": "error", "detail": error.to_string()}));
                false
            }
        };
        if written {
            let notify = told.then(|| (RetryMessage::Notify(webhook.org_id.clone()), Duration::ZERO));
            let tend = due.map(|due| (RetryMessage::Tend(webhook), due.since(self.now())));
            self.send(tend.into_iter().chain(notify).collect()).await;
        }
    }

    async fn send_challenge(&self, step: &Step) -> Option<Made> {
        let endpoint = self.try_open_endpoint(&step.target).await?;
        let random = || format!("{:016x}{:016x}", self.random_number(), self.random_number());
        let event_id = EventId::parse(&format!("verification-{}", random())).ok()?;
        let WebhookKey { org_id, webhook_id } = &step.new.webhook;
        let body = json!({
            "version": "0", "id": event_id, "source": "spk.webhooks", "detail-type": CHALLENGE,
            "time": self.now().to_string(), "resources": [],
            "detail": {"partnerId": org_id, "webhookId": webhook_id, "challenge": random()},
        })
        .to_string();
        let now = self.now();
        let parcel = Parcel {
            key: step.new.webhook.clone().delivery(event_id),
            event_type: CHALLENGE.to_owned(),
            body: None,
            failures: 0,
            tries_since: now,
            released: false,
            origin: Origin::Fresh { at: now },
        };
        Some(self.attempt(&endpoint, &parcel, &body.into()).await)
    }
}
