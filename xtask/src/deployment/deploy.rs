//! `cargo xtask deploy`: checks, builds, migrates, deploys one Worker after the other, and says what changed.
use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Deployment;
use super::changes::Changes;
use super::migrations::Pending;
use super::versions::Standing;
use crate::clock;
use crate::environments::{WranglerFile, WranglerFiles};
use crate::progress::{line, spoken, step};

/// What is to change.
pub(super) struct Plan<'a> {
    commit: String,
    /// The first line of the commit's message.
    subject: String,
    migrations: Vec<Pending>,
    pub(super) workers: Vec<Planned<'a>>,
}

/// A Worker that is to be replaced.
pub(super) struct Planned<'a> {
    pub(super) worker: &'a str,
    pub(super) file: &'a WranglerFile,
    /// Before anything changes.
    pub(super) standing: Standing,
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
        let plan = self.plan(&files, commit, subject).context("nothing was changed")?;
        build().context("nothing was changed")?;

        let mut changes = Changes::default();
        let result = self.change(&files, &plan, &mut changes);
        if let Err(error) = result {
            return Err(error.context(self.ways_out(&plan, &changes)));
        }
        step(
            "Deployed",
            &format!("{} to {} in {}", plan.commit, self.environment, spoken(started.elapsed())),
        );
        self.tell(&plan, &changes);
        Ok(())
    }

    /// Everything that can be known before anything changes; says what will.
    fn plan<'a>(&self, files: &'a WranglerFiles, commit: String, subject: String) -> Result<Plan<'a>> {
        self.require_clean_tree()?;
        if let Some(first) = self.placeholders(files)?.into_iter().next() {
            bail!("{first}");
        }
        self.require_account(files)?;
        self.require_issuers(files)?;
        self.require_secrets(files)?;
        let migrations = self.pending_migrations(files)?;
        for Pending { database, files, .. } in &migrations {
            line(format!("  migrate  {database}: {}", files.join(", ")));
        }
        let mut workers = Vec::new();
        for (worker, file) in self.workers(files) {
            let standing = self.standing(file, &commit)?;
            line(match &standing.before {
                None => format!("  create   {worker}"),
                Some(before) if standing.of_this_commit => {
                    format!("  replace  {worker}: of this commit already, in place of {before}")
                }
                Some(before) => format!("  replace  {worker}: {before}"),
            });
            workers.push(Planned { worker, file, standing });
        }
        Ok(Plan { commit, subject, migrations, workers })
    }

    fn change<'a>(&self, files: &WranglerFiles, plan: &Plan<'a>, changes: &mut Changes<'a>) -> Result<()> {
        // Migrations first: they are written so that the version before them works on.
        for pending in &plan.migrations {
            step("Migrating", &format!("the database {}", pending.database));
            if let Err(error) = self.migrate(files, pending) {
                self.note_migrations(files, pending, changes);
                return Err(error);
            }
            changes.migrations.push(pending.clone());
        }
        for planned in &plan.workers {
            step("Deploying", planned.worker);
            match self.upload(planned, plan) {
                Ok(now) => {
                    changes.workers.insert(planned.worker, now.clone());
                    self.wait_for_health(planned, &now)?;
                }
                Err(error) => return Err(error.context(self.note_worker(planned, plan, changes))),
            }
        }
        Ok(())
    }

    /// Deploys a Worker; gives the new version's id.
    fn upload(&self, planned: &Planned, plan: &Plan) -> Result<String> {
        let message: String = plan.subject.chars().take(90).collect();
        let words = ["deploy", "--tag", &plan.commit, "--message", &message];
        let printed = self.wrangler(&planned.file.path, &words)?;
        let id = printed.lines().find_map(|line| line.trim().strip_prefix("Current Version ID:"));
        Ok(id.context("wrangler does not say which version it deployed")?.trim().to_owned())
    }

    /// Notes what a failed migration has left applied: those before it.
    fn note_migrations(&self, files: &WranglerFiles, pending: &Pending, changes: &mut Changes) {
        match self.pending_of(files, &pending.database, pending.files.clone()) {
            Ok(left) => {
                let mut applied = pending.clone();
                applied.files.retain(|file| !left.contains(file));
                if !applied.files.is_empty() {
                    changes.migrations.push(applied);
                }
            }
            Err(_) => changes.unknown.push(format!(
                "which migrations of {} are applied (`npx wrangler d1 migrations list {} --remote --env {} --config wrangler.toml` tells)",
                pending.database, pending.database, self.environment
            )),
        }
    }

    /// Notes whether a failed deployment has replaced the Worker nevertheless: wrangler uploads a version, deploys it,
    /// and then sets schedules and consumers. Gives what to say of it.
    fn note_worker<'a>(&self, planned: &Planned<'a>, plan: &Plan, changes: &mut Changes<'a>) -> String {
        let Planned { worker, file, standing } = planned;
        match self.standing(file, &plan.commit) {
            Ok(Standing { current: Some(now), .. }) if standing.current.as_ref() != Some(&now) => {
                changes.workers.insert(worker, now);
                format!("{worker} is deployed, but its schedule or its queues' consumers are not set")
            }
            Ok(_) => format!("{worker} is not deployed"),
            Err(_) => {
                changes.unknown.push(format!(
                    "whether {worker} is new (`npx wrangler deployments status --env {} --config {}` tells)",
                    self.environment,
                    file.shown(&self.root)
                ));
                format!("{worker} is not deployed as it should be")
            }
        }
    }

    /// Until this version of the Worker answers that it is well, and where it is: for some seconds the version before
    /// still answers, well as it was.
    fn wait_for_health(&self, planned: &Planned, version: &str) -> Result<()> {
        let Planned { worker, file, .. } = planned;
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
            // Without the Worker's name: wrangler would add the environment's to it.
            bail!(
                "{worker} is deployed but not well ({last} at {url}): its log names the fault, see `npx wrangler tail --env {} --config {}`",
                self.environment,
                file.shown(&self.root)
            );
        }
        step("Healthy", worker);
        Ok(())
    }
}
