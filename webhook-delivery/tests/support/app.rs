//! A Worker in memory.

use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use edge::ports::Platform;
use edge::router::Router;
use edge::routes::Route;
use edge::serve::Surroundings;
use edge::testing::settings::reader;
use edge::testing::{Isolate, TestPlatform};
use serde_json::Value;
use shared::courier::{Meter, Settlement};
use shared::event::message::EventMessage;
use shared::ports::{Database, Queue};
use shared::shard::Shards;
use shared::testing::{Fixture, SeededRandom};
use webhook_delivery::config::Config;
use webhook_delivery::consume::{ConsumedQueue, consume};
use webhook_delivery::router::{answer, router};
use webhook_delivery::service::{Ports, WebhookDelivery};

use super::{Answer, EVENTS_KEY, SETTINGS};

/// The id of the upload that the isolate is of.
pub(crate) const VERSION: &str = "00000000-0000-4000-8000-000000000001";

/// One isolate of the Worker; the fixture is everything around it that a test can steer or look into.
pub(crate) struct TestApp {
    fixture: Fixture,
    pub(crate) routes: Vec<Route>,
    router: Router<WebhookDelivery>,
    pub(crate) delivery: WebhookDelivery,
    surroundings: Surroundings,
}

impl Deref for TestApp {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

impl Isolate for TestApp {
    async fn answer(&self, request: http::Request<Body>) -> Response {
        answer(&self.router, &self.delivery, &self.surroundings, request).await
    }
}

impl Default for TestApp {
    fn default() -> Self {
        Self::of_version(Some(VERSION))
    }
}

impl TestApp {
    /// An isolate that is told this of its version.
    pub(crate) fn of_version(version: Option<&str>) -> Self {
        Self::start(version, &[])
    }

    /// With these settings in place of the usual ones.
    pub(crate) fn configured(settings: &[(&str, &str)]) -> Self {
        Self::start(Some(VERSION), settings)
    }

    fn start(version: Option<&str>, settings: &[(&str, &str)]) -> Self {
        let fixture = Fixture::default();
        let changes: Vec<_> = settings.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let config = Config::read(&reader(&SETTINGS, &changes)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let random = Arc::new(SeededRandom::new(1));
        let platform = TestPlatform {
            http: fixture.endpoints.clone(),
            ..TestPlatform::new(fixture.clock.clone(), random, fixture.log.clone())
        };
        let ports = Ports {
            databases: Shards::one(fixture.database.clone() as Arc<dyn Database>),
            bodies: fixture.bodies.clone(),
            events: Shards::one(fixture.events.clone() as Arc<dyn Queue>),
            retries: Shards::one(fixture.retries.clone() as Arc<dyn Queue>),
            meter: Meter::new(fixture.metrics.clone()),
            mailer: None,
            version: version.map(str::to_owned),
        };
        let delivery = WebhookDelivery::new(config, ports, &platform);
        let (router, routes) = router(delivery.clone());
        Self { fixture, routes, router, delivery, surroundings: platform.surroundings() }
    }

    /// A request of somebody without credentials.
    pub(crate) fn anybody(&self, method: &str, path: &str) -> Request<'_> {
        Request::new(self, method, path)
    }

    /// A request of EventBridge.
    pub(crate) fn event_bridge(&self, method: &str, path: &str) -> Request<'_> {
        self.anybody(method, path).header("x-events-key", EVENTS_KEY)
    }

    /// EventBridge posts this.
    pub(crate) async fn publish(&self, body: &Value) -> Answer {
        self.publish_bytes(body.to_string()).await
    }

    /// EventBridge posts these bytes and calls them JSON.
    pub(crate) async fn publish_bytes(&self, bytes: impl Into<Vec<u8>>) -> Answer {
        self.event_bridge("POST", "/events").json_bytes(bytes).send().await
    }

    /// The runtime hands over a batch of this queue: how each message is settled.
    pub(crate) async fn consume(&self, queue: ConsumedQueue, messages: &[String]) -> Vec<Settlement> {
        self.drive(consume(self.delivery.clone(), queue.name(), &self.messages(messages)))
    }

    /// The messages that are on the events queue, taken from it.
    pub(crate) fn queued(&self) -> Vec<EventMessage> {
        let messages = self.events.take();
        messages.iter().map(|message| EventMessage::decode(&message.body).unwrap()).collect()
    }
}

/// A request to an isolate of the Worker.
pub(crate) type Request<'a> = edge::testing::Request<'a, TestApp>;
