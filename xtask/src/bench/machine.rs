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

/// The processor time of all processes but this one, the stack's and the kernel's, since the machine started. Most of what the
/// kernel's own threads do meanwhile is to write the bench's databases to the disk.
fn others(stack: &Stack) -> Option<Duration> {
    let all = busy(&fs::read_to_string("/proc/stat").ok()?)?;
    let known = stack.processor_time()? + own_processor_time().ok()? + kernel_threads()?;
    Some(all.saturating_sub(known))
}

fn kernel_threads() -> Option<Duration> {
    let stats = fs::read_dir("/proc").ok()?.flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    Some(stats.filter_map(|stat| of_kernel_thread(&stat)).sum())
}

/// The processor time in a line of `/proc/<pid>/stat` (proc_pid_stat(5)), if that is of a thread of the kernel: a child of
/// process 2.
fn of_kernel_thread(stat: &str) -> Option<Duration> {
    // From the third field on: state, parent; user and system time are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let time = |place: usize| fields.get(place)?.parse::<u32>().ok();
    time(11)
        .zip(time(12))
        .filter(|_| fields.get(1) == Some(&"2"))
        .map(|(user, system)| TICK * (user + system))
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

    #[test]
    fn threads_of_the_kernel_are_told_by_their_parent() {
        let stat = |parent: u32| {
            format!("81 (kworker/0:1) I {parent} 0 0 0 -1 69238880 0 0 0 0 3 30 0 0 20 0 1 0 1 0")
        };
        assert_eq!(of_kernel_thread(&stat(2)), Some(Duration::from_millis(330)));
        assert_eq!(of_kernel_thread(&stat(1)), None);
        assert_eq!(of_kernel_thread("no line"), None);
    }
}
