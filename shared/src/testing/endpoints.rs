//! Partners' endpoints that answer as a test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::FakeClock;
use crate::delivery::outcome::AttemptResult;
use crate::ports::{Clock, HttpClient, OutboundRequest};
use crate::time::Timestamp;

/// What an endpoint does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers with this status and `Retry-After`.
    RetryAfter(u16, String),
    /// Answers with this status and this text.
    Said(u16, String),
    /// Does not end in time.
    Hang,
    /// Drops the connection.
    Reset,
}

/// Every endpoint there is. Those without replies left answer 200.
#[derive(Default)]
pub struct Endpoints {
    clock: Arc<FakeClock>,
    replies: Mutex<BTreeMap<String, VecDeque<Reply>>>,
    always: Mutex<BTreeMap<String, Reply>>,
    requests: Mutex<Vec<(Timestamp, OutboundRequest)>>,
    on_request: Mutex<Option<OnRequest>>,
    decide: Mutex<Option<Decide>>,
}

type OnRequest = Box<dyn Fn() + Send>;
type Decide = Box<dyn FnMut(&OutboundRequest) -> Reply + Send>;

impl Endpoints {
    /// Endpoints whose time passes on this clock.
    pub fn new(clock: Arc<FakeClock>) -> Self {
        Self { clock, ..Self::default() }
    }

    /// The next replies of this URL.
    pub fn reply(&self, url: &str, replies: &[Reply]) {
        self.replies.lock().unwrap().entry(url.to_owned()).or_default().extend(replies.iter().cloned());
    }

    /// What this URL answers once its replies are spent.
    pub fn always(&self, url: &str, reply: Reply) {
        self.always.lock().unwrap().insert(url.to_owned(), reply);
    }

    /// Forgets what a test has said about this URL.
    pub fn forget(&self, url: &str) {
        self.replies.lock().unwrap().remove(url);
        self.always.lock().unwrap().remove(url);
    }

    /// Decides each reply of the URLs that no test has said anything about.
    pub fn decide(&self, decide: impl FnMut(&OutboundRequest) -> Reply + Send + 'static) {
        *self.decide.lock().unwrap() = Some(Box::new(decide));
    }

    /// What happens besides, at every request.
    pub fn on_request(&self, run: impl Fn() + Send + 'static) {
        *self.on_request.lock().unwrap() = Some(Box::new(run));
    }

    /// Every request since the last call.
    pub fn take(&self) -> Vec<OutboundRequest> {
        self.take_timed().into_iter().map(|(_, request)| request).collect()
    }

    /// Every request since the last call, with when it began.
    pub fn take_timed(&self) -> Vec<(Timestamp, OutboundRequest)> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

#[async_trait]
impl HttpClient for Endpoints {
    async fn post(&self, request: OutboundRequest) -> AttemptResult {
        let url = request.url.clone();
        let timeout = request.timeout;
        self.requests.lock().unwrap().push((self.clock.now(), request.clone()));
        if let Some(run) = self.on_request.lock().unwrap().as_ref() {
            run();
        }
        let next = self.replies.lock().unwrap().get_mut(&url).and_then(VecDeque::pop_front);
        let reply = next.or_else(|| self.always.lock().unwrap().get(&url).cloned());
        let reply = reply.or_else(|| self.decide.lock().unwrap().as_mut().map(|decide| decide(&request)));
        let answer = |status, retry_after| AttemptResult::Response {
            status,
            retry_after,
            excerpt: format!("said {status}"),
        };
        let (took, result) = match reply.unwrap_or(Reply::Status(200)) {
            Reply::Status(status) => (Duration::from_millis(20), answer(status, None)),
            Reply::RetryAfter(status, value) => (Duration::from_millis(20), answer(status, Some(value))),
            Reply::Said(status, excerpt) => {
                (Duration::from_millis(20), AttemptResult::Response { status, retry_after: None, excerpt })
            }
            Reply::Hang => (timeout, AttemptResult::TimedOut),
            Reply::Reset => (Duration::from_millis(5), AttemptResult::ConnectionFailed("reset".into())),
        };
        self.clock.sleep(took).await;
        result
    }
}
