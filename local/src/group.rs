//! A command with all its descendants, in a process group of its own.
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::clock::wait_until;
use crate::process::command;

/// How long a group may take to end in order; the leash kills what is left a little earlier.
const GRACE: Duration = Duration::from_secs(6);
/// Between two looks at whether a group has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Linux counts processor time for others in hundredths of a second (`USER_HZ`).
const MILLISECONDS_PER_TICK: u64 = 10;

/// A command on the leash of `local/leash.mjs`: its group ends when [`Group::end`] says so or this process dies.
#[must_use]
pub fn leashed(program: impl AsRef<OsStr>) -> Command {
    let mut node = command("node");
    node.arg("local/leash.mjs").arg(program).stdin(Stdio::piped());
    node
}

/// A running group. Dropping it ends it.
#[derive(Debug)]
pub struct Group {
    /// The process that was started. Its standard input is the leash, where there is one.
    pub leader: Child,
}

impl Group {
    /// Starts a command as the leader of a group; fails where the command cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { leader: command.process_group(0).spawn()? })
    }

    /// Whether the command itself still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.leader.try_wait(), Ok(None))
    }

    /// Asks a group on the leash to end in order; dropping the group waits for that.
    pub fn end(&mut self) {
        self.leader.stdin = None;
    }

    /// Kills the whole group at once, without a chance to tidy up.
    pub fn kill(self) {
        signal(&self.leader, Signal::SIGKILL);
    }

    /// Gives the command this input and waits until it ends. Returns what it printed, or `None` where it took longer
    /// than `limit` and was killed. What the command leaves running is killed as well.
    pub fn run(command: &mut Command, input: &str, limit: Duration) -> io::Result<Option<Output>> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut leader = piped.process_group(0).spawn()?;
        let [stdout, stderr] = [
            leader.stdout.take().map(|pipe| thread::spawn(|| read(pipe))),
            leader.stderr.take().map(|pipe| thread::spawn(|| read(pipe))),
        ];
        if let Some(mut stdin) = leader.stdin.take() {
            // Where the command ends without reading, what it printed says why.
            let _ = stdin.write_all(input.as_bytes());
        }
        let ended = wait_until(limit, PAUSE, || leader.try_wait().transpose()).transpose()?;
        signal(&leader, Signal::SIGKILL);
        leader.wait()?;
        let [stdout, stderr] =
            [stdout, stderr].map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
        Ok(ended.map(|status| Output { status, stdout, stderr }))
    }

    /// How long the group's processes, or those of this name, have used the processors so far, to a hundredth of a second;
    /// `None` where the system does not tell, as Linux does.
    #[must_use]
    pub fn processor_time(&self, program: Option<&str>) -> Option<Duration> {
        let group = id(&self.leader)?.to_string();
        let mut ticks = None;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if let Some(used) = ticks_of(&stat, program, &group) {
                ticks = Some(ticks.unwrap_or(0) + used);
            }
        }
        ticks.map(|ticks| Duration::from_millis(ticks * MILLISECONDS_PER_TICK))
    }

    fn is_gone(&mut self) -> bool {
        !self.is_alive() && id(&self.leader).is_none_or(|group| killpg(group, None).is_err())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        if wait_until(GRACE, PAUSE, || self.is_gone().then_some(())).is_none() {
            signal(&self.leader, Signal::SIGKILL);
            wait_until(Duration::from_secs(2), PAUSE, || self.is_gone().then_some(()));
        }
    }
}

/// The id of the group that this process leads.
fn id(leader: &Child) -> Option<Pid> {
    i32::try_from(leader.id()).ok().map(Pid::from_raw)
}

/// Sends a signal to the whole group of this leader.
fn signal(leader: &Child, signal: Signal) {
    if let Some(group) = id(leader) {
        // A group that has ended already is what we want.
        let _ = killpg(group, signal);
    }
}

fn read(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before the pipe broke is all there is to show.
    let _ = pipe.read_to_end(&mut bytes);
    bytes
}

/// The processor time in a line of `/proc/<pid>/stat` (proc_pid_stat(5)), if it is of this process group, and of this program.
fn ticks_of(stat: &str, program: Option<&str>, group: &str) -> Option<u64> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    // From the third field on: state, parent, process group; user and system time are the 14th and 15th.
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let time = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let is_meant = program.is_none_or(|program| name == program) && fields.get(2) == Some(&group);
    time(11).zip(time(12)).filter(|_| is_meant).map(|(user, system)| user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_one_program_in_one_group() {
        let stat = "812 (a (b) c) S 800 799 799 0 -1 4194560 1 2 3 4 120 30 0 0 20 0 1 0 1 1";
        assert_eq!(ticks_of(stat, Some("a (b) c"), "799"), Some(150));
        assert_eq!(ticks_of(stat, None, "799"), Some(150));
        assert_eq!(ticks_of(stat, Some("a (b) c"), "800"), None);
        assert_eq!(ticks_of(stat, Some("other"), "799"), None);
    }

    #[test]
    fn a_command_is_given_its_input_and_a_limit() {
        let run = |script: &str, limit| {
            Group::run(Command::new("sh").args(["-c", script]), "told", Duration::from_millis(limit)).unwrap()
        };
        let output = run("cat; echo failed >&2; sleep 60 & exit 3", 10_000).unwrap();
        assert_eq!((output.stdout, output.stderr), (b"told".to_vec(), b"failed\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
        assert!(run("sleep 60 & wait", 100).is_none());
    }
}
