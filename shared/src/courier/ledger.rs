//! What a batch has still to write: how deliveries stand, and the health of their webhooks.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;

use super::Courier;
use super::lanes::Lane;
use crate::delivery::progress::Progress;
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, RetryMessage};
use crate::ports::{Batch, DatabaseError, Statement};
use crate::sets::gathered;
use crate::store::deliveries;
use crate::store::health::{self, NewCondition, NewNotice, WrittenRow};
use crate::store::targets::{self, TargetRow};
use crate::store::tending::{self, DueAtRow};
use crate::tenant::OrgId;
use crate::webhook::health::{Change, Condition, Effect, Health};
use crate::webhook::id::WebhookId;

/// Writes of one search for the rows that cannot be written: far below the queries that D1 allows an invocation.
const MOST_WRITES_APART: usize = 120;
/// How often a condition is computed again because another writer was faster.
const MOST_CONFLICTS: usize = 4;

/// What is still to be written of a batch.
pub(super) struct Ledger {
    progress: Vec<Progress>,
    /// Events of which something was entered.
    events: HashSet<(OrgId, EventId)>,
    undone: HashSet<DeliveryKey>,
    stuck: bool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { progress: Vec::new(), events: HashSet::new(), undone: HashSet::new(), stuck: false }
    }

    /// Enters how a delivery stands.
    pub(super) fn enter(&mut self, progress: Progress) {
        self.events.insert((progress.key.org_id.clone(), progress.key.event_id.clone()));
        self.progress.push(progress);
    }

    /// Notes that nothing was done for a delivery.
    pub(super) fn leave(&mut self, key: DeliveryKey) {
        self.undone.insert(key);
    }

    /// Whether the database took no write: nothing further is attempted.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Whether anything was entered of this delivery's event.
    pub(super) fn knows_event(&self, key: &DeliveryKey) -> bool {
        self.events.contains(&(key.org_id.clone(), key.event_id.clone()))
    }

    /// The deliveries of which nothing was done or written down.
    pub(super) fn undone(self) -> HashSet<DeliveryKey> {
        self.undone
    }
}

impl Courier {
    /// Writes what was entered, with the health of its webhooks, in one transaction, and sends the wake-ups that follow.
    /// What the database does not take goes on the retries queue, until the database takes it.
    pub(super) async fn write(&self, ledger: &mut Ledger, lanes: &mut [&mut Lane]) {
        let progress = std::mem::take(&mut ledger.progress);
        let conditions = self.new_conditions(lanes);
        if progress.is_empty() && conditions.is_empty() {
            return;
        }
        if ledger.stuck {
            return self.set_aside(progress, ledger).await;
        }
        let mut statements = self.keep_bodies(&progress).await;
        statements.extend(self.keep_delivered_bodies(&progress).await);
        statements.extend(deliveries::write(&progress));
        let conditions_at = statements.len();
        statements.extend(write_conditions(&conditions));
        match self.run_and_wake(statements, &progress).await {
            Ok(mut batch) => {
                if !conditions.is_empty() {
                    self.conditions_written(&mut batch, conditions_at, &conditions, lanes).await;
                }
            }
            Err(error) => {
                let (count, detail) = (progress.len(), error.to_string());
                let fields = json!({"level": "error", "deliveries": count, "detail": detail});
                self.line("outcomes not written", fields);
                let unwritten = self.write_apart(progress, &mut ledger.stuck).await;
                self.set_aside(unwritten, ledger).await;
                if !ledger.stuck && !conditions.is_empty() {
                    // By themselves: a row that cannot be written keeps no circuit from opening.
                    match self.run(write_conditions(&conditions)).await {
                        Ok(mut batch) => self.conditions_written(&mut batch, 0, &conditions, lanes).await,
                        Err(error) => self.line("health not written", json!({"detail": error.to_string()})),
                    }
                }
            }
        }
    }

    /// Sends what cannot be written to the retries queue.
    async fn set_aside(&self, unwritten: Vec<Progress>, ledger: &mut Ledger) {
        for progress in self.send_records(unwritten, self.now()).await {
            ledger.undone.insert(progress.key);
        }
    }

