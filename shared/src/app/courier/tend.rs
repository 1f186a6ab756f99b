//! Tending a webhook: whatever its row says is due, one thing at a time. A challenge while it is pending, a probe while
//! its circuit is open, the release of what was held once it is well, the end of what is pending once it is disabled.

use std::time::Duration;

use serde_json::json;

use super::attempt::{Parcel, Verdict};
use super::fairness::{Answered, Ran, run};
use super::follow_up::Tended;
use super::retries::{EARLY, attempted};
use super::{Courier, standings};
use crate::delivery::DeliveryState;
use crate::delivery::retry::Next;
use crate::error::Error;
use crate::event::message::{DeliveryKey, RetryMessage, WebhookKey};
use crate::store::deliveries::{self, KeyRow, LeasedRow};
use crate::store::tending::{self, AgainRow, ChallengeFault};
use crate::store::webhook_targets::{Target, TargetRow};
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;

/// Between two slices of a release, so that the released have their turn.
const BETWEEN_SLICES: Duration = Duration::from_secs(1);

/// When a webhook is due again, if at all.
type Again = Option<Timestamp>;

impl Courier {
    /// Tends the webhooks of which something is due. One that another consumer has is left alone.
    pub(super) async fn tend(&self, keys: &[&WebhookKey]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let until = now.plus(self.policy.lease());
        let ids: Vec<&str> = keys.iter().map(|key| key.webhook_id.as_str()).collect();
        // A lease that a crash leaves behind ends by itself; the sweep then wakes the webhook again.
        let mut batch = self.database.batch(vec![tending::lease(&ids, now, now.plus(EARLY), until)]).await?;
        let rows = batch.take::<TargetRow>(0)?;
        let targets = rows.into_iter().map(|row| row.into_target(now)).collect::<Result<Vec<_>, _>>()?;
        let jobs = targets.iter().map(|target| vec![target]).collect();
        let begin = |_: usize, target: &Target| {
            let target = target.clone();
            async move { self.tend_one(target, until).await }
        };
        let how = |_: &Result<Again, Error>| Answered::Somehow;
        let ran = run(&*self.clock, &self.policy, jobs, begin, how).await;
        let mut again = Vec::new();
        for (lane, _, ran) in ran {
            match ran {
                Ran::Done(Ok(Some(next))) => {
                    let target = &targets[lane];
                    let webhook = WebhookKey { org_id: target.org_id.clone(), webhook_id: target.id.clone() };
                    again.push((RetryMessage::Tend(webhook), next.since(self.now())));
                }
                // One that had no turn is woken by the sweep when its lease has ended.
                Ran::Done(Ok(None)) | Ran::Deferred => {}
                // Its lease ends by itself, and the sweep wakes it then: its message would find nothing to do before.
                Ran::Done(Err(error)) => {
                    let Target { id, org_id, .. } = &targets[lane];
                    let detail = error.to_string();
                    self.line(
                        "webhook not tended",
                        json!({"level": "error", "orgId": org_id, "webhookId": id, "detail": detail}),
                    );
                }
            }
        }
        self.send(again).await;
        Ok(())
    }

    async fn tend_one(&self, target: Target, until: Timestamp) -> Result<Again, Error> {
        match target.status {
            WebhookStatus::Disabled => self.slice(&target, until, false).await,
            WebhookStatus::Pending => self.challenge(target, until).await,
            WebhookStatus::Active if target.circuit_opened_at.is_some() => self.probe(target, until).await,
            WebhookStatus::Active => self.slice(&target, until, true).await,
        }
    }

    /// Releases, or ends, a slice of a webhook's deliveries. Running twice does a second slice.
    async fn slice(&self, target: &Target, until: Timestamp, release: bool) -> Result<Again, Error> {
        let now = self.now();
        let slice = if release { tending::release(&target.id, now) } else { tending::bury(&target.id, now) };
        let after = tending::after_slice(&target.id, until, now.plus(BETWEEN_SLICES));
        let mut batch = self.database.batch(vec![slice, after]).await?;
        if release {
            let released = batch.take::<KeyRow>(0)?.into_iter().map(DeliveryKey::from);
            self.send(released.map(|key| (RetryMessage::Deliver(key), Duration::ZERO)).collect()).await;
        }
        let again = batch.first::<AgainRow>(1)?.and_then(|row| row.tend_at);
        Ok(again.map(Timestamp::from_milliseconds))
    }

