//! A partner's endpoint: keeps what it gets, byte for byte, and misbehaves as it is told.
use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use http::HeaderMap;

use crate::clock::now;
use crate::server::{Request, reset, respond, serve};

/// How long an answer is kept from its end at most.
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
    /// With these bytes, head and all, and then by closing the connection.
    Raw(Vec<u8>),
    /// With these bytes, and then nothing more for as long as the other side waits.
    Stall(Vec<u8>),
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
    /// The only value of a header.
    ///
    /// # Panics
    ///
    /// When there is no such header, or more than one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name} in {:?}", self.headers);
        values[0].to_str().unwrap_or_default()
    }

    /// The body as text; empty where it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    received: HashMap<String, Vec<Received>>,
    /// By path: the next behaviours, and the one after them for ever.
    behaviors: HashMap<String, (VecDeque<Behavior>, Behavior)>,
    open: HashMap<String, usize>,
}

/// A running endpoint. It ends with the process.
#[derive(Clone)]
pub struct Endpoint {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Endpoint {
    /// Starts an endpoint on a free port. A path answers 200 until it is told otherwise.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let endpoint = Self { port: listener.local_addr()?.port(), state: Arc::default() };
        let serving = endpoint.clone();
        serve(listener, move |request, stream| serving.answer(request, stream));
        Ok(endpoint)
    }

    /// The port of the endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a path here.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Makes a path behave so from now on.
    pub fn behave(&self, path: &str, behavior: Behavior) {
        self.behave_in_turn(path, [], behavior);
    }

    /// Answers the next requests to a path so, each in one way, and those after them in the last way.
    pub fn behave_in_turn(&self, path: &str, first: impl IntoIterator<Item = Behavior>, then: Behavior) {
        self.state().behaviors.insert(path.to_owned(), (first.into_iter().collect(), then));
    }

    /// What a path has received so far.
    #[must_use]
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.state().received.get(path).cloned().unwrap_or_default()
    }

    /// What a path has received since this was asked last.
    #[must_use]
    pub fn take(&self, path: &str) -> Vec<Received> {
        self.state().received.remove(path).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: Request, stream: &mut TcpStream) -> io::Result<()> {
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
        behave(behavior, stream, Open { endpoint: self, id })
    }
}

/// A request that is counted as open.
struct Open<'a> {
    endpoint: &'a Endpoint,
    id: String,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.endpoint.state().open.get_mut(&self.id) {
            *open -= 1;
        }
    }
}

fn behave(behavior: Behavior, stream: &mut TcpStream, open: Open) -> io::Result<()> {
    let deadline = now() + LONGEST_HANG;
    match behavior {
        Behavior::Answer(status, delay, headers) => {
            sleep(delay);
            // Once there is an answer, the next request may come at once.
            drop(open);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            respond(stream, status, &headers, "")
        }
        Behavior::Hang => {
            stream.set_read_timeout(Some(LONGEST_HANG))?;
            io::copy(stream, &mut io::sink())?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Behavior::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            while now() < deadline {
                // Between two bytes, notice that the other side has had enough.
                match stream.read(&mut [0; 64]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.write_all(b".")?,
                    ended => {
                        return Err(ended.err().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into()));
                    }
                }
            }
            Err(io::ErrorKind::TimedOut.into())
        }
        Behavior::Endless(status) => {
            stream.write_all(format!("HTTP/1.1 {status} Told\r\n\r\n").as_bytes())?;
            while now() < deadline {
                stream.write_all(&[b'x'; 8192])?;
            }
            Err(io::ErrorKind::TimedOut.into())
        }
        Behavior::Raw(bytes) => {
            drop(open);
            stream.write_all(&bytes)?;
            stream.flush()?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Behavior::Stall(bytes) => {
            stream.write_all(&bytes)?;
            stream.set_read_timeout(Some(LONGEST_HANG))?;
            io::copy(stream, &mut io::sink())?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Behavior::Reset => reset(stream),
    }
}
