//! A Worker in memory.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use edge::ports::Platform;
use edge::routes::Route;
use edge::serve::Surroundings;
use edge::testing::TestPlatform;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::Value;
use shared::courier::{Meter, Settlement};
use shared::event::message::EventMessage;
use shared::testing::{Fixture, SeededRandom};
use webhook_delivery::config::Config;
use webhook_delivery::consume::{ConsumedQueue, consume};
use webhook_delivery::ingest::{answer, router};
use webhook_delivery::service::{Ports, WebhookDelivery};

use super::{Answer, EVENTS_KEY, setting};

/// The id of the upload that the isolate is of.
pub(crate) const VERSION: &str = "00000000-0000-4000-8000-000000000001";

/// One isolate of the Worker; the fixture is everything around it that a test can steer or look into.
pub(crate) struct TestApp {
    fixture: Fixture,
    pub(crate) routes: Vec<Route>,
    router: Router,
    pub(crate) delivery: WebhookDelivery,
    surroundings: Surroundings,
}

impl Deref for TestApp {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
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
        let fixture = Fixture::default();
        let config = Config::read(&setting).unwrap_or_else(|faults| panic!("{faults:?}"));
        let random = Arc::new(SeededRandom::new(1));
        let platform = TestPlatform {
            http: fixture.endpoints.clone(),
            ..TestPlatform::new(fixture.clock.clone(), random, fixture.log.clone())
        };
        let ports = Ports {
            database: fixture.database.clone(),
            bodies: fixture.bodies.clone(),
            events: fixture.events.clone(),
            retries: fixture.retries.clone(),
            meter: Meter::new(fixture.metrics.clone()),
            version: version.map(str::to_owned),
        };
        let delivery = WebhookDelivery::new(config, ports, &platform);
        let (router, routes) = router(delivery.clone());
        Self { fixture, routes, router, delivery, surroundings: platform.surroundings() }
    }

    /// A request of somebody without credentials.
    pub(crate) fn anybody(&self, method: &str, path: &str) -> Request<'_> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Request { app: self, builder: http::Request::builder().method(method).uri(path), body: Body::empty() }
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
        let request = self.event_bridge("POST", "/events").header("content-type", "application/json");
        request.body(Body::from(bytes.into())).send().await
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

/// A request in the making.
pub(crate) struct Request<'a> {
    app: &'a TestApp,
    builder: http::request::Builder,
    body: Body,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.builder = self.builder.header(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(Body::from(value.to_string()))
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.builder.body(self.body).unwrap();
        let app = self.app;
        Answer::of(answer(app.router.clone(), &app.delivery, &app.surroundings, request).await).await
    }
}
