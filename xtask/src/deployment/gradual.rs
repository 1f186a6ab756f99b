//! `cargo xtask deploy --gradual`: a tenth of the requests first, then all, if the new version does well.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::clock;
use local::progress::{line, step};

use super::Deployment;
use super::plan::{Plan, Planned};

/// The share of requests that go to a new version first, in percent.
const FIRST_SHARE: u32 = 10;
/// How often `/health` is asked meanwhile: a tenth of the answers are the new version's.
const PAUSE: Duration = Duration::from_secs(1);

impl Deployment {
    /// Gives a tenth of the requests to a new version for a while, then all. Returns the version's id.
    ///
    /// # Errors
    ///
    /// When wrangler fails, or `/health` answers anything but 200 meanwhile: the version before has all requests again.
    pub(super) fn upload_gradually(&self, planned: &Planned, plan: &Plan, before: &str) -> Result<String> {
        let message: String = plan.subject.chars().take(90).collect();
        let words = ["versions", "upload", "--tag", &plan.commit, "--message", &message];
        let printed = self.wrangler(&planned.file.path, &words)?;
        let version = printed.lines().find_map(|line| line.trim().strip_prefix("Worker Version ID:"));
        let version = version.context("wrangler does not say which version it uploaded")?.trim().to_owned();
        self.give(planned, &[(&version, FIRST_SHARE), (before, 100 - FIRST_SHARE)])?;
        step("Watching", &format!("{}: {FIRST_SHARE} % of its requests go to {version}", planned.worker));
        if let Err(error) = self.watch(planned) {
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

    /// Asks `/health` until the time of watching is over.
    fn watch(&self, planned: &Planned) -> Result<()> {
        let url = format!("{}/health", self.places()?.origin(planned.worker));
        let failed = clock::wait_until(self.watching, PAUSE, || match (self.get)(&url) {
            Ok((200, _)) => None,
            Ok((status, _)) => Some(format!("{url} answered {status}")),
            Err(error) => Some(format!("{url} did not answer: {error:#}")),
        });
        match failed {
            Some(fault) => bail!("{fault}"),
            None => {
                line("  no answer of /health was other than 200");
                Ok(())
            }
        }
    }
}
