//! A batch of retry messages: lease what is due, attempt it, write how it went.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::attempt::{Endpoint, Made, Parcel, Verdict, health};
use super::events::{answered, by_webhook};
use super::fairness::{Ran, run};
use super::{AFTER_OUTAGE, ATTEMPT_TIMEOUT, Courier, Settlement};
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::event::message::{DeliveryKey, RetryMessage};
use crate::store::deliveries::{self, LeasedRow, Progress};
use crate::store::webhook_targets::{self, Target, TargetRow};
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;

/// How long a consumer has what it leased. Longer than a batch takes: six in flight, twenty seconds a webhook.
const LEASE: Duration = Duration::from_secs(120);
/// Queues count whole seconds, so a message may come a little before its delivery is due.
const EARLY: Duration = Duration::from_secs(1);
/// Deliveries leased at a time: each brings its body, and an answer of D1 has its limits.
const LEASED_AT_ONCE: usize = 25;
/// How long a delivery waits that a batch had no time for.
const AFTER_DEFERRAL: Duration = Duration::from_secs(5);

impl Courier {
    /// Delivers a batch of messages from the retries queue; says for each, in order, what to do with it.
    ///
    /// A message only wakes: what the database does not say is due is left alone, so that a message handed over
    /// twice, or one that the sweep has repeated, sends nothing twice.
    pub async fn deliver_retries(&self, messages: &[String]) -> Vec<Settlement> {
        let decoded: Vec<_> = messages.iter().map(|text| RetryMessage::decode(text)).collect();
        let mut keys: Vec<&DeliveryKey> = Vec::new();
        for message in &decoded {
            match message {
                Ok(RetryMessage::Deliver(key)) if !keys.contains(&key) => keys.push(key),
                Ok(RetryMessage::Deliver(_)) => {}
                Err(error) => self.line("undecodable message", json!({"detail": error.to_string()})),
            }
        }
        let mut settlement = Settlement::Acknowledge;
        for keys in keys.chunks(LEASED_AT_ONCE) {
            if let Err(error) = self.retry(keys).await {
                self.line("retries not settled", json!({"detail": error.to_string()}));
                settlement = AFTER_OUTAGE;
            }
        }
        decoded.iter().map(|message| if message.is_ok() { settlement } else { AFTER_OUTAGE }).collect()
    }

    async fn retry(&self, keys: &[&DeliveryKey]) -> Result<(), Error> {
        let now = self.now();
        let until = now.plus(LEASE);
        let webhook_ids: Vec<&str> = keys.iter().map(|key| key.webhook_id.as_str()).collect();
        // A lease that a crash leaves behind ends by itself; the sweep then wakes the delivery again.
        let mut batch = self
            .database
            .batch(vec![
                deliveries::lease(keys, now, now.plus(EARLY), until),
                webhook_targets::by_ids(&webhook_ids),
            ])
            .await?;
        let leased = batch.take::<LeasedRow>(0)?;
        if leased.is_empty() {
            return Ok(());
        }
        let mut targets = HashMap::new();
        for row in batch.take::<TargetRow>(1)? {
            let target = row.into_target(now)?;
            targets.insert(target.id.clone(), target);
        }
        let mut progress = Vec::new();
        let mut lanes = Vec::new();
        let mut endpoints = Vec::new();
        for rows in by_webhook(leased, |row| &row.webhook_id) {
            // Another tenant's webhook counts as none.
            let target = rows
                .first()
                .and_then(|row| targets.remove(&row.webhook_id).filter(|target| target.org_id == row.org_id));
            match target {
                Some(target) if target.status == WebhookStatus::Active => {
                    endpoints.push(self.open_endpoint(target).await?);
                    lanes.push(rows);
                }
                other => progress.extend(rows.iter().map(|row| self.unattempted(row, other.as_ref(), now))),
            }
        }
        let ran = self.retry_attempts(&endpoints, &lanes, until).await;
        let mut made_by_lane: Vec<Vec<&Made>> = vec![Vec::new(); lanes.len()];
        for (lane, place, ran) in &ran {
            let row = &lanes[*lane][*place];
            match ran {
                Ran::Done(Some(made)) => {
                    made_by_lane[*lane].push(made);
                    progress.push(attempted(row, made));
                }
                Ran::Done(None) | Ran::Deferred => {
                    progress.push(waiting(row, self.now().plus(AFTER_DEFERRAL)))
                }
            }
        }
        let health: Vec<_> = endpoints
            .iter()
            .zip(&made_by_lane)
            .filter_map(|(endpoint, made)| health(&endpoint.target, made))
            .collect();
        let mut writes = vec![deliveries::record_progress(&progress, until)];
        if !health.is_empty() {
            writes.push(webhook_targets::record_health(&health));
        }
        // Written only where the lease is still ours, so a second run after a crash changes nothing that another did.
        self.database.batch(writes).await?;
        self.wake_all(&lanes, &progress).await;
        Ok(())
    }

