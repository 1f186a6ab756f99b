//! Six requests at a time, and no webhook takes them all.

use std::collections::VecDeque;
use std::future::Future;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::delivery::policy::DeliveryPolicy;
use crate::ports::Clock;
use crate::time::Timestamp;

/// Requests in flight per invocation: the platform lets six wait for headers (limits of Workers).
pub(super) const MOST_IN_FLIGHT: usize = 6;
/// Requests in flight to one webhook that has answered well in this batch. One that has not yet gets one: it may hang.
const MOST_PER_PROVEN_WEBHOOK: usize = 4;

/// How a job went, as far as its webhook's next jobs are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// Well.
    Well,
    /// Not well, but definitely.
    Somehow,
    /// Without a definite answer, as an endpoint in trouble does.
    Missed,
    /// Not in time.
    TimedOut,
}

/// What became of a job.
#[derive(Clone, Debug)]
pub(super) enum Ran<T> {
    /// It ran.
    Done(T),
    /// It did not begin: its webhook hung, failed too often, or had its share of the batch's time.
    Deferred,
}

struct Lane<J> {
    jobs: VecDeque<(usize, J)>,
    in_flight: usize,
    proven: bool,
    hung: bool,
    /// In a row.
    missed: u32,
    began: Option<Timestamp>,
}

impl<J> Lane<J> {
    fn room(&self) -> bool {
        self.in_flight < if self.proven { MOST_PER_PROVEN_WEBHOOK } else { 1 }
    }
}

/// Runs the jobs of each lane (a webhook) with [`MOST_IN_FLIGHT`] of all in flight, taking the lanes in turn. None
/// begins after its lane's share of the time, or the batch's, has passed, nor after as many misses in a row as open a
/// circuit. Gives back what became of each job, in the order in which they ended, with its lane and its place there.
pub(super) async fn run<J, T, F>(
    clock: &dyn Clock,
    policy: &DeliveryPolicy,
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
            missed: 0,
            began: None,
        })
        .collect();
    let mut turns: VecDeque<usize> = (0..lanes.len()).collect();
    let mut in_flight = FuturesUnordered::new();
    let mut ended = Vec::new();
    let batch_began = clock.now();
    loop {
        let mut waiting = turns.len();
        while in_flight.len() < MOST_IN_FLIGHT && waiting > 0 {
            let Some(index) = turns.pop_front() else { break };
            let lane = &mut lanes[index];
            let now = clock.now();
            let spent = lane.began.is_some_and(|began| now.since(began) >= policy.time_per_webhook())
                || now.since(batch_began) >= policy.time_per_batch();
            if lane.hung || spent || lane.missed >= policy.circuit_threshold {
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
            Answered::Well => (lane.proven, lane.missed) = (true, 0),
            Answered::Somehow => lane.missed = 0,
            Answered::Missed => lane.missed += 1,
            Answered::TimedOut => lane.hung = true,
        }
        ended.push((index, place, Ran::Done(result)));
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use super::*;
    use crate::testing::FakeClock;

    /// What a job saw when it began.
    #[derive(Default)]
    struct Seen {
        in_flight: Cell<usize>,
        most: Cell<usize>,
        per_lane: RefCell<Vec<usize>>,
        most_per_lane: Cell<usize>,
        order: RefCell<Vec<(usize, usize)>>,
    }

    /// Runs lanes of so many jobs; each takes `turns` of the executor.
    async fn run_lanes(lanes: &[usize], answer: Answered, turns: usize) -> (Rc<Seen>, usize) {
        let seen = Rc::new(Seen { per_lane: RefCell::new(vec![0; lanes.len()]), ..Seen::default() });
        let clock = FakeClock::default();
        let jobs = lanes.iter().map(|count| (0..*count).collect()).collect();
        let begin = |lane: usize, job: usize| {
            let seen = seen.clone();
            async move {
                seen.order.borrow_mut().push((lane, job));
                seen.in_flight.set(seen.in_flight.get() + 1);
                seen.most.set(seen.most.get().max(seen.in_flight.get()));
                seen.per_lane.borrow_mut()[lane] += 1;
                seen.most_per_lane.set(seen.most_per_lane.get().max(seen.per_lane.borrow()[lane]));
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                seen.per_lane.borrow_mut()[lane] -= 1;
                seen.in_flight.set(seen.in_flight.get() - 1);
            }
        };
        let ended = run(&clock, &DeliveryPolicy::default(), jobs, begin, |()| answer).await;
        let deferred = ended.iter().filter(|(_, _, ran)| matches!(ran, Ran::Deferred)).count();
        assert_eq!(ended.len(), lanes.iter().sum::<usize>(), "every job is accounted for");
        (seen, deferred)
    }

    #[tokio::test]
    async fn six_are_in_flight_and_never_more() {
        let (seen, deferred) = run_lanes(&[10; 20], Answered::Well, 5).await;
        assert_eq!((seen.most.get(), deferred), (MOST_IN_FLIGHT, 0));
        assert!(seen.most_per_lane.get() <= MOST_PER_PROVEN_WEBHOOK);
    }

    #[tokio::test]
    async fn a_webhook_has_one_request_in_flight_until_it_has_answered_well() {
        let (seen, _) = run_lanes(&[10, 10], Answered::Somehow, 3).await;
        assert_eq!(seen.most_per_lane.get(), 1);
        let (seen, _) = run_lanes(&[20], Answered::Well, 3).await;
        assert_eq!(seen.most_per_lane.get(), MOST_PER_PROVEN_WEBHOOK);
    }

    #[tokio::test]
    async fn webhooks_take_turns() {
        let (seen, _) = run_lanes(&[3, 3, 3], Answered::Somehow, 1).await;
        let first: Vec<usize> = seen.order.borrow().iter().take(3).map(|(lane, _)| *lane).collect();
        assert_eq!(first, [0, 1, 2]);
    }

    #[tokio::test]
    async fn after_a_time_out_the_rest_of_that_webhooks_batch_waits() {
        let (seen, deferred) = run_lanes(&[5, 5], Answered::TimedOut, 1).await;
        assert_eq!((seen.order.borrow().len(), deferred), (2, 8));
    }
}
