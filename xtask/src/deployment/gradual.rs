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
/// How often Workers Logs are asked while a new version is watched: every 15 seconds of five minutes.
const QUESTIONS: u32 = 20;
/// How often in a row `/health` or Workers Logs may fail to answer: a connection that breaks says nothing about a version.
const PATIENT_FOR: u32 = 3;

impl Deployment {
    /// Gives a tenth of the requests to a new version for a while, then all. Returns the version's id.
    ///
    /// # Errors
    ///
    /// Fails when wrangler fails, or `/health` answers anything but 200 meanwhile, or the new version logs an error or answers 5xx, or
    /// nobody tells three times in a row: the version before has all requests again.
    pub(super) fn upload_gradually(&self, planned: &Planned, plan: &Plan, before: &str) -> Result<String> {
        let message = plan.message();
        let words = ["versions", "upload", "--tag", &plan.commit, "--message", &message];
        let printed = self.wrangler(&planned.file.path, &words)?;
        let version = printed.lines().find_map(|line| line.trim().strip_prefix("Worker Version ID:"));
        let version = version.context("wrangler does not say which version it uploaded")?.trim().to_owned();
        self.give(planned, &[(&version, FIRST_SHARE), (before, 100 - FIRST_SHARE)])?;
        step("Watching", &format!("{}: {FIRST_SHARE} % of its requests go to {version}", planned.worker));
        if let Err(error) = self.watch(planned, plan, &version) {
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

    /// Requires that something answers at a Worker's address, where a new version is going to be watched. Nothing does at a custom domain
    /// that only this deployment sets.
    pub(super) fn require_address(&self, worker: &str) -> Result<()> {
        let url = format!("{}/health", self.places()?.origin(worker));
        for _ in 1..PATIENT_FOR {
            if (self.get)(&url).is_ok() {
                return Ok(());
            }
            std::thread::sleep(self.pause);
        }
        (self.get)(&url).map(drop).with_context(|| {
            format!(
                "{url} does not answer, and --gradual watches it: a new custom domain comes with the first {} without --gradual",
                self.own("deploy")
            )
        })
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
    fn watch(&self, planned: &Planned, plan: &Plan, version: &str) -> Result<()> {
        let url = format!("{}/health", self.places()?.origin(planned.worker));
        let began = clock::milliseconds();
        let complaint = || self.complaint(&plan.account, planned, version, began);
        let (mut silent, mut untold) = (0, 0);
        let mut asked = clock::now();
        let failed = clock::wait_until(self.watching, PAUSE, || {
            match (self.get)(&url) {
                Ok((200, _)) => silent = 0,
                Ok((status, _)) => return Some(format!("{url} answered {status}")),
                Err(error) => {
                    let fault = format!("{url} did not answer: {error:#}");
                    return patiently(&mut silent, fault);
                }
            }
            if asked.elapsed() < self.watching / QUESTIONS {
                return None;
            }
            asked = clock::now();
            match complaint() {
                Ok(found) => {
                    untold = 0;
                    found
                }
                Err(error) => patiently(&mut untold, format!("{error:#}")),
            }
        });
        // The last question is the one that counts, so it is asked until there is an answer.
        let last = || {
            let mut untold = 0;
            loop {
                match complaint() {
                    Ok(found) => return found,
                    Err(error) => {
                        if let Some(fault) = patiently(&mut untold, format!("{error:#}")) {
                            return Some(fault);
                        }
                        std::thread::sleep(self.pause);
                    }
                }
            }
        };
        match failed.or_else(last) {
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
    /// them; `None` if there are none.
    fn complaint(
        &self,
        account: &str,
        planned: &Planned,
        version: &str,
        began: u64,
    ) -> Result<Option<String>> {
        let lines = self.error_lines(account, planned.worker, version, began, clock::milliseconds())?;
        let lines: Vec<String> =
            lines.iter().map(|(message, count)| format!("{count} × `{message}`")).collect();
        let sentence = format!("{version} of {} logged {}", planned.worker, lines.join(", "));
        Ok((!lines.is_empty()).then_some(sentence))
    }
}

/// Counts another question in a row that had no answer. Returns the fault once there were too many; before, says that the question is
/// asked again.
fn patiently(unanswered: &mut u32, fault: String) -> Option<String> {
    *unanswered += 1;
    if *unanswered >= PATIENT_FOR {
        return Some(format!("{fault}, {unanswered} times in a row"));
    }
    line(format!("  again    {fault}"));
    None
}
