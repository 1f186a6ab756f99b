//! A partner's endpoint on loopback: answers 200 at once, and notes what came when.
//!
//! A thread for each connection, of which both sides keep few.
use std::collections::HashSet;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::wire::{self, Message};
use crate::clock;

/// How long the last event may take to arrive. Neither side retries within it.
const LIMIT: Duration = Duration::from_secs(20);

/// An event that has arrived.
struct Arrival {
    /// `<path> <id>`
    what: String,
    at: Instant,
}

/// A running server. It ends with the process.
pub(super) struct Endpoint {
    pub(super) port: u16,
    arrivals: Mutex<Receiver<Arrival>>,
}

impl Endpoint {
    /// Starts one on a free port.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free for the endpoint")?;
        let port = listener.local_addr()?.port();
        let (sender, arrivals) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                // A connection that breaks shows as an event that is missing.
                thread::spawn(move || serve(&stream, &sender).ok());
            }
        });
        Ok(Self { port, arrivals: Mutex::new(arrivals) })
    }

    /// The URL of a path here.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Waits until each of these events has come to each of these paths; gives when the last one did.
    pub(super) fn last_arrival(&self, ids: &[String], paths: &[String]) -> Result<Instant> {
        let all = paths.iter().flat_map(|path| ids.iter().map(move |id| format!("{path} {id}")));
        let mut missing: HashSet<String> = all.collect();
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = clock::now();
        let deadline = last + LIMIT;
        while !missing.is_empty() {
            let left = deadline.saturating_duration_since(clock::now());
            let Ok(arrival) = arrivals.recv_timeout(left) else {
                bail!("{} events did not arrive within {} s", missing.len(), LIMIT.as_secs());
            };
            // Anything else is an event that came twice, which neither side rules out.
            if missing.remove(&arrival.what) {
                last = arrival.at;
            }
        }
        Ok(last)
    }
}

/// Answers the requests of one connection until it is closed.
fn serve(stream: &TcpStream, arrivals: &Sender<Arrival>) -> Result<()> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
    }
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(Message { first_line, body }) = wire::read(&mut reader)? {
        let at = clock::now();
        let path = first_line.split(' ').nth(1).unwrap_or_default();
        let Event { id } = serde_json::from_slice(&body)?;
        arrivals.send(Arrival { what: format!("{path} {id}"), at })?;
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_waited_for_by_path_and_id() {
        let endpoint = Endpoint::start().unwrap();
        let mut connection = wire::Connection::open(endpoint.port, Duration::from_secs(5)).unwrap();
        let before = clock::now();
        for (path, id) in [("/a", "1"), ("/b", "1"), ("/a", "1"), ("/a", "2"), ("/b", "2")] {
            let event = format!(r#"{{"id": "{id}", "detail": {{}}}}"#);
            let answer = connection.exchange("POST", path, &[], &event).unwrap();
            assert_eq!(answer, (200, String::new()));
        }
        let names = |names: [&str; 2]| names.map(str::to_owned);
        let last = endpoint.last_arrival(&names(["1", "2"]), &names(["/a", "/b"])).unwrap();
        assert!(last > before);
    }
}
