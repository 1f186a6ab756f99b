//! Envelopes: of events that some webhook did not get at the first attempt, once each; and of those delivered at once, a
//! batch's together.

use serde::Deserialize;
use serde_json::json;

use super::columns::{StoredEvent, TENANTS_WEBHOOK, event_key, event_text};
use super::of_tenant;
use crate::event::id::EventId;
use crate::event::message::DeliveryKey;
use crate::packing::Packed;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// Batches at the same millisecond that are told apart: a place stays below 2⁵³, which JavaScript counts exactly.
const PLACES: i64 = 4096;

fn bind_packed(statement: Statement, packed: &Packed) -> Statement {
    let (deflated, text) = match packed {
        Packed::Deflated { bytes, .. } => (Some(hex::encode(bytes)), None),
        Packed::Text(text) => (None, Some(text.as_ref())),
    };
    let length = u32::try_from(packed.length()).unwrap_or(u32::MAX);
    statement.bind(deflated).bind(text).bind(length)
}

/// Keeps an event's envelope for all webhooks that wait for the event, and at least until then.
pub fn keep(org_id: &OrgId, event_id: &EventId, packed: &Packed, until: Timestamp) -> Statement {
    let statement = Statement::new(format!(
        "INSERT INTO bodies (org_id, event, kept_until, body, length) \
         VALUES (?1, {}, ?3, COALESCE(unhex(?4), ?5), ?6) ON CONFLICT DO NOTHING",
        event_key("?2")
    ));
    let statement = statement.bind(org_id).bind(StoredEvent::from(event_id).0).bind(until);
    bind_packed(statement, packed)
}

/// Keeps the envelope of a delivery that is there: until then, or without a time as long as the log has the delivery.
pub fn keep_of(
    tenant: &TenantScope,
    webhook_id: &WebhookId,
    event_id: &EventId,
    packed: &Packed,
    until: Option<Timestamp>,
) -> Statement {
    let event = event_key("?3");
    let statement = of_tenant(
        tenant,
        format!(
            "INSERT INTO bodies (org_id, event, kept_until, body, length) \
         SELECT ?1, event, ?4, COALESCE(unhex(?5), ?6), ?7 FROM deliveries \
         WHERE webhook = {TENANTS_WEBHOOK} AND event = {event} ON CONFLICT DO NOTHING"
        ),
    );
    let statement = statement.bind(webhook_id);
    bind_packed(statement.bind(StoredEvent::from(event_id).0).bind(until), packed)
}

/// Keeps the envelopes that a batch of this time delivered at once. `random` tells batches of the same time apart.
pub fn keep_delivered(at: Timestamp, random: u64, deflated: &[u8]) -> Statement {
    let place = at.milliseconds() * PLACES + i64::try_from(random % PLACES as u64).unwrap_or_default();
    Statement::new(
        "INSERT INTO delivered_bodies (place, bodies) VALUES (?1, unhex(?2)) ON CONFLICT DO NOTHING",
    )
    .bind(place)
    .bind(hex::encode(deflated))
}

/// The SQL for a body's columns in a [`BodyRow`].
const PACKED: &str = "CASE typeof(b.body) WHEN 'blob' THEN hex(b.body) END AS deflated, \
    CASE typeof(b.body) WHEN 'text' THEN b.body END AS text, b.length";

/// The envelopes of the events that [`super::deliveries::lease`] just leased until `until`, once each.
pub fn leased(keys: &[&DeliveryKey], until: Timestamp) -> Statement {
    let webhook = super::columns::webhook_of("value ->> 1");
    let (key, text) = (event_key("value ->> 2"), event_text("b.event"));
    Statement::new(format!(
        "SELECT b.org_id, {text} AS event, {PACKED} FROM \
           (SELECT DISTINCT value ->> 0 AS org_id, d.event FROM json_each(?1) \
            CROSS JOIN deliveries d ON d.webhook = {webhook} AND d.event = {key} WHERE d.leased_until = ?2) AS e \
         CROSS JOIN bodies b ON b.org_id = e.org_id AND b.event = e.event"
    ))
    .bind(super::deliveries::keys(keys))
    .bind(until)
}

/// The envelope of an event of the tenant's, where it is kept by itself.
pub fn select(tenant: &TenantScope, event_id: &EventId) -> Statement {
    let (key, text) = (event_key("?2"), event_text("b.event"));
    of_tenant(
        tenant,
        format!(
            "SELECT b.org_id, {text} AS event, {PACKED} FROM bodies b WHERE b.org_id = ?1 AND b.event = {key}"
        ),
    )
    .bind(StoredEvent::from(event_id).0)
}

