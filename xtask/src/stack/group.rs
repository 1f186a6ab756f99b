//! A command in a process group of its own, on the leash of `local/leash.mjs`.
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::log::{readable, uncoloured};
use crate::clock::wait_until;
use crate::progress::line;

/// How long the group may take to end in order; the leash kills what is left a little earlier.
const GRACE: Duration = Duration::from_secs(6);

/// Linux counts processor time for others in hundredths of a second (`USER_HZ`).
const MILLISECONDS_PER_TICK: u64 = 10;

/// A running command with all its descendants.
pub(super) struct Group {
    leader: Child,
    /// The leash: when it closes, the group ends.
    leash: Option<ChildStdin>,
}

impl Group {
    /// Starts a command that runs `local/leash.mjs`; what it prints goes to the log, and to the terminal while `echo` is set.
    pub(super) fn start(command: &mut Command, log: &Path, echo: &Arc<AtomicBool>) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file =
            Arc::new(Mutex::new(file.with_context(|| format!("{} cannot be written", log.display()))?));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut leader = command.spawn().context("Node cannot be started: run `cargo xtask setup`")?;
        let leash = leader.stdin.take();
        if let Some(stdout) = leader.stdout.take() {
            copy(stdout, Arc::clone(&file), Arc::clone(echo));
        }
        if let Some(stderr) = leader.stderr.take() {
            copy(stderr, file, Arc::clone(echo));
        }
        Ok(Self { leader, leash })
    }

    /// Whether the command still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.leader.try_wait(), Ok(None))
    }

    /// Asks the group to end in order; dropping waits for it.
    pub(super) fn end(&mut self) {
        self.leash = None;
    }

    /// Kills the whole group at once, without a chance to tidy up.
    pub(super) fn kill(self) {
        self.signal(Signal::SIGKILL);
    }

    /// What the group's processes of this name have used of the processors so far, to a hundredth of a second; nothing
    /// where the system does not tell, as Linux does.
    pub(super) fn processor_time(&self, program: &str) -> Option<Duration> {
        let group = self.pid()?.to_string();
        let mut ticks = None;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if let Some(used) = ticks_of(&stat, program, &group) {
                ticks = Some(ticks.unwrap_or(0) + used);
            }
        }
        ticks.map(|ticks| Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.leader.id()).ok().map(Pid::from_raw)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // A group that has ended already is what we want.
            let _ = killpg(pid, signal);
        }
    }

    fn is_gone(&mut self) -> bool {
        let reaped = !self.is_alive();
        reaped && self.pid().is_none_or(|pid| killpg(pid, None).is_err())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        let pause = Duration::from_millis(20);
        if wait_until(GRACE, pause, || self.is_gone().then_some(())).is_none() {
            self.signal(Signal::SIGKILL);
            wait_until(Duration::from_secs(2), pause, || self.is_gone().then_some(()));
        }
    }
}

/// The processor time in a line of `/proc/<pid>/stat` (proc_pid_stat(5)), if it is of this program and process group.
fn ticks_of(stat: &str, program: &str, group: &str) -> Option<u64> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    // From the third field on: state, parent, process group; user and system time are the 14th and 15th.
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let time = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let is_meant = name == program && fields.get(2) == Some(&group);
    time(11).zip(time(12)).filter(|_| is_meant).map(|(user, system)| user + system)
}

/// Copies what a process prints, line by line, until it ends.
fn copy(from: impl Read + Send + 'static, log: Arc<Mutex<File>>, echo: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut raw = Vec::new();
        while lines.read_until(b'\n', &mut raw).is_ok_and(|length| length > 0) {
            let text = uncoloured(String::from_utf8_lossy(&raw).trim_end());
            if let Ok(mut log) = log.lock() {
                // Losing a line of the log is no reason to stop the stack.
                let _ = writeln!(log, "{text}");
            }
            if let Some(shown) = echo.load(Ordering::Relaxed).then(|| readable(&text)).flatten() {
                line(shown);
            }
            raw.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_one_program_in_one_group() {
        let stat = "812 (a (b) c) S 800 799 799 0 -1 4194560 1 2 3 4 120 30 0 0 20 0 1 0 1 1";
        assert_eq!(ticks_of(stat, "a (b) c", "799"), Some(150));
        assert_eq!(ticks_of(stat, "a (b) c", "800"), None);
        assert_eq!(ticks_of(stat, "other", "799"), None);
    }
}
