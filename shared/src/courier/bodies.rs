//! The envelopes that a batch leaves in the database: of what waits, once per event; of what was delivered at once, together.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::Courier;
use crate::delivery::progress::Progress;
use crate::event::id::EventId;
use crate::packing::{DeliveredBody, Packed, pack_all};
use crate::ports::Statement;
use crate::sets::gathered;
use crate::shared_text::SharedText;
use crate::store::bodies;
use crate::tenant::OrgId;
use crate::time::Timestamp;

impl Courier {
    /// Keeps the bodies that deliveries wait for, once per event.
    pub(super) async fn keep_bodies(&self, progress: &[Progress]) -> Vec<Statement> {
        let mut statements = Vec::new();
        for ((org_id, event_id), (body, at)) in needed(progress) {
            let packed = Packed::pack(self.compressor.as_ref(), &body).await;
            let until = at.plus(self.policy.retention.delivered_bodies);
            statements.push(bodies::keep(&org_id, &event_id, &packed, until));
        }
        statements
    }

    /// Keeps the bodies of events that were delivered at once, together: people may look at them and send them again for a
    /// day.
    pub(super) async fn keep_delivered_bodies(&self, progress: &[Progress]) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.policy.retention.delivered_bodies.is_zero() {
            return statements;
        }
        for (at, bodies) in delivered(progress) {
            match pack_all(self.compressor.as_ref(), &bodies).await {
                Ok(deflated) => {
                    statements.push(bodies::keep_delivered(at, self.random_number(), &deflated));
                }
                Err(error) => self.line("delivered bodies not kept", json!({"detail": error.to_string()})),
            }
        }
        statements
    }
}

/// Bytes of envelopes that are packed together: the whole is unpacked to read one.
const PACKED_TOGETHER: usize = 256 * 1024;

/// The bodies that deliveries wait for, once per event, each with the time of its batch.
pub(super) fn needed(progress: &[Progress]) -> BTreeMap<(OrgId, EventId), (SharedText, Timestamp)> {
    let needed = progress.iter().filter(|one| one.needs_body()).filter_map(|one| {
        let event = (one.key.org_id.clone(), one.key.event_id.clone());
        Some((event, (one.body.clone()?, one.origin.at())))
    });
    gathered(needed)
}

/// The bodies of events that were delivered at once and that no delivery waits for, once per event; by batch, and not too
/// many together.
fn delivered(progress: &[Progress]) -> Vec<(Timestamp, Vec<DeliveredBody>)> {
    let event = |one: &Progress| (one.key.org_id.clone(), one.key.event_id.clone());
    let mut seen: HashSet<_> = progress.iter().filter(|one| one.needs_body()).map(event).collect();
    let mut batches: Vec<(Timestamp, Vec<DeliveredBody>)> = Vec::new();
    let mut length = 0;
    for one in progress.iter().filter(|one| one.origin.is_fresh()) {
        let Some(body) = one.body.clone().filter(|_| seen.insert(event(one))) else { continue };
        let at = one.origin.at();
        if length >= PACKED_TOGETHER || batches.last().is_none_or(|(of, _)| *of != at) {
            batches.push((at, Vec::new()));
            length = 0;
        }
        length += body.len();
        if let Some((_, bodies)) = batches.last_mut() {
            bodies.push((one.key.org_id.clone(), one.key.event_id.clone(), body));
        }
    }
    batches
}