/// The envelopes of the batch that a delivery was delivered with at once, packed; `all` of that millisecond.
pub fn delivered_with(tenant: &TenantScope, webhook_id: &WebhookId, event_id: &EventId) -> Statement {
    let event = event_key("?3");
    of_tenant(tenant, format!(
        "SELECT hex(p.bodies) AS deflated FROM deliveries d \
         CROSS JOIN delivered_bodies p ON p.place >= d.created_at * {PLACES} AND p.place < (d.created_at + 1) * {PLACES} \
         WHERE d.webhook = {TENANTS_WEBHOOK} AND d.event = {event}"
    ))
    .bind(webhook_id)
    .bind(StoredEvent::from(event_id).0)
}

/// The envelopes that batches of these times delivered at once, packed.
pub fn delivered_at(times: &[i64]) -> Statement {
    Statement::new(format!(
        "SELECT hex(p.bodies) AS deflated FROM json_each(?1) CROSS JOIN delivered_bodies p \
         ON p.place >= value * {PLACES} AND p.place < (value + 1) * {PLACES}"
    ))
    .bind(json!(times))
}

/// Deletes a slice of the envelopes of batches before `before`.
pub fn delete_delivered(before: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "DELETE FROM delivered_bodies WHERE place IN \
         (SELECT place FROM delivered_bodies WHERE place < ?1 ORDER BY place LIMIT ?2) RETURNING 1 AS deleted",
    )
    .bind(before.milliseconds() * PLACES)
    .bind(limit)
}

/// The next slice of bodies whose time is over, from after this position on.
const OLD: &str = "SELECT sequence, org_id, event, kept_until FROM bodies \
    WHERE sequence > ?1 AND COALESCE(kept_until, 0) < ?2 ORDER BY sequence LIMIT ?3";

/// The end of the next slice of old bodies, as the position in the round, and how many there are.
pub fn next_old(after: i64, now: Timestamp, limit: u32) -> Statement {
    Statement::new(format!("SELECT MAX(sequence) AS last, COUNT(*) AS total FROM ({OLD})"))
        .bind(after)
        .bind(now)
        .bind(limit)
}

/// What [`next_old`] finds.
#[derive(Deserialize)]
pub struct OldRow {
    /// The last one's place.
    pub last: Option<i64>,
    /// How many there are.
    pub total: u32,
}

/// Deletes a slice of old bodies that no delivery can need again: none of the tenant's webhooks has the event undelivered,
/// nor, of a body without a time, has it at all.
pub fn delete_old(after: i64, now: Timestamp, limit: u32) -> Statement {
    Statement::new(format!(
        "DELETE FROM bodies WHERE sequence IN (SELECT b.sequence FROM ({OLD}) AS b WHERE NOT EXISTS \
         (SELECT 1 FROM webhooks w CROSS JOIN deliveries d ON d.webhook = w.sequence AND d.event = b.event \
          WHERE w.org_id = b.org_id AND (d.stage <> 0 OR b.kept_until IS NULL))) RETURNING 1 AS deleted"
    ))
    .bind(after)
    .bind(now)
    .bind(limit)
}

/// An event's envelope, packed.
#[derive(Debug, Deserialize)]
pub struct BodyRow {
    /// The tenant.
    pub org_id: OrgId,
    /// The event.
    pub event: StoredEvent,
    deflated: Option<String>,
    text: Option<String>,
    length: usize,
}

impl BodyRow {
    /// The envelope as it was packed; `None` where the row holds neither form.
    pub fn packed(&self) -> Option<Packed> {
        match (&self.deflated, &self.text) {
            (Some(digits), _) => {
                Some(Packed::Deflated { bytes: hex::decode(digits).ok()?, length: self.length })
            }
            (None, text) => text.as_deref().map(|text| Packed::Text(text.into())),
        }
    }
}

/// The packed envelopes of a batch.
#[derive(Debug, Deserialize)]
pub struct DeliveredRow {
    deflated: String,
}

impl DeliveredRow {
    /// The DEFLATE bytes.
    pub fn deflated(&self) -> Vec<u8> {
        hex::decode(&self.deflated).unwrap_or_default()
    }
}
