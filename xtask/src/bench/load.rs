//! The load: connections that each send the next request as soon as the last one is answered.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::wire::Connection;
use crate::clock;

/// How long one answer may take; far longer than any does.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A request, and the only status that is no failure.
pub(super) struct Call<'a> {
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, String)],
    /// JSON to POST; a GET where there is none.
    pub(super) body: Option<String>,
    pub(super) expected: u16,
}

impl Call<'_> {
    /// Sends it, and makes sure of its status.
    pub(super) fn send(&self, connection: &mut Connection) -> Result<()> {
        let (method, json) = self.body.as_deref().map_or(("GET", ""), |body| ("POST", body));
        let (status, body) = connection.exchange(method, self.path, self.headers, json)?;
        if status != self.expected {
            bail!("{} answered {status} instead of {}: {body}", self.path, self.expected);
        }
        Ok(())
    }
}

/// When a load ends: whichever comes first.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

/// What came of a load.
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

/// Puts a load on a port of this machine. One wrong answer ends it, as an error.
pub(super) fn put<'a>(
    port: u16,
    connections: usize,
    bounds: Bounds,
    call: impl Fn() -> Call<'a> + Sync,
) -> Result<Answered> {
    let begun = AtomicU64::new(0);
    let started = clock::now();
    let one = || -> Result<u64> {
        let mut connection = Connection::open(port, ANSWER_LIMIT)?;
        let mut answered = 0;
        while started.elapsed() < bounds.time && begun.fetch_add(1, Ordering::Relaxed) < bounds.requests {
            if let Err(error) = call().send(&mut connection) {
                begun.store(bounds.requests, Ordering::Relaxed);
                return Err(error);
            }
            answered += 1;
        }
        Ok(answered)
    };
    let requests: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let counts =
            threads.into_iter().map(|thread| thread.join().ok().context("a connection's thread ended")?);
        counts.sum::<Result<u64>>()
    })?;
    Ok(Answered { requests, time: started.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::*;

    const BOUNDS: Bounds = Bounds { requests: 20, time: Duration::from_secs(10) };

    fn call(expected: u16) -> Call<'static> {
        Call { path: "/", headers: &[], body: Some(r#"{"id": "1"}"#.to_owned()), expected }
    }

    #[test]
    fn a_load_ends_with_its_last_request() {
        let endpoint = Endpoint::start().unwrap();
        assert_eq!(put(endpoint.port, 3, BOUNDS, || call(200)).unwrap().requests, 20);
    }

    #[test]
    fn a_wrong_answer_is_no_measurement() {
        let endpoint = Endpoint::start().unwrap();
        let error = put(endpoint.port, 3, BOUNDS, || call(202)).err().unwrap();
        assert!(error.to_string().contains("answered 200 instead of 202"), "{error}");
    }
}
