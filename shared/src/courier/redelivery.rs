//! Redelivery of ranges that the request that asked for them did not make pending itself.

use std::collections::HashMap;

use serde_json::json;

use super::Courier;
use crate::actor::Actor;
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::WebhookKey;
use crate::packing::{Packed, unpack_all};
use crate::shared_text::SharedText;
use crate::store::CountRow;
use crate::store::bodies::{self, DeliveredRow};
use crate::store::redelivery::{self, DeliveredInRangeRow, Range, RangeRow};
use crate::store::tending;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;

/// Ranges looked at in one run.
const RANGES: u32 = 10;
/// Slices of delivered events that one run takes of a range.
const SLICES: usize = 20;

/// The webhook's tenant, as the delivery Worker may act for it.
fn tenant(webhook: &WebhookKey) -> TenantScope {
    TenantScope::new(Actor::delivery(), webhook.org_id.clone())
}

impl Courier {
    /// Holds slices of each range, for the release of its webhook. Gives back how many deliveries. Running twice holds
    /// further slices.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(super) async fn redeliver_ranges(&self) -> Result<usize, Error> {
        let rows = self.run(vec![redelivery::noted(RANGES)]).await?.take::<RangeRow>(0)?;
        let mut held = 0;
        for row in rows {
            let sequence = row.sequence;
            match row.into_parts() {
                Ok((webhook, range)) if range.is_delivered() => {
                    held += self.redeliver_delivered(sequence, &webhook, range).await?;
                }
                Ok((webhook, range)) => held += self.redeliver_rest(sequence, &webhook, &range).await?,
                // Not one of ours.
                Err(_) => drop(self.run(vec![redelivery::forget(sequence)]).await?),
            }
        }
        Ok(held)
    }

    fn window_from_now(&self) -> (Timestamp, Timestamp) {
        let now = self.now();
        (now, now.plus(self.policy.retry.window()))
    }

    async fn redeliver_rest(
        &self,
        sequence: i64,
        webhook: &WebhookKey,
        range: &Range,
    ) -> Result<usize, Error> {
        let (now, window_ends) = self.window_from_now();
        let statements = vec![
            redelivery::count(&tenant(webhook), &webhook.webhook_id, range),
            redelivery::hold_slice(&tenant(webhook), &webhook.webhook_id, range, now, window_ends),
            tending::due_while_any_waits(&[webhook.webhook_id], now, self.fresh_stamp()),
            redelivery::forget(sequence),
            redelivery::note_rest(&tenant(webhook), &webhook.webhook_id, range),
        ];
        let mut batch = self.run(statements).await?;
        let held = batch.first::<CountRow>(0)?.map_or(0, |row| row.total.min(redelivery::SLICE)) as usize;
        self.wake_due(&mut batch, 2..3).await;
        Ok(held)
    }

    /// Delivered events have no body of their own: the bodies of their batches are unpacked, and kept by themselves.
    async fn redeliver_delivered(
        &self,
        sequence: i64,
        webhook: &WebhookKey,
        mut range: Range,
    ) -> Result<usize, Error> {
        let mut held = 0;
        for _ in 0..SLICES {
            let slice = redelivery::delivered_slice(&tenant(webhook), &webhook.webhook_id, &range);
            let rows = self.run(vec![slice]).await?.take::<DeliveredInRangeRow>(0)?;
            let last = rows.last().map(|row| Timestamp::from_milliseconds(row.created_at));
            let rest = last.filter(|_| rows.len() >= redelivery::DELIVERED_SLICE as usize);
            held += self
                .hold_delivered(sequence, webhook, &rows, rest.map(|last| Self::go_on_from(last, &range)))
                .await?;
            match rest {
                Some(last) => range.since = Self::go_on_from(last, &range),
                None => break,
            }
        }
        Ok(held)
    }

    /// Those held are no longer among the delivered; others of the same millisecond may still be.
    fn go_on_from(last: Timestamp, range: &Range) -> Timestamp {
        if last > range.since { last } else { Timestamp::from_milliseconds(last.milliseconds() + 1) }
    }

    async fn hold_delivered(
        &self,
        sequence: i64,
        webhook: &WebhookKey,
        rows: &[DeliveredInRangeRow],
        rest: Option<Timestamp>,
    ) -> Result<usize, Error> {
        let (now, window_ends) = self.window_from_now();
        let events: Vec<_> = rows.iter().map(|row| row.event.clone()).collect();
        let mut statements = Vec::new();
        for (event_id, body) in self.delivered_bodies(webhook, rows).await? {
            let packed = Packed::pack(self.compressor.as_ref(), &body).await;
            let until = now.plus(self.policy.retention.delivered_bodies);
            statements.push(bodies::keep(&webhook.org_id, &event_id, &packed, until));
        }
        let hold = statements.len();
        statements.push(redelivery::hold_delivered(
            &tenant(webhook),
            &webhook.webhook_id,
            &events,
            now,
            window_ends,
        ));
        statements.push(match rest {
            Some(since) => redelivery::go_on(sequence, since),
            None => redelivery::forget(sequence),
        });
        statements.push(tending::due_while_any_waits(&[webhook.webhook_id], now, self.fresh_stamp()));
        let mut batch = self.run(statements).await?;
        self.wake_due(&mut batch, hold + 2..hold + 3).await;
        Ok(usize::try_from(batch.count(hold)).unwrap_or_default())
    }

    /// The envelopes of these delivered events that are kept with their batches.
    async fn delivered_bodies(
        &self,
        webhook: &WebhookKey,
        rows: &[DeliveredInRangeRow],
    ) -> Result<HashMap<EventId, SharedText>, Error> {
        let mut times: Vec<i64> = rows.iter().map(|row| row.created_at).collect();
        times.dedup();
        let wanted: Vec<EventId> = rows.iter().filter_map(|row| row.event.clone().try_into().ok()).collect();
        let packed = self.run(vec![bodies::delivered_at(&times)]).await?.take::<DeliveredRow>(0)?;
        let mut found = HashMap::new();
        for row in packed {
            match unpack_all(self.compressor.as_ref(), &row.deflated()).await {
                Ok(bodies) => found.extend(
                    bodies
                        .into_iter()
                        .filter(|(org_id, event_id, _)| {
                            *org_id == webhook.org_id && wanted.contains(event_id)
                        })
                        .map(|(_, event_id, body)| (event_id, body)),
                ),
                Err(error) => {
                    self.line("bodies not unpacked", json!({"level": "error", "detail": error.to_string()}))
                }
            }
        }
        Ok(found)
    }
}