    /// Halves a batch that could not be written until the rows that stand in its way are alone, and gives these back. Gives
    /// all back, and sets `stuck`, where the database takes no write at all; and the rest, where the search takes long.
    pub(super) async fn write_apart(&self, progress: Vec<Progress>, stuck: &mut bool) -> Vec<Progress> {
        if progress.is_empty() {
            return progress;
        }
        if !self.can_write().await {
            *stuck = true;
            return progress;
        }
        // Bodies first and once: rows that are written again in halves need not bring them along.
        let (bodies, mut unwritten) = self.write_bodies(progress).await;
        let mut parts = vec![bodies];
        let mut writes = 0;
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            writes += 1;
            if *stuck || writes > MOST_WRITES_APART {
                unwritten.extend(part);
                continue;
            }
            match self.run_and_wake(deliveries::write(&part), &part).await {
                Ok(_) => {}
                Err(_) if part.len() == 1 => {
                    unwritten.append(&mut part);
                    *stuck = !self.can_write().await;
                }
                Err(_) => {
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
            }
        }
        unwritten
    }

    /// Keeps the bodies that deliveries need, each by itself where that does not go together. Gives back the deliveries
    /// whose rows can be written now, and those whose body could not be kept.
    async fn write_bodies(&self, progress: Vec<Progress>) -> (Vec<Progress>, Vec<Progress>) {
        let delivered = self.keep_delivered_bodies(&progress).await;
        if !delivered.is_empty()
            && let Err(error) = self.run(delivered).await
        {
            self.line("delivered bodies not kept", json!({"detail": error.to_string()}));
        }
        let bodies = super::bodies::needed(&progress);
        let all = self.keep_bodies(&progress).await;
        if all.is_empty() || self.run(all.clone()).await.is_ok() {
            return (progress, Vec::new());
        }
        let mut refused = HashSet::new();
        for (event, keep) in bodies.into_keys().zip(all) {
            if self.run(vec![keep]).await.is_err() {
                refused.insert(event);
            }
        }
        let refused_of =
            |one: &Progress| refused.contains(&(one.key.org_id.clone(), one.key.event_id.clone()));
        progress.into_iter().partition(|one| !refused_of(one))
    }

    /// Runs the statements that write these deliveries, and sends the wake-ups that follow.
    async fn run_and_wake(
        &self,
        mut statements: Vec<Statement>,
        progress: &[Progress],
    ) -> Result<Batch, DatabaseError> {
        // Last, after conditions: a circuit that they open holds what was just held.
        let held_at = statements.len();
        statements.extend(self.after_holding(progress));
        let end = statements.len();
        let mut batch = self.run(statements).await?;
        self.wake(progress).await;
        self.wake_due(&mut batch, held_at..end).await;
        Ok(batch)
    }

    /// Goes with each write of held deliveries: their webhooks are due where they hold nothing back any more, and noted
    /// where they are deleted, so that nothing waits for something that never comes.
    fn after_holding(&self, progress: &[Progress]) -> Vec<Statement> {
        let held = progress.iter().filter(|one| one.standing.stage == Stage::Held);
        let webhooks: BTreeSet<WebhookId> = gathered(held.map(|one| one.key.webhook_id));
        let ids: Vec<WebhookId> = webhooks.into_iter().collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        vec![tending::due_while_any_waits(&ids, now, self.fresh_stamp()), tending::tend_deleted(&ids, now)]
    }

    /// Wakes the webhooks that these statements of a batch made due.
    pub(super) async fn wake_due(&self, batch: &mut Batch, statements: std::ops::Range<usize>) {
        let now = self.now();
        let mut messages = Vec::new();
        for index in statements {
            // Rows of another shape: the sweep wakes these webhooks.
            for (webhook, due) in
                batch.take::<DueAtRow>(index).unwrap_or_default().into_iter().map(DueAtRow::into_parts)
            {
                messages.push((RetryMessage::Tend(webhook), due.since(now)));
            }
        }
        self.send(messages).await;
    }

    /// The conditions that differ from what is stored, or whose attempts failed.
    fn new_conditions(&self, lanes: &mut [&mut Lane]) -> Vec<NewCondition> {
        let mut new = Vec::new();
        for lane in lanes.iter_mut().filter(|lane| !lane.ended.is_empty()) {
            let mut condition = lane.stored.clone();
            let mut change = None;
            for (ended, _) in &lane.ended {
                let (next, told) = condition.after(ended, &self.policy.health);
                condition = next;
                change = told.or(change);
            }
            let failed = lane.ended.iter().rev().find(|(ended, _)| ended.effect != Effect::Success);
            let failed = failed.map(|(_, attempt)| attempt.clone());
            if condition == lane.stored && failed.is_none() {
                lane.ended.clear();
                continue;
            }
            let arrived = lane.ended.iter().rev().find(|(ended, _)| ended.effect == Effect::Success);
            let last_error = failed.as_ref().and_then(|attempt| attempt.error.as_deref().map(str::to_owned));
            let told =
                change.map(|change| self.told(change, &condition, lane.event_type.as_deref(), last_error));
            new.push(NewCondition {
                told,
                delivered_at: arrived.map(|(ended, _)| ended.at),
                failed,
                ..NewCondition::of(&lane.target, condition, self.fresh_stamp())
            });
        }
        new
    }

