//! Delivery as stories, over real SQL and fakes that a test can steer.

mod backlog;
mod campaign;
mod dead_letters;
mod echoes;
mod first_attempts;
mod kept;
mod lanes;
mod limits;
mod mails;
mod metrics;
mod outages;
mod races;
mod retries;
mod room;
mod seal_anew;
mod shards;
mod stranded;
mod tending;
mod upkeep;

use std::time::Duration;

use serde_json::Value;

use super::Settlement;
use crate::event::id::EventId;
use crate::event::message::EventMessage;
use crate::ports::Statement;
use crate::testing::Fixture;
use crate::webhook::id::WebhookId;

/// An envelope of this id and type for this tenant.
pub(super) fn envelope(id: &str, event_type: &str, partner_id: &str) -> String {
    format!(
        r#"{{"version":"0","id":"{id}","source":"spk.api","detail-type":"{event_type}","time":"2026-04-02T10:00:00Z","detail":{{"partnerId":"{partner_id}", "data":{{"n":1.50}}}}}}"#
    )
}

/// A message with an envelope, as the events queue hands it over.
pub(super) fn message(id: &str, event_type: &str, partner_id: &str) -> String {
    EventMessage::Envelope(envelope(id, event_type, partner_id).into()).encode().to_string()
}

/// An event's id.
pub(super) fn event(id: &str) -> EventId {
    EventId::parse(id).unwrap()
}

/// One delivery's row, with its event's body where that is kept.
pub(super) fn row(fixture: &Fixture, webhook_id: &WebhookId, event_id: &str) -> Value {
    let statement = Statement::new(
        "SELECT d.*, unpacked(b.body) AS body FROM delivery_log d LEFT JOIN bodies b ON b.org_id = d.org_id AND b.event = d.event_id \
         WHERE d.webhook_id = ?1 AND d.event_id = ?2",
    );
    let rows = fixture.database.query(statement.bind(webhook_id).bind(event_id));
    rows.into_iter().next().unwrap_or_default()
}

/// Hands every queued retry to a consumer, moving the clock to when it is due. Gives back how many there were.
pub(super) async fn run_retries(fixture: &Fixture) -> usize {
    let mut messages = fixture.retries.take();
    messages.sort_by_key(|message| message.delay);
    let started = fixture.clock_now();
    for message in &messages {
        let due = started.plus(message.delay);
        fixture.clock.advance(due.since(fixture.clock_now()));
        let settled = fixture.deliver_retries(std::slice::from_ref(&message.body)).await;
        assert_eq!(settled, [Settlement::Acknowledge]);
    }
    messages.len()
}

impl Fixture {
    fn clock_now(&self) -> crate::time::Timestamp {
        use crate::ports::Clock;
        self.clock.now()
    }
}

/// How long a message waits that meets the beginning of an outage.
pub(super) const AFTER_OUTAGE: Settlement = Settlement::Retry(Duration::from_secs(10));

/// The longest a story may take.
pub(super) const THREE_DAYS: Duration = Duration::from_secs(259_200);
