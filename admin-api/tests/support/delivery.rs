//! The delivery Worker's courier beside the Admin API, over the same database and queues.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::courier::{Courier, Message, Settlement};
use shared::event::message::EventMessage;
use shared::ports::{Clock, Statement};
use shared::shard::Shards;
use shared::shared_text::SharedText;
use shared::testing::{Endpoints, FakeClock, Fixture};

use super::TestApp;

/// Messages with these texts, sent now.
pub(crate) fn messages(clock: &FakeClock, texts: &[SharedText]) -> Vec<Message> {
    texts.iter().map(|body| Message { body: body.clone(), sent_at: clock.now() }).collect()
}

/// Delivers, to endpoints that a test can steer.
pub(crate) struct Delivery<'a> {
    app: &'a TestApp,
    pub(crate) courier: Courier,
    pub(crate) endpoints: Arc<Endpoints>,
}

impl TestApp {
    /// The delivery Worker. It seals with the same key.
    pub(crate) fn delivery(&self) -> Delivery<'_> {
        let endpoints = Arc::new(Endpoints::new(self.clock.clone()));
        let courier = Courier {
            database: self.database.clone(),
            clock: self.clock.clone(),
            http: endpoints.clone(),
            events: self.events.clone(),
            retries: self.retries.clone(),
            ..Fixture::default().courier
        };
        Delivery { app: self, courier, endpoints }
    }
}

impl Delivery<'_> {
    /// Delivery over the one shard.
    pub(crate) fn couriers(&self) -> Shards<Courier> {
        Shards::one(self.courier.clone())
    }

    /// One event of this id and type for this tenant reaches its webhooks; what follows waits on the retries queue.
    pub(crate) async fn event(&self, org_id: &str, id: &str, event_type: &str) {
        let envelope = json!({
            "id": id, "source": "spk.api", "detail-type": event_type, "time": "2026-04-02T10:00:00Z",
            "detail": {"partnerId": org_id},
        });
        let message = EventMessage::Envelope(envelope.to_string().into()).encode();
        let messages = messages(&self.app.clock, &[message]);
        let settled = self.app.clock.drive(self.couriers().deliver_events(&messages));
        assert_eq!(settled, Some(vec![Settlement::Acknowledge]));
    }

    /// Hands messages with these texts to the consumer of the retries queue.
    pub(crate) async fn hand_over(&self, texts: &[SharedText]) {
        let messages = messages(&self.app.clock, texts);
        self.app.clock.drive(self.couriers().deliver_retries(&messages)).unwrap();
    }

    /// The delivery of this event is given up, as if its window had ended.
    pub(crate) fn give_up(&self, event_id: &str, stage: &str) {
        let end = "UPDATE delivery_log SET stage = ?2, reason = 'answered 404', ended_at = created_at + 20, next_attempt_at = NULL \
                   WHERE event_id = ?1";
        self.app.database.query(Statement::new(end).bind(event_id).bind(stage));
    }

    /// A minute's cron run.
    pub(crate) async fn sweep(&self) {
        self.app.clock.drive(self.courier.sweep()).unwrap().unwrap();
    }

    /// Everything that is on the retries queue, and all that follows from it, until the queue is empty.
    pub(crate) async fn retries(&self) {
        for _ in 0..50 {
            let mut messages = self.app.retries.take();
            messages.sort_by_key(|message| message.delay);
            let Some(latest) = messages.last() else { return };
            self.app.clock.advance(latest.delay);
            let texts: Vec<_> = messages.into_iter().map(|message| message.body).collect();
            self.hand_over(&texts).await;
        }
        panic!("the retries queue is never empty");
    }

    /// The bodies of the requests that partners got since the last call.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.endpoints.take().iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect()
    }
}
