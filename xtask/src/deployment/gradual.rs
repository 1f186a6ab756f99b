//! `cargo xtask deploy --gradual`: a tenth of the requests first, then all, if the new version does well.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::clock;
use local::progress::{line, step};

use super::Deployment;
use super::plan::{Plan, Planned};

/// The share of requests that go to a new version first, in percent.
const FIRST_SHARE: u32 = 10;
/// The time between two requests to `/health` in a gradual deployment. The new version gives a tenth of the answers.
const PAUSE: Duration = Duration::from_secs(1);
/// The milliseconds between two questions to Workers Logs in a gradual deployment.
const LOGS_EVERY: u64 = 15_000;

impl Deployment {
    /// Gives a tenth of the requests to a new version for a while, then all. Returns the version's id.
    ///
    /// # Errors
    ///
    /// Fails when wrangler fails, or `/health` answers anything but 200 meanwhile, or the new version logs an error or answers 5xx: the
    /// version before has all requests again.
    pub(super) fn upload_gradually(&self, planned: &Planned, plan: &Plan, before: &str) -> Result<String> {
        let message: String = plan.subject.chars().take(90).collect();
        let words = ["versions", "upload", "--tag", &plan.commit, "--message", &message];
        let printed = self.wrangler(&planned.file.path, &words)?;
        let version = printed.lines().find_map(|line| line.trim().strip_prefix("Worker Version ID:"));
        let version = version.context("wrangler does not say which version it uploaded")?.trim().to_owned();
        self.give(planned, &[(&version, FIRST_SHARE), (before, 100 - FIRST_SHARE)])?;
        step("Watching", &format!("{}: {FIRST_SHARE} % of its requests go to {version}", planned.worker));
        if let Err(error) = self.watch(planned, &version) {
            self.give(planned, &[(before, 100)]).with_context(|| {
                format!("{error:#}; {} could not be given back to {before}", planned.worker)
            })?;
            return Err(error.context(format!("{} is at {before} again", planned.worker)));
        }
        self.give(planned, &[(&version, 100)])?;
        // A version has no schedule and no consumers: these are the Worker's.
        self.wrangler(&planned.file.path, &["triggers", "deploy"])?;
        Ok(version)
    }

    /// Shares the requests among versions, in percent.
    fn give(&self, planned: &Planned, shares: &[(&str, u32)]) -> Result<()> {
        let shares: Vec<String> =
            shares.iter().map(|(version, share)| format!("{version}@{share}%")).collect();
        let mut words = vec!["versions", "deploy", "--yes"];
        words.extend(shares.iter().map(String::as_str));
        self.wrangler(&planned.file.path, &words).map(drop)
    }

    /// Asks `/health`, and Workers Logs about the new version, until the time of watching is over.
    fn watch(&self, planned: &Planned, version: &str) -> Result<()> {
        let url = format!("{}/health", self.places()?.origin(planned.worker));
        let account = self.account(&self.files()?)?.context("the account is not known")?;
        let began = clock::milliseconds();
        let mut asked_at = began;
        let failed = clock::wait_until(self.watching, PAUSE, || {
            let health = match (self.get)(&url) {
                Ok((200, _)) => None,
                Ok((status, _)) => Some(format!("{url} answered {status}")),
                Err(error) => Some(format!("{url} did not answer: {error:#}")),
            };
            if health.is_some() || clock::milliseconds() < asked_at + LOGS_EVERY {
                return health;
            }
            asked_at = clock::milliseconds();
            self.complaint(&account, planned, version, began)
        });
        match failed.or_else(|| self.complaint(&account, planned, version, began)) {
            Some(fault) => bail!("{fault}"),
            None => {
                line(
                    "  /health answered 200 each time, and the new version logged no error and no answer of 5xx",
                );
                Ok(())
            }
        }
    }

    /// Asks Workers Logs for the new version's error lines and answers of 5xx since a time in milliseconds. Returns a sentence that names
    /// them, or why Workers Logs do not tell; `None` if there are none.
    fn complaint(&self, account: &str, planned: &Planned, version: &str, began: u64) -> Option<String> {
        match self.error_lines(account, planned.worker, version, began, clock::milliseconds()) {
            Ok(lines) if lines.is_empty() => None,
            Ok(lines) => {
                let lines: Vec<String> =
                    lines.iter().map(|(message, count)| format!("{count} × `{message}`")).collect();
                Some(format!("{version} of {} logged {}", planned.worker, lines.join(", ")))
            }
            Err(error) => Some(format!("{error:#}")),
        }
    }
}
