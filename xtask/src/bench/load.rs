//! The load: each connection sends the next request as soon as the one before is answered.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::clock;

use super::connection::{Caller, Connection};

/// A request, and the status that its answer must have.
pub(super) struct Call<'a> {
    pub(super) path: &'a str,
    /// JSON to POST; a GET where there is none.
    pub(super) body: Option<String>,
    pub(super) expected: u16,
}

impl Call<'_> {
    /// Sends the request, and requires the expected status.
    pub(super) fn send(&self, connection: &mut Connection) -> Result<()> {
        let (status, body) = connection.exchange(self.path, self.body.as_deref())?;
        if status != self.expected {
            bail!("{} answered {status} instead of {}: {body}", self.path, self.expected);
        }
        Ok(())
    }
}

/// When a load ends: after so many requests or so much time.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

/// How many requests of a load were answered, in which time.
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

/// Sends a request on each connection as soon as the one before is answered. One wrong answer ends the load, as an error.
pub(super) fn put<'a>(
    caller: &Caller,
    connections: usize,
    bounds: Bounds,
    call: impl Fn() -> Call<'a> + Sync,
) -> Result<Answered> {
    let begun = AtomicU64::new(0);
    let started = clock::now();
    let one = || -> Result<u64> {
        let mut connection = Connection::open(caller)?;
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
    use local::endpoint::Endpoint;

    use super::*;

    const BOUNDS: Bounds = Bounds { requests: 20, time: Duration::from_secs(10) };

    fn load(expected: u16) -> Result<Answered> {
        let caller = Caller::new(Endpoint::start()?.port(), &[]);
        put(&caller, 3, BOUNDS, || Call { path: "/", body: Some("{}".to_owned()), expected })
    }

    #[test]
    fn a_load_ends_with_its_last_request() {
        assert_eq!(load(200).unwrap().requests, 20);
    }

    #[test]
    fn a_wrong_answer_is_no_measurement() {
        let error = load(202).err().unwrap();
        assert!(error.to_string().contains("answered 200 instead of 202"), "{error}");
    }
}
