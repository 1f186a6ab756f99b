//! What else the machine does while the bench measures.
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use local::clock;
use local::stack::Stack;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// The part of one core that other processes may use: beyond it, nothing is concluded.
pub(super) const MOST_OF_OTHERS: f64 = 0.2;

/// A tick of Linux' count of processor time.
const TICK: Duration = Duration::from_millis(10);

/// Processor time used during measurements: by this process, which makes the load and has the endpoints, and by processes that
/// are no part of the bench.
#[derive(Default)]
pub(super) struct Shares {
    own: Duration,
    others: Option<Duration>,
    passed: Duration,
}

impl Shares {
    /// Runs `work`, and adds what was used meanwhile.
    pub(super) fn during<T>(&mut self, stack: &Stack, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (started, own, others) = (clock::now(), own_processor_time()?, others(stack));
        let done = work()?;
        self.passed += started.elapsed();
        self.own += own_processor_time()?.saturating_sub(own);
        if let Some((before, after)) = others.zip(self::others(stack)) {
            *self.others.get_or_insert_default() += after.saturating_sub(before);
        }
        Ok(done)
    }

    /// The part of one core that the load and the endpoints took: 0.1 is a tenth.
    pub(super) fn own(&self) -> f64 {
        self.of_one_core(self.own)
    }

    /// The part of one core that other processes took; `None` where the system does not tell.
    pub(super) fn others(&self) -> Option<f64> {
        self.others.map(|used| self.of_one_core(used))
    }

    fn of_one_core(&self, used: Duration) -> f64 {
        used.as_secs_f64() / self.passed.as_secs_f64()
    }
}

fn own_processor_time() -> Result<Duration> {
    let used = getrusage(UsageWho::RUSAGE_SELF).context("the system does not tell what this process uses")?;
    let microseconds = (used.user_time() + used.system_time()).num_microseconds();
    Ok(Duration::from_micros(microseconds.unsigned_abs()))
}

/// The processor time of all processes but this one and the stack's, since the machine started.
fn others(stack: &Stack) -> Option<Duration> {
    let all = busy(&fs::read_to_string("/proc/stat").ok()?)?;
    Some(all.saturating_sub(stack.processor_time()?).saturating_sub(own_processor_time().ok()?))
}

/// The processor time of all processes, and what a virtual machine's host took away (proc(5), `/proc/stat`). The handling of
/// interrupts is left out: most of it is the bench's own traffic.
fn busy(stat: &str) -> Option<Duration> {
    let ticks: Vec<u32> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|count| count.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, _interrupts, _soft_interrupts, stolen, ..] = ticks[..] else {
        return None;
    };
    Some(TICK * (user + nice + system + stolen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_busy_with_its_processes_and_not_with_interrupts_and_waiting() {
        let stat = "cpu  100 20 30 5000 700 9 8 4 0 0\ncpu0 50 10 15 2500 350 4 4 2 0 0\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(1_540)));
        assert_eq!(busy("cpu 1 2 3"), None);
        assert_eq!(busy(""), None);
    }
}
