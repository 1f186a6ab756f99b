//! `cargo xtask deploy`: checks, builds, migrates, deploys one Worker after the other, and says what changed.
use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Deployment;
use super::migrations::Pending;
use crate::clock;
use crate::environments::{WranglerFile, WranglerFiles};
use crate::progress::{line, spoken, step};

/// What a deployment has changed so far.
#[derive(Default)]
struct Done {
    workers: Vec<Replaced>,
    migrations: Vec<Pending>,
}

/// A Worker with its versions.
struct Replaced {
    worker: String,
    /// `None` at the first deployment.
    before: Option<String>,
    now: String,
}

impl Deployment {
    /// Deploys the commit that is checked out, which `build` builds.
    ///
    /// # Errors
    ///
    /// At the first thing that is wrong, with what has been changed by then, and how to go on or back.
    pub fn deploy(&self, build: impl FnOnce() -> Result<()>) -> Result<()> {
        let started = clock::now();
        let files = self.files()?;
        let (commit, subject) = self.commit()?;
        step("Checking", &format!("whether {commit} can go to {}", self.environment));
        let pending = self.check(&files).context("nothing was changed")?;
        build().context("nothing was changed")?;

        let mut done = Done::default();
        let result = self.change(&files, pending, &commit, &subject, &mut done);
        if let Err(error) = result {
            return Err(error.context(self.ways_out(&files, &done)));
        }
        step("Deployed", &format!("{commit} to {} in {}", self.environment, spoken(started.elapsed())));
        self.tell(&files, &done);
        Ok(())
    }

    /// Everything that can be known before anything changes; gives the migrations to apply.
    fn check(&self, files: &WranglerFiles) -> Result<Vec<Pending>> {
        self.require_clean_tree()?;
        if let Some(first) = self.placeholders(files)?.into_iter().next() {
            bail!("{first}");
        }
        if self.account(files)?.is_none() {
            bail!("the account of {} is not known yet: run {}", self.environment, self.own("provision"));
        }
        self.require_issuers(files)?;
        self.require_secrets(files)?;
        let pending = self.pending_migrations(files)?;
        for Pending { database, files, .. } in &pending {
            line(format!("  pending  {database}: {}", files.join(", ")));
        }
        Ok(pending)
    }

    fn change(
        &self,
        files: &WranglerFiles,
        pending: Vec<Pending>,
        commit: &str,
        subject: &str,
        done: &mut Done,
    ) -> Result<()> {
        // Migrations first: they are written so that the version before them works on.
        for pending in pending {
            step("Migrating", &format!("the database {}", pending.database));
            self.migrate(files, &pending)?;
            done.migrations.push(pending);
        }
        for (worker, file) in self.workers(files) {
            let before = self.version(file)?;
            step("Deploying", worker);
            let message: String = subject.chars().take(90).collect();
            let printed = self
                .wrangler(&file.path, &["deploy", "--tag", commit, "--message", &message])
                .with_context(|| format!("{worker} is not deployed"))?;
            let now = printed.lines().find_map(|line| line.trim().strip_prefix("Current Version ID:"));
            let now =
                now.with_context(|| format!("wrangler does not say which version of {worker} it deployed"))?;
            let now = now.trim().to_owned();
            done.workers.push(Replaced { worker: worker.to_owned(), before, now: now.clone() });
            self.wait_for_health(worker, &now)?;
        }
        Ok(())
    }

    /// Until this version of the Worker answers that it is well, and where it is: for some seconds the version before
    /// still answers, well as it was.
    fn wait_for_health(&self, worker: &str, version: &str) -> Result<()> {
        let url = format!("https://{worker}.spk-{}.workers.dev/health", self.environment);
        let mut last = "nothing answered".to_owned();
        let well = clock::wait_until(self.patience, std::time::Duration::from_secs(1), || {
            match (self.get)(&url) {
                Ok((200, body)) => {
                    let told: Value = serde_json::from_str(&body).unwrap_or_default();
                    let says = |field: &str, expected: &str| {
                        told.get(field).and_then(Value::as_str) == Some(expected)
                    };
                    last = if !says("environment", self.environment) {
                        format!("it does not say that it is in {}", self.environment)
                    } else if !says("version", version) {
                        "another version still answers".to_owned()
                    } else {
                        return Some(());
                    };
                }
                Ok((status, _)) => last = format!("it answers {status}"),
                Err(error) => last = format!("{error:#}"),
            }
            None
        });
        if well.is_none() {
            bail!(
                "{worker} is deployed but not well ({last} at {url}): its log names the fault, see `npx wrangler tail {worker} --env {} --config {worker}/wrangler.toml`",
                self.environment
            );
        }
        step("Healthy", worker);
        Ok(())
    }

    /// How to go on or back from a deployment that stopped half way.
    fn ways_out(&self, files: &WranglerFiles, done: &Done) -> String {
        if done.workers.is_empty() && done.migrations.is_empty() {
            return format!("nothing was changed; once that is mended run {} again", self.own("deploy"));
        }
        let mut words = vec![format!("{} is half deployed", self.environment)];
        words.extend(done.migrations.iter().map(|pending| {
            format!(
                "{} of {} applied (the version before works with it)",
                pending.files.join(", "),
                pending.database
            )
        }));
        let new: Vec<&str> = done.workers.iter().map(|replaced| &*replaced.worker).collect();
        if !new.is_empty() {
            words.push(format!("{} new", new.join(" and ")));
        }
        words.push(format!("go on with {} once that is mended", self.own("deploy")));
        words.extend(self.ways_back(files, done));
        words.join("; ")
    }

    fn ways_back(&self, files: &WranglerFiles, done: &Done) -> Option<String> {
        let back: Vec<String> = done
            .workers
            .iter()
            .rev()
            .filter_map(|Replaced { worker, before, .. }| {
                Some(self.rollback(worker, files.workers.get(worker)?, before.as_deref()?))
            })
            .collect();
        (!back.is_empty()).then(|| format!("or back with {}", back.join(" and then ")))
    }

    fn rollback(&self, worker: &str, file: &WranglerFile, version: &str) -> String {
        format!(
            "`npx wrangler rollback {version} --name {worker} --env {} --config {}`",
            self.environment,
            file.shown(&self.root)
        )
    }

    /// What changed, and how it could be undone.
    fn tell(&self, files: &WranglerFiles, done: &Done) {
        for Pending { database, files, bookmark } in &done.migrations {
            let bookmark =
                bookmark.as_deref().map(|mark| format!(" (before it: bookmark {mark})")).unwrap_or_default();
            line(format!("  applied  {database}: {}{bookmark}", files.join(", ")));
        }
        for Replaced { worker, before, now } in &done.workers {
            match before {
                Some(before) => line(format!("  replaced {worker}: {before} by {now}")),
                None => line(format!("  new      {worker}: {now}")),
            }
        }
        if let Some(back) = self.ways_back(files, done) {
            line(format!("  Should it have to go: {}", back.trim_start_matches("or ")));
        }
    }
}
