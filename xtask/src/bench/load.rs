//! The load: each connection sends the next request as soon as the one before is answered.
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local::clock;

use super::connection::{Caller, Connection};

/// A request, and the status that its answer must have.
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) path: Cow<'a, str>,
    /// JSON, where the request has a body.
    pub(super) body: Option<String>,
    pub(super) expected: u16,
}

impl<'a> Call<'a> {
    /// A `GET` that must be answered with this status.
    pub(super) fn get(path: impl Into<Cow<'a, str>>, expected: u16) -> Self {
        Self { method: "GET", path: path.into(), body: None, expected }
    }

    /// A `POST` of JSON that must be answered with this status.
    pub(super) fn post(path: impl Into<Cow<'a, str>>, body: String, expected: u16) -> Self {
        Self { method: "POST", path: path.into(), body: Some(body), expected }
    }

    /// Sends the request, and requires the expected status.
    pub(super) fn send(&self, connection: &mut Connection) -> Result<()> {
        let (status, body) = connection.exchange(self.method, &self.path, self.body.as_deref())?;
        if status != self.expected {
            bail!("{} {} answered {status} instead of {}: {body}", self.method, self.path, self.expected);
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
    let requests = at_once(connections, |_| one())?.into_iter().sum();
    Ok(Answered { requests, time: started.elapsed() })
}

/// Sends all these requests on so many connections, each as soon as the one before is answered.
pub(super) fn put_all(caller: &Caller, connections: usize, calls: &[Call<'_>]) -> Result<()> {
    let next = AtomicUsize::new(0);
    at_once(connections, |_| {
        let mut connection = Connection::open(caller)?;
        while let Some(call) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            call.send(&mut connection)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Sends these requests at their times on so many connections, the first connection the first, and so on. A connection that is
/// late sends at once.
pub(super) fn put_at(caller: &Caller, connections: usize, calls: &[(Instant, Call<'_>)]) -> Result<()> {
    at_once(connections, |place| {
        let mut connection = Connection::open(caller)?;
        for (time, call) in calls.iter().skip(place).step_by(connections) {
            thread::sleep(time.saturating_duration_since(clock::now()));
            call.send(&mut connection)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Does the work on so many threads, given the place of each. Returns what they return.
fn at_once<T: Send>(threads: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads).map(|place| scope.spawn(move || work(place))).collect();
        let ended =
            threads.into_iter().map(|thread| thread.join().ok().context("a connection's thread ended")?);
        ended.collect()
    })
}

#[cfg(test)]
mod tests {
    use local::endpoint::Endpoint;

    use super::*;

    const BOUNDS: Bounds = Bounds { requests: 20, time: Duration::from_secs(10) };

    fn load(expected: u16) -> Result<Answered> {
        let caller = Caller::new(Endpoint::start()?.port(), &[]);
        put(&caller, 3, BOUNDS, || Call::post("/", "{}".to_owned(), expected))
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

    #[test]
    fn each_request_of_a_list_is_sent_once_and_not_before_its_time() {
        let endpoint = Endpoint::start().unwrap();
        let caller = Caller::new(endpoint.port(), &[]);
        let calls: Vec<_> =
            (0..20).map(|number| Call::post(format!("/{number}"), "{}".to_owned(), 200)).collect();
        put_all(&caller, 3, &calls).unwrap();
        let start = clock::now();
        let time = |number: u32| start + Duration::from_millis(2) * number;
        let timed: Vec<_> = (0..20_u32).zip(calls).map(|(number, call)| (time(number), call)).collect();
        put_at(&caller, 3, &timed).unwrap();
        for number in 0..20 {
            let received = endpoint.take(&format!("/{number}"));
            assert!(received.len() == 2 && received[1].at >= time(number), "{number}");
        }
    }
}