    async fn retry_attempts(
        &self,
        endpoints: &[Endpoint],
        lanes: &[Vec<LeasedRow>],
        leased_until: Timestamp,
    ) -> Vec<(usize, usize, Ran<Option<Made>>)> {
        let jobs = lanes.iter().map(|rows| rows.iter().collect::<Vec<_>>()).collect();
        let begin = |lane: usize, row: &LeasedRow| {
            let endpoint = &endpoints[lane];
            let row = row.clone();
            async move {
                // Never a request that could outlive its lease: another consumer might begin the same one.
                let body = row.body.as_deref().filter(|_| self.now().plus(ATTEMPT_TIMEOUT) < leased_until)?;
                let parcel = Parcel {
                    event_id: &row.event_id,
                    event_type: &row.event_type,
                    body,
                    failures: row.failures,
                    tries_since: Timestamp::from_milliseconds(row.tries_since),
                };
                Some(self.attempt(endpoint, &parcel).await)
            }
        };
        let how = |made: &Option<Made>| made.as_ref().map_or(super::fairness::Answered::Somehow, answered);
        run(&*self.clock, jobs, begin, how).await
    }

    /// A delivery whose webhook takes none now.
    fn unattempted(&self, row: &LeasedRow, target: Option<&Target>, now: Timestamp) -> Progress {
        let end = Timestamp::from_milliseconds(row.tries_since).plus(self.policy.window());
        match target.map(|target| target.status) {
            None => ended(row, DeliveryState::Failed, "webhook deleted", now),
            Some(WebhookStatus::Disabled) => ended(row, DeliveryState::Dead, "webhook disabled", now),
            Some(WebhookStatus::Active | WebhookStatus::Pending) if now < end => waiting(row, end),
            Some(WebhookStatus::Active | WebhookStatus::Pending) => {
                ended(row, DeliveryState::Dead, "the webhook was not verified in time", now)
            }
        }
    }

    async fn wake_all(&self, lanes: &[Vec<LeasedRow>], progress: &[Progress]) {
        let org_ids: HashMap<(&str, &str), &str> = lanes
            .iter()
            .flatten()
            .map(|row| ((row.webhook_id.as_str(), row.event_id.as_str()), row.org_id.as_str()))
            .collect();
        let now = self.now();
        let due = progress.iter().filter_map(|progress| {
            let next = Timestamp::from_milliseconds(progress.next_attempt_at?);
            let org_id = org_ids.get(&(progress.webhook_id.as_str(), progress.event_id.as_str()))?;
            let key = DeliveryKey {
                org_id: (*org_id).to_owned(),
                webhook_id: progress.webhook_id.clone(),
                event_id: progress.event_id.clone(),
            };
            Some((key, next.since(now)))
        });
        self.wake(due.collect()).await;
    }
}

fn attempted(row: &LeasedRow, made: &Made) -> Progress {
    let now = made.ended_at;
    let (state, next_attempt_at, reason) = match &made.verdict {
        Verdict::Delivered => (DeliveryState::Delivered, None, None),
        Verdict::Again(delay) => (DeliveryState::Pending, Some(now.plus(*delay).milliseconds()), None),
        Verdict::Ended(state, reason) => (*state, None, Some(reason.clone())),
    };
    Progress {
        webhook_id: row.webhook_id.clone(),
        event_id: row.event_id.clone(),
        state,
        failures: row.failures + u32::from(state != DeliveryState::Delivered),
        next_attempt_at,
        ended_at: next_attempt_at.is_none().then(|| now.milliseconds()),
        reason,
        attempt: Some(made.attempt.clone()),
    }
}

fn ended(row: &LeasedRow, state: DeliveryState, reason: &str, now: Timestamp) -> Progress {
    Progress {
        webhook_id: row.webhook_id.clone(),
        event_id: row.event_id.clone(),
        state,
        failures: row.failures,
        next_attempt_at: None,
        ended_at: Some(now.milliseconds()),
        reason: Some(reason.to_owned()),
        attempt: None,
    }
}

fn waiting(row: &LeasedRow, until: Timestamp) -> Progress {
    Progress {
        webhook_id: row.webhook_id.clone(),
        event_id: row.event_id.clone(),
        state: DeliveryState::Pending,
        failures: row.failures,
        next_attempt_at: Some(until.milliseconds()),
        ended_at: None,
        reason: None,
        attempt: None,
    }
}
