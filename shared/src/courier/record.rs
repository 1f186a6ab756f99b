//! Outcomes that the database did not take: they travel on the retries queue until it does.

use std::collections::BTreeMap;

use serde_json::json;

use super::publish::BODY_KEPT;
use super::{Courier, Outage};
use crate::delivery::progress::{Origin, Progress};
use crate::error::Error;
use crate::event::message::{DeliveryKey, EventMessage, LONGEST_MESSAGE, Record, RetryMessage};
use crate::ports::QueuedMessage;
use crate::store::deliveries::{self, KeyRow};
use crate::time::Timestamp;

/// Deliveries in one record: even with the longest excerpt each, every character of it escaped, they stay below what a
/// message takes.
pub const MOST_IN_A_RECORD: usize = 10;

impl Courier {
    /// Sends outcomes to the retries queue. Gives back those that the queue did not take either.
    pub(super) async fn send_records(&self, progress: Vec<Progress>, since: Timestamp) -> Vec<Progress> {
        let mut unsent = Vec::new();
        let progress = self.keep_leases(progress, since).await;
        for part in by_event(progress) {
            let kept = part.clone();
            if let Err(error) = self.send_record(part, since).await {
                self.line("outcomes not queued", json!({"level": "error", "detail": error.to_string()}));
                unsent.extend(kept);
            }
        }
        unsent
    }

    /// Keeps the leases of deliveries whose outcome travels, until the record comes again. Where that cannot be written
    /// either, nobody can lease them meanwhile.
    async fn keep_leases(&self, mut progress: Vec<Progress>, since: Timestamp) -> Vec<Progress> {
        let now = self.now();
        let until = now.plus(Outage::wait_since(since, now) + self.policy.lease());
        for part in progress.chunks_mut(MOST_IN_A_RECORD) {
            let leased: Vec<Progress> = part.iter().filter(|one| !one.origin.is_fresh()).cloned().collect();
            if leased.is_empty() {
                continue;
            }
            // Bound to the lease: a second run changes nothing.
            let Ok(mut batch) = self.run(vec![deliveries::keep_leases(&leased, until)]).await else {
                continue;
            };
            let kept = batch.take::<KeyRow>(0).unwrap_or_default();
            let kept: Vec<DeliveryKey> = kept.iter().filter_map(KeyRow::key).collect();
            for one in part.iter_mut().filter(|one| kept.contains(&one.key)) {
                one.origin = Origin::Leased { until };
            }
        }
        progress
    }

    async fn send_record(&self, progress: Vec<Progress>, since: Timestamp) -> Result<(), Error> {
        let delay = Outage::wait_since(since, self.now());
        let body = progress.iter().find(|one| one.needs_body()).and_then(|one| one.body.clone());
        let event_id = progress.first().map(|one| one.key.event_id.to_string()).unwrap_or_default();
        let body = body.map(EventMessage::Envelope);
        let mut record = Record { since, progress, body };
        let mut text = RetryMessage::Record(record.clone()).encode();
        if text.len() > LONGEST_MESSAGE
            && let Some(EventMessage::Envelope(body)) = &record.body
        {
            let key = self.body_key(&event_id);
            self.bodies.put(&key, body, BODY_KEPT).await?;
            record.body = Some(EventMessage::StoredAt(key));
            text = RetryMessage::Record(record).encode();
        }
        Ok(self.retries.send(vec![QueuedMessage { body: text, delay }]).await?)
    }

    /// Writes records down. What cannot be written yet travels on; gives back whether everything is written or queued.
    pub(super) async fn write_records(&self, records: Vec<Record>) -> bool {
        let Some(since) = records.iter().map(|record| record.since).min() else { return true };
        let mut progress = Vec::new();
        let mut all = true;
        for record in records {
            match self.progress_of(record).await {
                Some(of_record) => progress.extend(of_record),
                None => all = false,
            }
        }
        // Inserted unless there, or bound to its lease: writing twice changes nothing.
        let mut stuck = false;
        let unwritten = self.write_apart(progress, &mut stuck).await;
        all && self.send_records(unwritten, since).await.is_empty()
    }

    async fn progress_of(&self, record: Record) -> Option<Vec<Progress>> {
        let body = match record.body {
            Some(EventMessage::Envelope(body)) => Some(body),
            Some(EventMessage::StoredAt(key)) => Some(self.bodies.get(&key).await.ok()??.into()),
            Some(EventMessage::DeadLetter(_)) | None => None,
        };
        let progress = record.progress.into_iter();
        Some(progress.map(|one| Progress { body: body.clone(), ..one }).collect())
    }
}

/// Cuts outcomes into records: those with a body by event, the others as they come.
fn by_event(progress: Vec<Progress>) -> Vec<Vec<Progress>> {
    let mut records: BTreeMap<Option<(String, String)>, Vec<Progress>> = BTreeMap::new();
    for one in progress {
        let event = one.needs_body().then(|| (one.key.org_id.to_string(), one.key.event_id.to_string()));
        records.entry(event).or_default().push(one);
    }
    let records = records.into_values();
    records
        .flat_map(|record| record.chunks(MOST_IN_A_RECORD).map(<[_]>::to_vec).collect::<Vec<_>>())
        .collect()
}
