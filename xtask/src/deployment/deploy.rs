//! `cargo xtask deploy`: checks, builds, migrates, deploys one Worker after the other, and says what changed.
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::clock;
use local::progress::{spoken, step};
use serde_json::Value;

use super::Deployment;
use super::changes::Changes;
use super::migrations::Pending;
use super::plan::{Plan, Planned};
use super::versions::DeployedVersions;
use crate::environments::WranglerFiles;

impl Deployment {
    /// Deploys the commit that is checked out, which `build` builds. With `gradual`, a Worker that is there already gets a tenth
    /// of the requests first. Ends with the smoke test, where that is set up.
    ///
    /// # Errors
    ///
    /// Fails at the first thing that is wrong, with what has been changed by then, and how to go on or back.
    pub fn deploy(&self, build: impl FnOnce() -> Result<()>, gradual: bool) -> Result<()> {
        let started = clock::now();
        let files = self.files()?;
        let (commit, subject) = self.commit()?;
        step("Checking", &format!("whether {commit} can go to {}", self.environment));
        let plan = self.plan(&files, commit, subject, gradual).context("nothing was changed")?;
        build().context("nothing was changed")?;

        let mut changes = Changes::default();
        let result = self.change(&files, &plan, gradual, &mut changes);
        if let Err(error) = result {
            return Err(error.context(self.ways_out(&plan, &changes)));
        }
        step(
            "Deployed",
            &format!("{} to {} in {}", plan.commit, self.environment, spoken(started.elapsed())),
        );
        self.tell(&plan, &changes);
        self.smoke_if_set_up().with_context(|| self.ways_out(&plan, &changes))
    }

    fn change<'a>(
        &self,
        files: &WranglerFiles,
        plan: &Plan<'a>,
        gradual: bool,
        changes: &mut Changes<'a>,
    ) -> Result<()> {
        // Migrations first: they are written so that the version before them works on.
        for pending in &plan.migrations {
            step("Migrating", &format!("the database {}", pending.database));
            if let Err(error) = self.migrate(files, pending) {
                self.note_migrations(plan, pending, changes);
                return Err(error);
            }
            changes.migrations.push(pending.clone());
        }
        self.mark_shards(files)?;
        for planned in &plan.workers {
            step("Deploying", planned.worker);
            let uploaded = match &planned.standing.before {
                Some(before) if gradual => self.upload_gradually(planned, plan, before),
                _ => self.upload(planned, plan),
            };
            match uploaded {
                Ok(now) => {
                    changes.workers.insert(planned.worker, now.clone());
                    self.wait_for_health(planned, &now)?;
                }
                Err(error) => return Err(error.context(self.note_worker(planned, plan, changes))),
            }
        }
        Ok(())
    }

    /// Deploys a Worker, and returns the id of the new version.
    fn upload(&self, planned: &Planned, plan: &Plan) -> Result<String> {
        let message = plan.message();
        let words = ["deploy", "--tag", &plan.commit, "--message", &message];
        let printed = self.wrangler(&planned.file.path, &words)?;
        let id = printed.lines().find_map(|line| line.trim().strip_prefix("Current Version ID:"));
        Ok(id.context("wrangler does not say which version it deployed")?.trim().to_owned())
    }

    /// Notes which migrations are applied where one has failed: those before it.
    fn note_migrations(&self, plan: &Plan, pending: &Pending, changes: &mut Changes) {
        match self.pending_of(&plan.account, &pending.database, &pending.id, pending.files.clone()) {
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
    /// and then sets domains, schedules and consumers. Returns what to say about the Worker.
    fn note_worker<'a>(&self, planned: &Planned<'a>, plan: &Plan, changes: &mut Changes<'a>) -> String {
        let Planned { worker, file, standing } = planned;
        match self.standing(&plan.account, worker, &plan.commit) {
            Ok(DeployedVersions { current: Some(now), .. }) if standing.current.as_ref() != Some(&now) => {
                changes.workers.insert(worker, now);
                format!(
                    "{worker} is deployed, but its custom domain, its schedule or its queues' consumers are not set"
                )
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

    /// Waits until this version of the Worker answers that it is well, and in which environment: for some seconds the
    /// version before still answers, and is well too. An address at which nothing answers yet may be a new one, as a Worker's first or
    /// a custom domain, and gets the time that a new name takes.
    fn wait_for_health(&self, planned: &Planned, version: &str) -> Result<()> {
        let Planned { worker, file, .. } = planned;
        let url = format!("{}/health", self.places()?.origin(worker));
        let patience = if planned.standing.before.is_none() { self.first_patience } else { self.patience };
        let mut last = "nothing answered".to_owned();
        let mut answered = None;
        let well = clock::wait_until(self.first_patience, Duration::from_secs(1), || {
            let answer = (self.get)(&url);
            if answered.is_none() && answer.is_ok() {
                answered = Some(clock::now());
            }
            match answer {
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
                        return Some(true);
                    };
                }
                Ok((status, _)) => last = format!("it answers {status}"),
                Err(error) => last = format!("{error:#}"),
            }
            answered.is_some_and(|since| since.elapsed() > patience).then_some(false)
        });
        if well != Some(true) {
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
