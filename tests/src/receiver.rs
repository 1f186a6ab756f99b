//! A partner's endpoint: an HTTP server of our own that keeps what it gets, byte for byte, and can misbehave.
//!
//! Plain TCP, because a server library would not let us misbehave this badly.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::poll::{SOON, eventually, now};
use crate::wire::{Request, read_request};

/// How long a connection that is kept hanging is held at most.
const LONGEST_HANG: Duration = Duration::from_secs(120);

/// How a path answers.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// With this status, after this long, with these headers.
    Answer(u16, Duration, Vec<(&'static str, String)>),
    /// Never.
    Hang,
    /// With the head at once, then a byte of the body each second.
    Drip,
    /// With this status, and a body that does not end, as fast as it is taken.
    Endless(u16),
    /// By resetting the connection.
    Reset,
}

impl Behavior {
    /// A status at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Duration::ZERO, Vec::new())
    }

    /// 200 after this long.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self::Answer(200, delay, Vec::new())
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::Answer(status, Duration::ZERO, vec![("location", location.to_owned())])
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`, …
    pub method: String,
    /// All headers, repeated ones too.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// When it was complete.
    pub at: Instant,
    /// Requests below the same first segment with this `webhook-id` that were open at that moment, itself included.
    pub open_at_once: usize,
}

impl Received {
    /// A header's only value.
    ///
    /// # Panics
    /// Where there is none, or more than one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name} in {:?}", self.headers);
        values[0].to_str().unwrap()
    }

    /// The body as text.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

#[derive(Default)]
struct State {
    received: HashMap<String, Vec<Received>>,
    /// By path: what comes next, and what comes after that for ever.
    behaviors: HashMap<String, (VecDeque<Behavior>, Behavior)>,
    open: HashMap<String, usize>,
}

/// A running server. It ends with the process.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let receiver = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                // A connection that breaks is the other side's affair, and often what a scenario is about.
                tokio::spawn(async move { serving.serve(stream).await.ok() });
            }
        });
        receiver
    }

    /// The URL of a path here.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// From now on a path behaves so.
    pub fn behave(&self, path: &str, behavior: Behavior) {
        self.behave_in_turn(path, [], behavior);
    }

    /// The next requests to a path are answered so, one each, and those after them in the last way.
    pub fn behave_in_turn(&self, path: &str, first: impl IntoIterator<Item = Behavior>, then: Behavior) {
        self.state().behaviors.insert(path.to_owned(), (first.into_iter().collect(), then));
    }

    /// What a path has got so far.
    #[must_use]
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.state().received.get(path).cloned().unwrap_or_default()
    }

    /// What a path has got, once it is at least so many.
    pub async fn at_least(&self, count: usize, path: &str) -> Vec<Received> {
        let look = async || Some(self.received(path)).filter(|received| received.len() >= count);
        eventually(SOON * 2, &format!("{count} requests to {path}"), look).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(request) = read_request(&mut stream).await? else { return Ok(()) };
        let Request { method, target: path, headers, body } = request;
        let mut received = Received { method, headers, body, at: now(), open_at_once: 0 };
        let id = received.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let id = format!("{} {id}", path.split('/').nth(1).unwrap_or_default());
        let behavior = {
            let mut state = self.state();
            let open = state.open.entry(id.clone()).or_default();
            *open += 1;
            received.open_at_once = *open;
            state.received.entry(path.clone()).or_default().push(received);
            match state.behaviors.get_mut(&path) {
                Some((next, then)) => next.pop_front().unwrap_or_else(|| then.clone()),
                None => Behavior::status(200),
            }
        };
        let answered = answer(stream, behavior).await;
        if let Some(open) = self.state().open.get_mut(&id) {
            *open -= 1;
        }
        answered
    }
}

async fn answer(mut stream: TcpStream, behavior: Behavior) -> std::io::Result<()> {
    match behavior {
        Behavior::Answer(status, delay, headers) => {
            tokio::time::sleep(delay).await;
            let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head =
                format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\nconnection: close\r\n{more}\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.shutdown().await
        }
        Behavior::Hang => {
            wait_for_end(&mut stream).await;
            Ok(())
        }
        Behavior::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
            let (mut reading, mut writing) = stream.split();
            let dripping = async {
                for _ in 0..LONGEST_HANG.as_secs() {
                    writing.write_all(b".").await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Ok(())
            };
            tokio::select! {
                dripped = dripping => dripped,
                () = wait_for_end(&mut reading) => Ok(()),
            }
        }
        Behavior::Endless(status) => {
            stream.write_all(format!("HTTP/1.1 {status} Told\r\n\r\n").as_bytes()).await?;
            let until = now() + LONGEST_HANG;
            while now() < until {
                stream.write_all(&[b'x'; 8192]).await?;
            }
            Ok(())
        }
        Behavior::Reset => stream.set_zero_linger(),
    }
}

/// Until the other side has had enough.
async fn wait_for_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 64];
    let ended = async { while stream.read(&mut rest).await.is_ok_and(|length| length > 0) {} };
    tokio::time::timeout(LONGEST_HANG, ended).await.ok();
}
