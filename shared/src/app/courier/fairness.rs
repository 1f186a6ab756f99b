//! Six requests at a time, and no webhook takes them all.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::ports::Clock;
use crate::time::Timestamp;

/// Requests in flight per invocation: the platform lets six wait for headers (limits of Workers).
pub(super) const MOST_IN_FLIGHT: usize = 6;
/// Requests in flight to one webhook that has answered well in this batch. One that has not yet gets one: it may hang.
const MOST_PER_PROVEN_WEBHOOK: usize = 4;

/// How a job went, as far as its webhook's next jobs are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Quickly and well.
    Well,
    /// Somehow.
    Somehow,
    /// Not in time.
    TimedOut,
}

/// What became of a job.
#[derive(Clone, Debug)]
pub(super) enum Ran<T> {
    /// It ran.
    Done(T),
    /// It did not begin: its webhook hung, or had its share of the batch's time.
    Deferred,
}

struct Lane<J> {
    jobs: VecDeque<(usize, J)>,
    in_flight: usize,
    proven: bool,
    hung: bool,
    began: Option<Timestamp>,
}

impl<J> Lane<J> {
    fn room(&self) -> bool {
        self.in_flight < if self.proven { MOST_PER_PROVEN_WEBHOOK } else { 1 }
    }
}

/// Runs the jobs of each lane (a webhook), none of which begins `time_per_lane` after its lane's first, with [`MOST_IN_FLIGHT`] of all in flight, taking the lanes in turn. Gives
/// back what became of each job, in the order in which they ended, with its lane and its place there.
pub(super) async fn run<J, T, F>(
    clock: &dyn Clock,
    time_per_lane: Duration,
    lanes: Vec<Vec<J>>,
    begin: impl Fn(usize, J) -> F,
    answered: impl Fn(&T) -> Answered,
) -> Vec<(usize, usize, Ran<T>)>
where
    F: Future<Output = T>,
{
    let mut lanes: Vec<Lane<J>> = lanes
        .into_iter()
        .map(|jobs| Lane {
            jobs: jobs.into_iter().enumerate().collect(),
            in_flight: 0,
            proven: false,
            hung: false,
            began: None,
        })
        .collect();
    let mut turns: VecDeque<usize> = (0..lanes.len()).collect();
    let mut in_flight = FuturesUnordered::new();
    let mut ended = Vec::new();
    loop {
        let mut waiting = turns.len();
        while in_flight.len() < MOST_IN_FLIGHT && waiting > 0 {
            let Some(index) = turns.pop_front() else { break };
            let lane = &mut lanes[index];
            let now = clock.now();
            let spent = lane.began.is_some_and(|began| now.since(began) >= time_per_lane);
            if lane.hung || spent {
                ended.extend(lane.jobs.drain(..).map(|(place, _)| (index, place, Ran::Deferred)));
            }
            if lane.jobs.is_empty() {
                waiting -= 1;
                continue;
            }
            turns.push_back(index);
            if !lane.room() {
                waiting -= 1;
                continue;
            }
            if let Some((place, job)) = lane.jobs.pop_front() {
                lane.in_flight += 1;
                lane.began.get_or_insert(now);
                // The clock of an attempt starts here, when it is dispatched, not when the batch did.
                let attempt = begin(index, job);
                in_flight.push(async move { (index, place, attempt.await) });
                waiting = turns.len();
            }
        }
        let Some((index, place, result)) = in_flight.next().await else { break };
        let lane = &mut lanes[index];
        lane.in_flight -= 1;
        match answered(&result) {
            Answered::Well => lane.proven = true,
            Answered::Somehow => {}
            Answered::TimedOut => lane.hung = true,
        }
        ended.push((index, place, Ran::Done(result)));
    }
    ended
}
