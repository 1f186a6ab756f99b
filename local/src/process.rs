//! Runs other programs.
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock::wait_until;
use crate::workspace::root;

/// A command in the repository's root that finds the npm packages' programs (and their Node) first.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", search_path());
    command
}

/// The path of a program that an npm package brings.
#[must_use]
pub fn npm_bin(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// The value of `PATH` under which the npm packages' programs are found first, their Node among them.
#[must_use]
pub fn search_path() -> OsString {
    let own = root().join("node_modules/.bin");
    let inherited = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(env::split_paths(&inherited));
    env::join_paths(all).unwrap_or(inherited)
}

/// Runs a command to its end, its output on the terminal; fails where the command does.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(&shown))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command, its output on the terminal, and gives up after `limit`. Returns whether it succeeded in time.
///
/// The command stays in the process group of this process, so that Ctrl-C reaches both.
pub fn run_within(limit: Duration, command: &mut Command) -> bool {
    let Ok(mut child) = command.stdin(Stdio::null()).spawn() else { return false };
    let ended = wait_until(limit, Duration::from_millis(100), || child.try_wait().ok().flatten());
    if ended.is_none() {
        // It may end at this very moment, which is as good.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended.is_some_and(|status| status.success())
}

/// Runs a command to its end and returns what it printed. A failure shows everything that was printed.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| cannot_start(&shown))?;
    if !status.success() {
        bail!(
            "`{shown}` failed ({status}):\n{}{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// What a command prints, or `None` where there is no such program or the command fails: to find out what is installed.
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cannot_start(shown: &str) -> String {
    format!("`{shown}` cannot be started")
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().replace(&format!("{}/", root().display()), ""))
        .collect::<Vec<_>>()
        .join(" ")
}
