//! The running stack, and clients of it.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use edge::testing::TestKey;
use local::address::Address;
use local::credentials::Credentials;
use local::stack::{Stack, StackOptions};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::event::{Event, array};
use crate::log::Log;

/// One runtime for all scenarios.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SHARED: LazyLock<World> =
    LazyLock::new(|| World::start(StackOptions::on_free_ports("test").unwrap().shards(4).fresh()));

/// A running stack with its credentials.
pub struct World {
    stack: Mutex<Stack>,
    address: Address,
    credentials: Credentials,
    log: Log,
}

/// Runs a scenario on the shared stack, whose state others use at the same time.
pub fn run<F: Future>(scenario: impl FnOnce(&'static World) -> F) -> F::Output {
    RUNTIME.block_on(scenario(&SHARED))
}

/// Runs a scenario that starts stacks of its own.
pub fn run_alone<F: Future>(scenario: F) -> F::Output {
    RUNTIME.block_on(scenario)
}

impl World {
    /// Starts a stack of the scenario's own. The stack ends when the world is dropped.
    #[must_use]
    pub fn start(options: StackOptions) -> Self {
        let stack = Stack::start(options).unwrap_or_else(|error| panic!("{error:#}"));
        let credentials = stack.credentials(None).unwrap();
        let (address, log) = (stack.address(), Log::at(stack.log_path()));
        Self { stack: Mutex::new(stack), address, credentials, log }
    }

    /// The stack itself, for stopping and starting it.
    pub fn stack(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stack's URLs and keys, and an admin's token.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The Workers' log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// A secret of the Workers.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        self.stack().secret(name).unwrap()
    }

    /// The key with which the stack's OpenID provider signs.
    #[must_use]
    pub fn issuer_key(&self) -> TestKey {
        let text = std::fs::read_to_string(self.log.path().with_file_name("openid-keys.json")).unwrap();
        TestKey::of_jwk(&serde_json::from_str::<Value>(&text).unwrap()["jwks"]["keys"][0])
    }

    /// The folders of the databases and the key-value stores. The folders beside them belong to the local runtime alone:
    /// inboxes, and the runtime's own record of requests, URLs included.
    #[must_use]
    pub fn stores(&self) -> [PathBuf; 2] {
        ["d1", "kv"].map(|store| self.log.path().with_file_name("state").join("v3").join(store))
    }

    /// The Admin API, as an admin calls it.
    #[must_use]
    pub fn admin(&self) -> Client {
        let admin_api = self.address.worker("admin-api").unwrap();
        self.credentials.admin(admin_api).unwrap().into()
    }

    /// The Admin API with the admin key and this token of the issuer's.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Client {
        self.admin().with("authorization", &format!("Bearer {token}"))
    }

    /// The Admin API, without credentials.
    #[must_use]
    pub fn admin_api(&self) -> Client {
        self.client(&self.credentials.admin_api_url)
    }

    /// The Admin API, as a partner's backend calls it.
    #[must_use]
    pub fn partner(&self, api_key: &str) -> Client {
        self.admin_api().with("x-api-key", api_key)
    }

    /// Where events are taken in, as EventBridge calls it.
    #[must_use]
    pub fn event_bridge(&self) -> Client {
        self.delivery().with("x-events-key", &self.credentials.events_key)
    }

    /// Publishes an event, as EventBridge does.
    pub async fn publish(&self, event: &Event) {
        self.hand_in(&event.body, 1).await;
    }

    /// Publishes events in one request.
    pub async fn publish_all(&self, events: &[Event]) {
        self.hand_in(&array(events), events.len()).await;
    }

    async fn hand_in(&self, body: &str, count: usize) {
        let answer = self.event_bridge().post_text("/events", body).await;
        assert_eq!(answer.expect(202), json!({"accepted": count}));
    }

    /// Where events are taken in, without credentials.
    #[must_use]
    pub fn delivery(&self) -> Client {
        self.client(&self.credentials.delivery_url)
    }

    /// The Partner Portal, as a browser without cookies calls it.
    #[must_use]
    pub fn portal(&self) -> Client {
        self.client(&self.credentials.portal_url)
    }

    /// The gateway, which only the local stack has: `/queues/<name>` puts messages on a Queue by hand.
    #[must_use]
    pub fn gateway(&self) -> Client {
        self.address.gateway().unwrap().into()
    }

    /// The local webhook inbox: paths are `/<name>`.
    #[must_use]
    pub fn inbox(&self) -> Client {
        self.client(&self.credentials.inbox_url)
    }

    fn client(&self, url: &str) -> Client {
        self.address.client(url).unwrap().into()
    }
}
