//! A batch of retry messages: lease what is due, attempt it, write how it went.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::attempt::{Endpoint, Made, Parcel};
use super::events::{answered, by_webhook};
use super::fairness::{Answered, Ran, run};
use super::follow_up::Tended;
use super::{AFTER_OUTAGE, Courier, Settlement, UNDECODABLE, standings};
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::event::message::{DeliveryKey, Notice, RetryMessage, WebhookKey};
use crate::store::deliveries::{self, LeasedRow, Progress, Standing};
use crate::store::tending;
use crate::store::webhook_targets::{self, Gate, Target, TargetRow};
use crate::time::Timestamp;

/// Queues count whole seconds, so a message may come a little before its delivery is due.
pub(super) const EARLY: Duration = Duration::from_secs(1);
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
        let mut deliveries: Vec<&DeliveryKey> = Vec::new();
        let mut webhooks: Vec<&WebhookKey> = Vec::new();
        for message in &decoded {
            match message {
                Ok(RetryMessage::Deliver(key)) if !deliveries.contains(&key) => deliveries.push(key),
                Ok(RetryMessage::Tend(key)) if !webhooks.contains(&key) => webhooks.push(key),
                Ok(_) => {}
                Err(error) => self.line("undecodable message", json!({"detail": error.to_string()})),
            }
        }
        let mut delivered = Settlement::Acknowledge;
        for keys in deliveries.chunks(LEASED_AT_ONCE) {
            delivered = self.unless_out(self.retry(keys).await, delivered);
        }
        let tended = self.unless_out(self.tend(&webhooks).await, Settlement::Acknowledge);
        self.write_metrics();
        let notices: Vec<&Notice> = decoded
            .iter()
            .filter_map(|message| match message {
                Ok(RetryMessage::Notify(notice)) => Some(notice),
                _ => None,
            })
            .collect();
        let mut told = self.notify(&notices).await.into_iter();
        let mut settlements = Vec::with_capacity(decoded.len());
        for message in &decoded {
            settlements.push(match message {
                Ok(RetryMessage::Deliver(_)) => delivered,
                Ok(RetryMessage::Tend(_)) => tended,
                Ok(RetryMessage::Redeliver(range)) => self.redeliver_slice(range).await,
                Ok(RetryMessage::Notify(_)) => told.next().unwrap_or(AFTER_OUTAGE),
                Err(_) => UNDECODABLE,
            });
        }
        settlements
    }

    /// How messages are settled whose work went like this.
    fn unless_out(&self, done: Result<(), Error>, otherwise: Settlement) -> Settlement {
        match done {
            Ok(()) => otherwise,
            Err(error) => {
                self.line("retries not settled", json!({"detail": error.to_string()}));
                AFTER_OUTAGE
            }
        }
    }

    async fn retry(&self, keys: &[&DeliveryKey]) -> Result<(), Error> {
        let now = self.now();
        let until = now.plus(self.policy.lease());
        let webhook_ids: Vec<&str> = keys.iter().map(|key| key.webhook_id.as_str()).collect();
        let statements =
            vec![deliveries::lease(keys, now, now.plus(EARLY), until), webhook_targets::by_ids(&webhook_ids)];
        // A lease that a crash leaves behind ends by itself; the sweep then wakes the delivery again.
        let mut batch = self.database.batch(statements).await?;
        let leased = batch.take::<LeasedRow>(0)?;
        if leased.is_empty() {
            return Ok(());
        }
        let rows = batch.take::<TargetRow>(1)?;
        let targets = rows.into_iter().map(|row| row.into_target(now)).collect::<Result<Vec<_>, _>>()?;
        let mut targets: HashMap<_, _> =
            targets.into_iter().map(|target| (target.id.clone(), target)).collect();
        let mut progress = Vec::new();
        let (mut lanes, mut endpoints, mut holding) = (Vec::new(), Vec::new(), Vec::new());
        for rows in by_webhook(leased, |row| &row.webhook_id) {
            let Some(row) = rows.first() else { continue };
            // Another tenant's webhook counts as none.
            let target = targets.remove(&row.webhook_id).filter(|target| target.org_id == row.org_id);
            match target {
                Some(target) if target.gate() == Gate::Open => match self.try_open_endpoint(&target).await {
                    Some(endpoint) => {
                        endpoints.push(endpoint);
                        lanes.push(rows);
                    }
                    None => progress.extend(rows.iter().map(|row| {
                        unattempted(row, standings::sealed(self.window_ends(row), row.failures, now))
                    })),
                },
                other => {
                    holding.extend(other.as_ref().map(|target| target.id.clone()));
                    progress.extend(rows.iter().map(|row| self.unattempted_retry(row, other.as_ref(), now)));
                }
            }
        }
        let ran = self.retry_attempts(&endpoints, &lanes, until).await;
        let mut made_by_lane: Vec<Vec<&Made>> = vec![Vec::new(); lanes.len()];
        for (lane, place, ran) in &ran {
            let row = &lanes[*lane][*place];
            progress.push(match ran {
                Ran::Done(Some(made)) => {
                    made_by_lane[*lane].push(made);
                    attempted(row, made)
                }
                Ran::Done(None) | Ran::Deferred => {
                    unattempted(row, standings::waiting(self.now().plus(AFTER_DEFERRAL), row.failures))
                }
            });
        }
        let tended = endpoints.iter().zip(&made_by_lane).zip(&lanes).map(|((endpoint, made), rows)| {
            Tended::new(&endpoint.target, made, rows.first().map(|row| row.event_type.as_str()))
        });
        let mut writes = vec![deliveries::record_progress(&progress, until)];
        if !holding.is_empty() {
            let holding: Vec<&str> = holding.iter().map(String::as_str).collect();
            writes.push(tending::tend_if_not_holding(&holding, self.now()));
        }
        // Written only where the lease is still ours, so a second run after a crash changes nothing that another did.
        self.write(writes, tended.collect()).await?;
        self.wake(progress.iter().map(|progress| (&progress.key, &progress.standing))).await;
        Ok(())
    }

    async fn retry_attempts(
        &self,
        endpoints: &[Endpoint],
        lanes: &[Vec<LeasedRow>],
        leased_until: Timestamp,
    ) -> Vec<(usize, usize, Ran<Option<Made>>)> {
        let jobs = lanes.iter().map(|rows| (0..rows.len()).collect()).collect();
        let begin = |lane: usize, place: usize| {
            self.attempt_leased(&endpoints[lane], &lanes[lane][place], leased_until)
        };
        let how = |made: &Option<Made>| made.as_ref().map_or(Answered::Somehow, answered);
        run(&*self.clock, &self.policy, jobs, begin, how).await
    }

    /// Attempts a leased delivery, unless the request could outlive the lease: another consumer might then begin the
    /// same one.
    pub(super) async fn attempt_leased(
        &self,
        endpoint: &Endpoint,
        row: &LeasedRow,
        leased_until: Timestamp,
    ) -> Option<Made> {
        let body =
            row.body.as_deref().filter(|_| self.now().plus(self.policy.attempt_timeout) < leased_until)?;
        let parcel = Parcel {
            event_id: &row.event_id,
            event_type: &row.event_type,
            body,
            failures: row.failures,
            tries_since: Timestamp::from_milliseconds(row.tries_since),
        };
        Some(self.attempt(endpoint, &parcel).await)
    }

    /// A delivery whose webhook takes none now.
    pub(super) fn unattempted_retry(
        &self,
        row: &LeasedRow,
        target: Option<&Target>,
        now: Timestamp,
    ) -> Progress {
        let window_ends = self.window_ends(row);
        let standing = match target.map(Target::gate) {
            None => {
                standings::ended(DeliveryState::Failed, Some("webhook deleted".to_owned()), row.failures, now)
            }
            Some(Gate::Shut) => standings::buried(row.failures, now),
            Some(Gate::Open | Gate::Held) if now < window_ends => standings::held(window_ends, row.failures),
            Some(Gate::Open | Gate::Held) => {
                let reason = match target.and_then(|target| target.circuit_opened_at) {
                    Some(_) => "the endpoint did not recover in time",
                    None => "the webhook was not verified in time",
                };
                standings::ended(DeliveryState::Dead, Some(reason.to_owned()), row.failures, now)
            }
        };
        unattempted(row, standing)
    }

    /// When a delivery's retry window ends.
    pub(super) fn window_ends(&self, row: &LeasedRow) -> Timestamp {
        Timestamp::from_milliseconds(row.tries_since).plus(self.policy.retry.window())
    }
}

/// A delivery after an attempt.
pub(super) fn attempted(row: &LeasedRow, made: &Made) -> Progress {
    Progress {
        key: row.key(),
        standing: standings::after(made, row.failures),
        attempt: Some(made.attempt.clone()),
    }
}

/// A delivery without one.
fn unattempted(row: &LeasedRow, standing: Standing) -> Progress {
    Progress { key: row.key(), standing, attempt: None }
}
