//! Runs wrangler against Cloudflare.
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::group::Group;
use local::log::uncoloured;
use local::process::{command, npm_bin};
use local::workspace::root;
use local::wrangler;
use serde_json::Value;

use super::Deployment;
use crate::setup;

/// Words of wrangler's that mean: nobody answered.
const UNREACHABLE: [&str; 6] =
    ["fetch failed", "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "Unable to connect"];
/// Words of wrangler's that mean: Cloudflare does not accept the token for this account.
const REFUSED: [&str; 7] = [
    "Authentication error",
    "code: 10000]",
    "code: 9109]",
    "Invalid access token",
    // A token that is cut off or has a blank in it.
    "code: 6003]",
    "code: 9106]",
    "Unable to authenticate request",
];
/// Words of wrangler's that mean: the API, or a server on the way, answered with an HTML page, 429 or 5xx.
const UNWELL: [&str; 6] = [
    "malformed response from the API",
    "Retry-After",
    "code: 971]",
    "Too Many Requests",
    "Internal Server Error",
    "Service Unavailable",
];

/// Words of wrangler's that mean: the Worker's newest version is not the deployed one, and Cloudflare puts new secrets on no other.
const NOT_DEPLOYED: [&str; 3] = ["isn't currently deployed", "code: 10214]", "code: 10215]"];

/// The sentence for an API that answers, and does not do what it is asked to.
pub(super) const API_IS_UNWELL: &str = "Cloudflare's API does not answer as it should (a page, 429 or 5xx): wait some minutes, and look at cloudflarestatus.com";

/// The sentence for an API that nobody reaches.
pub(super) const UNREACHED: &str = "Cloudflare's API cannot be reached: check the network";

/// The sentence for a token that the account does not accept.
pub(super) const TOKEN_IS_REFUSED: &str = "Cloudflare does not accept CLOUDFLARE_API_TOKEN for this account: create one with the permissions to edit Workers, D1, KV and Queues";

/// The time within which a command of wrangler's must end.
const LIMIT: Duration = Duration::from_secs(180);
/// The same time for a command that copies a database of up to 10 GB.
const LONG_LIMIT: Duration = Duration::from_secs(7200);

impl Deployment {
    /// Requires the wrangler that package.json names, because another one may print something else, and installs it where it is
    /// not there, as on a new machine.
    pub(super) fn require_wrangler() -> Result<()> {
        let read = |file: &str| -> Option<Value> {
            serde_json::from_str(&std::fs::read_to_string(root().join(file)).ok()?).ok()
        };
        let fault = || {
            let installed = read("node_modules/wrangler/package.json");
            wrangler_fault(installed.as_ref(), &read("package.json").unwrap_or_default())
        };
        if fault().is_none() {
            return Ok(());
        }
        setup::packages()?;
        match fault() {
            Some(fault) => bail!("{fault}: run `cargo xtask setup`"),
            None => Ok(()),
        }
    }

    /// Runs wrangler with these words, for this environment, by this configuration file. Returns what wrangler printed.
    pub(super) fn wrangler(&self, config: &Path, words: &[&str]) -> Result<String> {
        self.wrangler_with_input(config, words, "")
    }

    /// Runs wrangler with these words for the account alone: with an environment, wrangler would put that into the names.
    pub(super) fn wrangler_in_account(&self, config: &Path, account: &str, words: &[&str]) -> Result<String> {
        let mut wrangler = self.wrangler_command(config, words, "");
        wrangler.env("CLOUDFLARE_ACCOUNT_ID", account);
        self.finish_within(LIMIT, &mut wrangler, words, "")
    }

    /// The same as [`Self::wrangler`], with a text on wrangler's standard input, which appears nowhere.
    pub(super) fn wrangler_with_input(&self, config: &Path, words: &[&str], input: &str) -> Result<String> {
        let mut wrangler = self.wrangler_command(config, words, self.environment);
        self.finish_within(LIMIT, &mut wrangler, words, input)
    }

    /// The same as [`Self::wrangler`], for commands that copy a whole database.
    pub(super) fn wrangler_at_length(&self, config: &Path, words: &[&str]) -> Result<String> {
        let mut wrangler = self.wrangler_command(config, words, self.environment);
        self.finish_within(LONG_LIMIT, &mut wrangler, words, "")
    }

    fn wrangler_command(&self, config: &Path, words: &[&str], environment: &str) -> Command {
        let mut wrangler = command(npm_bin("wrangler"));
        wrangler.envs(&self.variables).env("PATH", local::process::search_path());
        wrangler.args(words).arg(format!("--env={environment}")).arg("--config").arg(config);
        quieten(&mut wrangler);
        wrangler
    }

    fn finish_within(
        &self,
        limit: Duration,
        wrangler: &mut Command,
        words: &[&str],
        input: &str,
    ) -> Result<String> {
        // The group is killed as a whole where it takes too long: wrangler starts a Node of its own.
        let output = Group::run(wrangler, input, limit)
            .context("wrangler cannot be started: run `cargo xtask setup`")?;
        let Some(Output { status, stdout, stderr }) = output else {
            bail!("`wrangler {}` did not end within {} minutes", words.join(" "), limit.as_secs() / 60);
        };
        let printed = String::from_utf8_lossy(&stdout).into_owned();
        if status.success() {
            return Ok(printed);
        }
        let all = format!("{printed}{}", String::from_utf8_lossy(&stderr));
        bail!("{}", explained(&all, words, &self.own("deploy")))
    }
}

/// The fault of the installed wrangler, whose package.json and the project's are given.
fn wrangler_fault(installed: Option<&Value>, wanted: &Value) -> Option<String> {
    let wanted = wanted.pointer("/devDependencies/wrangler").and_then(Value::as_str)?;
    match installed.and_then(|package| package.get("version")?.as_str()) {
        None => Some(format!("wrangler {wanted} is not installed")),
        Some(version) if version != wanted => {
            Some(format!("wrangler {version} is installed, and this commit needs {wanted}"))
        }
        Some(_) => None,
    }
}

/// Keeps wrangler from asking, and from putting its own idea of an environment before ours.
pub(super) fn quieten(command: &mut Command) {
    // No terminal to ask on: it goes ahead.
    wrangler::quieten(command, &root().join(".local/wrangler")).env("CI", "true").env("FORCE_COLOR", "0");
    // The `[build]` of the wrangler files is for deployments by hand: ours have built by then.
    command.env("WORKERS_ARE_BUILT", "true");
    command.env_remove("CLOUDFLARE_ENV");
}

/// A failure of wrangler's in one sentence; `deploy` is the command of ours that deploys.
fn explained(printed: &str, words: &[&str], deploy: &str) -> String {
    let has = |signs: &[&str]| signs.iter().any(|sign| printed.contains(sign));
    if has(&UNREACHABLE) {
        return UNREACHED.to_owned();
    }
    if has(&UNWELL) {
        return API_IS_UNWELL.to_owned();
    }
    if has(&REFUSED) {
        return TOKEN_IS_REFUSED.to_owned();
    }
    if has(&NOT_DEPLOYED) {
        return format!(
            "its newest version is not the one that is deployed, as after going back or a deployment that stopped half way, and Cloudflare puts secrets on no other: deploy the commit that is to run with {deploy}"
        );
    }
    let printed = uncoloured(printed);
    if let Some(why) = json_error(&printed) {
        return format!("`wrangler {}` failed: {why}", words.join(" "));
    }
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

/// The error of a command that was asked for JSON, and prints its error so: a text, and notes that say why.
fn json_error(printed: &str) -> Option<String> {
    let printed: Value = wrangler::json_in(printed).ok()?;
    let error = printed.get("error")?;
    let notes = error.get("notes").and_then(Value::as_array).into_iter().flatten();
    let notes = notes.filter_map(|note| note.get("text")?.as_str());
    let all: Vec<&str> = error.get("text").and_then(Value::as_str).into_iter().chain(notes).collect();
    Some(all.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_wrangler_of_this_commit_will_do() {
        let wanted = json!({"devDependencies": {"wrangler": "4.164.0"}});
        let said = |installed: Option<Value>| wrangler_fault(installed.as_ref(), &wanted);
        assert_eq!(said(None), Some("wrangler 4.164.0 is not installed".to_owned()));
        assert_eq!(
            said(Some(json!({"version": "3.90.0"}))),
            Some("wrangler 3.90.0 is installed, and this commit needs 4.164.0".to_owned())
        );
        assert_eq!(said(Some(json!({"version": "4.164.0"}))), None);
        Deployment::require_wrangler().unwrap();
    }

    #[test]
    fn failures_are_one_sentence() {
        let said = |printed| explained(printed, &["d1", "list"], "`cargo xtask deploy --env stage`");
        assert!(said("✘ [ERROR] fetch failed\n").contains("cannot be reached"));
        assert!(
            said("✘ [ERROR] A request failed.\n  Authentication error [code: 10000]")
                .contains("CLOUDFLARE_API_TOKEN")
        );
        assert!(
            said("✘ [ERROR] A request failed.\n  Invalid request headers [code: 6003]")
                .contains("CLOUDFLARE_API_TOKEN")
        );
        for page in [
            "✘ [ERROR] Received a malformed response from the API\n\n  <html><title>502 Bad Gateway</title>\n  GET /accounts/a/d1/database -> 502 Bad Gateway\n",
            "✘ [ERROR] A request to the Cloudflare API (/accounts/a) failed.\n\n  Please wait and consider throttling your request speed [code: 971]\n",
        ] {
            assert_eq!(said(page), API_IS_UNWELL);
        }
        assert!(
            said("✘ [ERROR] Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently deployed.")
                .ends_with("deploy the commit that is to run with `cargo xtask deploy --env stage`")
        );
        assert_eq!(
            said(
                "{\n  \"error\": {\n    \"text\": \"A request failed.\",\n    \"notes\": [{\"text\": \"no such table: shard [code: 7500]\"}]\n  }\n}\n"
            ),
            "`wrangler d1 list` failed: A request failed. no such table: shard [code: 7500]"
        );
        assert_eq!(
            said("\n⛅️ wrangler\n\n✘ [ERROR] A request to the API failed.\n\n  too many [code: 1]\n"),
            "`wrangler d1 list` failed: A request to the API failed. too many [code: 1]"
        );
    }
}
