//! Runs wrangler against Cloudflare.
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Deployment;
use crate::process::{command, npm_bin};
use crate::stack::uncoloured;
use crate::workspace::root;

/// What wrangler says when nobody answered.
const UNREACHABLE: [&str; 6] =
    ["fetch failed", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "Unable to connect"];
/// What wrangler says when the token does not open the account.
const REFUSED: [&str; 4] = ["Authentication error", "code: 10000]", "code: 9109]", "Invalid access token"];

/// What wrangler says when a Worker's newest version is not the one that is deployed, and secrets would make one upon it.
const NOT_DEPLOYED: [&str; 3] = ["isn't currently deployed", "code: 10214]", "code: 10215]"];

/// How long wrangler may take for one thing.
const LIMIT: Duration = Duration::from_secs(180);

/// Ends a process that takes too long.
struct Watch {
    over: mpsc::Sender<()>,
    watcher: JoinHandle<bool>,
}

impl Watch {
    fn over(process: u32) -> Self {
        let (over, ended) = mpsc::channel();
        let watcher = thread::spawn(move || {
            let late = ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if let (true, Ok(process)) = (late, i32::try_from(process)) {
                // The group: wrangler starts a Node of its own.
                let _ = killpg(Pid::from_raw(process), Signal::SIGKILL);
            }
            late
        });
        Self { over, watcher }
    }

    /// Whether it had to.
    fn ended_it(self) -> bool {
        drop(self.over);
        self.watcher.join().unwrap_or_default()
    }
}

impl Deployment {
    /// wrangler with these words, for this environment, by this configuration file; gives what it printed.
    pub(super) fn wrangler(&self, config: &Path, words: &[&str]) -> Result<String> {
        self.wrangler_with_input(config, words, "")
    }

    /// wrangler with these words, for the account alone: told an environment, it would put that into the names.
    pub(super) fn wrangler_in_account(&self, config: &Path, account: &str, words: &[&str]) -> Result<String> {
        let mut wrangler = self.wrangler_command(config, words, "");
        wrangler.env("CLOUDFLARE_ACCOUNT_ID", account);
        self.finish(wrangler, words, "")
    }

    /// The same as [`Self::wrangler`], with a text on its standard input, which appears nowhere.
    pub(super) fn wrangler_with_input(&self, config: &Path, words: &[&str], input: &str) -> Result<String> {
        self.finish(self.wrangler_command(config, words, self.environment), words, input)
    }

    fn wrangler_command(&self, config: &Path, words: &[&str], environment: &str) -> Command {
        let mut wrangler = command(npm_bin("wrangler"));
        wrangler.envs(&self.variables).env("PATH", crate::process::search_path());
        wrangler.args(words).arg(format!("--env={environment}")).arg("--config").arg(config);
        quieten(&mut wrangler);
        wrangler
    }

    fn finish(&self, mut wrangler: Command, words: &[&str], input: &str) -> Result<String> {
        let mut child = wrangler
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("wrangler cannot be started: run `cargo xtask setup`")?;
        if let Some(mut stdin) = child.stdin.take() {
            // Where it ends without reading, what it printed says why.
            let _ = stdin.write_all(input.as_bytes());
        }
        let watch = Watch::over(child.id());
        let output = child.wait_with_output().context("wrangler broke off")?;
        if watch.ended_it() {
            bail!("`wrangler {}` did not end within {} minutes", words.join(" "), LIMIT.as_secs() / 60);
        }
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let all = format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
        bail!("{}", explained(&all, words, &self.own("deploy")))
    }
}

/// Settings that keep wrangler from asking, colouring and telling.
pub(super) fn quieten(wrangler: &mut Command) {
    wrangler
        // No terminal to ask on: it goes ahead.
        .env("CI", "true")
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "0")
        .env("WRANGLER_LOG_PATH", root().join(".local/wrangler"))
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_NO_SKILLS_UPDATE_PROMPTS", "true")
        .env_remove("CLOUDFLARE_ENV");
}

/// Whether a failure is only that a Worker has never been deployed.
pub(super) fn is_unknown_worker(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    text.contains("code: 10007]")
        || text.contains("code: 10090]")
        || text.contains("does not exist on your account")
}

/// A failure of wrangler's in one sentence; `deploy` is the command that deploys.
fn explained(printed: &str, words: &[&str], deploy: &str) -> String {
    let has = |signs: &[&str]| signs.iter().any(|sign| printed.contains(sign));
    if has(&UNREACHABLE) {
        return "Cloudflare's API cannot be reached: check the network".to_owned();
    }
    if has(&REFUSED) {
        return "Cloudflare does not accept CLOUDFLARE_API_TOKEN for this account: create one with the permissions to edit Workers, D1, KV and Queues".to_owned();
    }
    if has(&NOT_DEPLOYED) {
        return format!(
            "its newest version is not the one that is deployed, as after going back or a deployment that stopped half way, and Cloudflare puts secrets on no other: deploy the commit that is to run with {deploy}"
        );
    }
    let printed = uncoloured(printed);
    let sentence: Vec<&str> = printed
        .lines()
        .map(|line| line.trim().trim_start_matches('✘').trim_start())
        .filter(|line| !line.is_empty() && !line.starts_with("🪵") && !line.starts_with("If you think"))
        .skip_while(|line| !line.starts_with("[ERROR]"))
        .map(|line| line.trim_start_matches("[ERROR]").trim())
        .take(4)
        .collect();
    let why = if sentence.is_empty() { printed.trim().to_owned() } else { sentence.join(" ") };
    format!("`wrangler {}` failed: {why}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_one_sentence() {
        let said = |printed| explained(printed, &["d1", "list"], "`cargo xtask deploy --env stage`");
        assert!(said("✘ [ERROR] fetch failed\n").contains("cannot be reached"));
        assert!(
            said("✘ [ERROR] A request failed.\n  Authentication error [code: 10000]")
                .contains("CLOUDFLARE_API_TOKEN")
        );
        assert!(
            said("✘ [ERROR] Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently deployed.")
                .ends_with("deploy the commit that is to run with `cargo xtask deploy --env stage`")
        );
        assert_eq!(
            said("\n⛅️ wrangler\n\n✘ [ERROR] A request to the API failed.\n\n  too many [code: 1]\n"),
            "`wrangler d1 list` failed: A request to the API failed. too many [code: 1]"
        );
    }
}