    /// What people are told of a change.
    pub(super) fn told(
        &self,
        change: Change,
        condition: &Condition,
        event_type: Option<&str>,
        last_error: Option<String>,
    ) -> NewNotice {
        let reason = match &condition.health {
            Health::Disabled { reason } => Some(reason.as_str()),
            _ => None,
        };
        NewNotice {
            id: format!("notice-{:016x}", self.random_number()),
            change,
            details: json!({"reason": reason, "eventType": event_type, "lastError": last_error}),
            at: self.now(),
        }
    }

    /// Follows up conditions that were written, and makes those again for which another writer was faster.
    async fn conditions_written(
        &self,
        batch: &mut Batch,
        index: usize,
        conditions: &[NewCondition],
        lanes: &mut [&mut Lane],
    ) {
        let mut missed = self.follow_up(batch, index, conditions, lanes).await;
        for _ in 0..MOST_CONFLICTS {
            if missed.is_empty() {
                return;
            }
            // Reading changes nothing; a condition is only ever written over the one that was read.
            let Ok(mut batch) = self.run(vec![targets::by_ids(&missed)]).await else { break };
            self.read_again(&mut batch, &missed, lanes);
            let conditions = self.new_conditions(lanes);
            if conditions.is_empty() {
                return;
            }
            let Ok(mut batch) = self.run(write_conditions(&conditions)).await else { break };
            missed = self.follow_up(&mut batch, 0, &conditions, lanes).await;
        }
        let detail = "other writers were faster, or the database does not answer";
        self.line("health not written", json!({"webhooks": missed.len(), "detail": detail}));
    }

    /// Takes over what the database has of webhooks now. What an older URL's endpoint answered is void, and the rest of
    /// its batch comes back for the new one.
    fn read_again(&self, batch: &mut Batch, ids: &[WebhookId], lanes: &mut [&mut Lane]) {
        let now = self.now();
        let rows = batch.take::<TargetRow>(0).unwrap_or_default();
        let targets: Vec<_> = rows.into_iter().filter_map(|row| row.into_target(now).ok()).collect();
        for lane in lanes.iter_mut().filter(|lane| ids.contains(&lane.target.id)) {
            let found = targets.iter().find(|target| target.id == lane.target.id);
            match found.filter(|target| target.url_revision == lane.target.url_revision) {
                Some(target) => {
                    lane.stored = target.condition.clone();
                    lane.target.stamp = target.stamp;
                }
                None => {
                    lane.ended.clear();
                    lane.turn.stop();
                }
            }
        }
    }

    /// Notes which conditions were written, and wakes what they make due. Gives back the webhooks of the others.
    async fn follow_up(
        &self,
        batch: &mut Batch,
        index: usize,
        conditions: &[NewCondition],
        lanes: &mut [&mut Lane],
    ) -> Vec<WebhookId> {
        let written: Vec<WebhookId> =
            batch.take::<WrittenRow>(index).unwrap_or_default().into_iter().map(|row| row.id).collect();
        let now = self.now();
        let (mut missed, mut messages) = (Vec::new(), Vec::new());
        for new in conditions {
            let id = new.webhook.webhook_id;
            let Some(lane) = lanes.iter_mut().find(|lane| lane.target.id == id) else { continue };
            if !written.contains(&id) {
                missed.push(id);
                continue;
            }
            if new.condition.due != lane.stored.due
                && let Some(due) = new.condition.due
            {
                messages.push((RetryMessage::Tend(new.webhook.clone()), due.since(now)));
            }
            if new.told.is_some() {
                messages.push((RetryMessage::Notify(new.webhook.org_id.clone()), std::time::Duration::ZERO));
            }
            lane.ended.clear();
            lane.stored = new.condition.clone();
            lane.target.condition = new.condition.clone();
            lane.target.stamp = new.stamp;
        }
        self.send(messages).await;
        missed
    }
}

/// The statements that write conditions with what people are to be told of them; the first gives back those written.
pub(super) fn write_conditions(conditions: &[NewCondition]) -> Vec<Statement> {
    if conditions.is_empty() {
        return Vec::new();
    }
    std::iter::once(health::write(conditions)).chain(health::tell(conditions)).collect()
}
