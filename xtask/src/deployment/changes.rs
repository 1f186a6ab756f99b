//! What a deployment has changed, and how to go on or back from there.
use std::collections::BTreeMap;

use local::progress::line;

use super::Deployment;
use super::migrations::Pending;
use super::plan::{Plan, Planned};

/// The changes that a deployment has made so far.
#[derive(Default)]
pub(super) struct Changes<'a> {
    /// The migrations that are applied.
    pub(super) migrations: Vec<Pending>,
    /// The new versions, by Worker.
    pub(super) workers: BTreeMap<&'a str, String>,
    /// Questions that could not be answered: `whether … is new`.
    pub(super) unknown: Vec<String>,
}

impl Deployment {
    /// Says what a deployment that stopped half way has changed, and names the commands to go on and to go back.
    pub(super) fn ways_out(&self, plan: &Plan, changes: &Changes) -> String {
        let new = new_workers(plan, changes);
        if new.is_empty() && changes.migrations.is_empty() && changes.unknown.is_empty() {
            return format!("nothing was changed; once that is mended run {} again", self.own("deploy"));
        }
        let is = if new.is_empty() && changes.migrations.is_empty() { "may be" } else { "is" };
        let mut words = vec![format!("{} {is} half deployed", self.environment)];
        words.extend(changes.migrations.iter().map(|applied| {
            format!(
                "{} of {} applied (the version before works with it)",
                applied.files.join(", "),
                applied.database
            )
        }));
        if !new.is_empty() {
            let names: Vec<&str> = new.iter().map(|planned| planned.worker).collect();
            words.push(format!("{} new", names.join(" and ")));
        }
        words.extend(changes.unknown.iter().map(|what| format!("it is not known {what}")));
        words.push(format!("go on with {} once that is mended", self.own("deploy")));
        words.extend(self.ways_back(&new).map(|back| format!("or back with {back}")));
        words.join("; ")
    }

    /// Prints what changed, and how to undo it.
    pub(super) fn tell(&self, plan: &Plan, changes: &Changes) {
        for Pending { database, files, bookmark, .. } in &changes.migrations {
            let bookmark =
                bookmark.as_deref().map(|mark| format!(" (before it: bookmark {mark})")).unwrap_or_default();
            line(format!("  applied  {database}: {}{bookmark}", files.join(", ")));
        }
        for (planned, now) in
            plan.workers.iter().filter_map(|planned| Some((planned, changes.workers.get(planned.worker)?)))
        {
            line(match &planned.standing.before {
                Some(before) => format!("  replaced {}: {before} by {now}", planned.worker),
                None => format!("  created  {}: {now}", planned.worker),
            });
        }
        if let Some(back) = self.ways_back(&new_workers(plan, changes)) {
            line(format!("  Should it have to go: back with {back}"));
        }
    }

    /// The commands that bring the versions before back, in the order opposite to that of deployment.
    fn ways_back(&self, new: &[&Planned]) -> Option<String> {
        let commands = new.iter().rev().filter_map(|Planned { worker, file, standing }| {
            Some(format!(
                "`npx wrangler rollback {} --name {worker} --env {} --config {}`",
                standing.before.as_deref()?,
                self.environment,
                file.shown(&self.root)
            ))
        });
        let commands: Vec<String> = commands.collect();
        (!commands.is_empty()).then(|| commands.join(" and then "))
    }
}

/// The Workers of which a version of this commit is deployed, by this run or by one before it that stopped.
fn new_workers<'a>(plan: &'a Plan<'a>, changes: &Changes) -> Vec<&'a Planned<'a>> {
    let is_new =
        |planned: &&Planned| planned.standing.of_this_commit || changes.workers.contains_key(planned.worker);
    plan.workers.iter().filter(is_new).collect()
}