    /// Sends a challenge. A crash before its result is written has it sent again.
    async fn challenge(&self, target: Target, until: Timestamp) -> Result<Again, Error> {
        let (id, org_id, revision) = (target.id.clone(), target.org_id.clone(), target.url_revision);
        let failures = target.verification_failures;
        let since = target.verifying_since.unwrap_or(self.now());
        let event_id = format!("verification-{:016x}{:016x}", self.random_number(), self.random_number());
        let body = json!({
            "version": "0", "id": event_id, "source": "spk.webhooks", "detail-type": "Webhook Verification",
            "time": self.now().to_string(), "resources": [],
            "detail": {"partnerId": org_id, "webhookId": id, "challenge": format!("{:016x}{:016x}", self.random_number(), self.random_number())},
        })
        .to_string();
        let endpoint = self.open_endpoint(target).await?;
        let parcel = Parcel {
            event_id: &event_id,
            event_type: "Webhook Verification",
            body: &body,
            failures,
            tries_since: since,
        };
        let made = self.attempt(&endpoint, &parcel).await;
        let at = made.ended_at;
        let webhook = WebhookKey { org_id, webhook_id: id.clone() };
        if made.verdict == Verdict::Delivered {
            let written = self.database.batch(vec![tending::verified(&id, revision, at)]).await?;
            if written.any(0) {
                self.tell(webhook, "verified", None, None, None).await;
                return Ok(Some(at));
            }
            return Ok(None);
        }
        // Whatever the answer, the endpoint may be put right within the window: a 404 is no last word here.
        let elapsed = at.since(since);
        let next = match self.policy.retry.next_delay(failures + 1, made.asked, self.random_number(), elapsed)
        {
            Next::After(delay) => Some(at.plus(delay)),
            Next::Dead => None,
        };
        let message = made.attempt.error.as_deref().unwrap_or("failed");
        let fault = ChallengeFault { at, status: made.attempt.status, message };
        let statements = vec![
            tending::challenge_failed(&id, revision, &fault, next),
            tending::settle(&id, revision, until, next),
        ];
        self.database.batch(statements).await?;
        if next.is_none() {
            self.tell(webhook, "not verified", None, None, Some(message.to_owned())).await;
        }
        Ok(next)
    }

    /// Tries a webhook whose circuit is open with the oldest delivery that waits for it, or is due.
    async fn probe(&self, target: Target, until: Timestamp) -> Result<Again, Error> {
        let now = self.now();
        let (id, revision) = (target.id.clone(), target.url_revision);
        let mut batch = self.database.batch(vec![tending::lease_oldest(&id, now, until)]).await?;
        let next = now.plus(self.policy.probe_delay(target.probes_failed + 1));
        let Some(row) = batch.first::<LeasedRow>(0)? else {
            let statements =
                vec![tending::half_open(&id, until), tending::settle(&id, revision, until, Some(next))];
            self.database.batch(statements).await?;
            return Ok(Some(next));
        };
        let endpoint = self.open_endpoint(target).await?;
        let in_window = now < self.window_ends(&row);
        let made = if in_window { self.attempt_leased(&endpoint, &row, until).await } else { None };
        let Some(made) = made else {
            let back = self.unattempted_retry(&row, Some(&endpoint.target), now);
            let next = if in_window { next } else { now };
            let statements = vec![
                deliveries::record_progress(&[back], until),
                tending::settle(&id, revision, until, Some(next)),
            ];
            self.database.batch(statements).await?;
            return Ok(Some(next));
        };
        let mut progress = attempted(&row, &made);
        let next = made.asked.map_or(next, |asked| next.max(made.ended_at.plus(asked)));
        // A definite answer closes the circuit; without one, the delivery goes back to waiting.
        let closing = made.definite;
        if !closing && progress.standing.state == DeliveryState::Pending {
            progress.standing = standings::held(self.window_ends(&row), progress.standing.failures);
        }
        let after = if closing {
            tending::settle(&id, revision, until, Some(made.ended_at))
        } else {
            tending::probe_failed(&id, next)
        };
        let tended = Tended::new(&endpoint.target, &[&made], Some(&row.event_type));
        self.write(vec![deliveries::record_progress(&[progress], until), after], vec![tended]).await?;
        Ok((!closing).then_some(next))
    }
}
