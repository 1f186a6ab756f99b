//! The wrangler files agree: every environment has what one of them has, and everything that a file names exists.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use toml::{Table, Value};

use shared::shard::ShardCount;

use crate::deployment::shards::bound_shards;
use crate::environments::{ENVIRONMENTS, WranglerFile, WranglerFiles, entries, is_placeholder, text};

/// Settings that environments inherit from the top level.
const INHERITED: [&str; 10] = [
    "env",
    "name",
    "main",
    "build",
    "compatibility_date",
    "compatibility_flags",
    "workers_dev",
    "preview_urls",
    "limits",
    "account_id",
];
/// Settings that the top level, which is for local runs, does not have.
const DEPLOYED_ONLY: [&str; 2] = ["observability", "retry_delay"];
/// Settings that an environment has once its account can send mail (docs/first-day.md).
const OPTIONAL: [&str; 2] = ["send_email", "MAIL_FROM"];
/// Settings that an environment with custom domains has: `cargo xtask provision` writes them from environments.toml.
const ADDRESSED: [&str; 1] = ["routes"];
/// Settings with values that may differ between environments. Every other value has to be the same.
const FREE: [&str; 10] = [
    "SHARDS",
    "id",
    "database_id",
    "max_batch_size",
    "max_batch_timeout",
    "max_retries",
    "max_concurrency",
    "retry_delay",
    "head_sampling_rate",
    "limit",
];
/// The flag without which a Worker's `fetch` would reach servers behind our own zones.
const STRICT: &str = "global_fetch_strictly_public";
/// The binding by which a Worker says which version of it answers. Without an answer no deployment would end.
const VERSION: &str = "VERSION";

/// The faults of the project's wrangler files, one sentence each.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    Ok(findings_in(&WranglerFiles::read(root)?, root))
}

fn findings_in(files: &WranglerFiles, root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.all() {
        let path = file.shown(root);
        findings.extend(same_in_every_environment(file).into_iter().map(|what| format!("{path}: {what}")));
        if file.table.get("compatibility_date") != files.shared.table.get("compatibility_date") {
            findings.push(format!("{path}: compatibility_date is not that of wrangler.toml"));
        }
    }
    for (name, file) in &files.workers {
        let path = file.shown(root);
        findings.extend(is_a_worker(name, file).into_iter().map(|what| format!("{path}: {what}")));
    }
    for environment in std::iter::once(None).chain(ENVIRONMENTS.map(Some)) {
        let place = place(environment);
        findings.extend(
            agreement(files, environment, root)
                .into_iter()
                .map(|what| format!("{place} of all files: {what}")),
        );
    }
    findings.extend(environments_share_nothing(files));
    findings
}

/// No two environments name the same account, database or namespace, and none names a local one.
fn environments_share_nothing(files: &WranglerFiles) -> BTreeSet<String> {
    let mut findings = BTreeSet::new();
    let mut owners = BTreeMap::<&str, (String, String)>::new();
    for environment in std::iter::once(None).chain(ENVIRONMENTS.map(Some)) {
        let place = place(environment);
        for part in files.all().filter_map(|file| file.part(environment)) {
            let account = text(part, "account_id").map(|id| ("account_id".to_owned(), id));
            let databases = entries(part, "d1_databases").filter_map(|entry| {
                let name = text(entry, "database_name").unwrap_or_default();
                Some((format!("id of the D1 database {name}"), text(entry, "database_id")?))
            });
            let namespaces = entries(part, "kv_namespaces").filter_map(|entry| {
                let binding = text(entry, "binding").unwrap_or_default();
                Some((format!("id of the KV namespace {binding}"), text(entry, "id")?))
            });
            let ids = account.into_iter().chain(databases).chain(namespaces);
            for (what, id) in ids.filter(|(_, id)| !is_placeholder(id)) {
                let (owner, owned) = owners.entry(id).or_insert_with(|| (place.clone(), what.clone()));
                if *owner != place {
                    findings.insert(format!("{place} of all files: the {what} is the {owned} of {owner}"));
                }
            }
        }
    }
    findings
}

/// The name of a part of a file in messages.
fn place(environment: Option<&str>) -> String {
    environment.map_or_else(|| "the top level".to_owned(), |name| format!("[env.{name}]"))
}

/// Every environment is there, and has everything that another environment or the top level has.
fn same_in_every_environment(file: &WranglerFile) -> Vec<String> {
    let mut findings = Vec::new();
    let there: BTreeSet<&str> = file
        .table
        .get("env")
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
        .map(|(name, _)| &**name)
        .collect();
    for unknown in there.iter().filter(|name| !ENVIRONMENTS.contains(name)) {
        findings.push(format!("[env.{unknown}] is no environment of ours"));
    }
    let parts: Vec<(String, BTreeSet<String>)> = ENVIRONMENTS
        .into_iter()
        .map(|name| (format!("[env.{name}]"), file.part(Some(name)).map(Facts::of).unwrap_or_default()))
        .collect();
    let top = Facts::of(&file.table);
    let all: BTreeSet<&String> = parts.iter().flat_map(|(_, facts)| facts).chain(&top).collect();
    for (place, facts) in &parts {
        findings.extend(
            all.iter().filter(|fact| !facts.contains(**fact)).map(|fact| format!("{place} lacks {fact}")),
        );
    }
    let deployed_only =
        |fact: &str| DEPLOYED_ONLY.iter().any(|key| fact.split(['.', ' ']).any(|word| word == *key));
    findings.extend(
        all.iter()
            .filter(|fact| !top.contains(**fact) && !deployed_only(fact))
            .map(|fact| format!("the top level lacks {fact}")),
    );
    findings
}

/// The settings in a part of a file, as lines such as `d1_databases DATABASE.database_name = tenants`.
struct Facts(BTreeSet<String>);

impl Facts {
    fn of(part: &Table) -> BTreeSet<String> {
        let mut facts = Self(BTreeSet::new());
        for (key, value) in part.iter().filter(|(key, _)| !INHERITED.contains(&key.as_str())) {
            facts.walk(key, value, key == "vars");
        }
        // How many databases hold the tenants may differ.
        facts.0.retain(|fact| !fact.contains("DATABASE_") || fact.contains("DATABASE_0"));
        facts.0.retain(|fact| {
            !OPTIONAL.iter().chain(&ADDRESSED).any(|key| fact.split(['.', ' ']).any(|word| word == *key))
        });
        facts.0
    }

    fn walk(&mut self, path: &str, value: &Value, free: bool) {
        match value {
            Value::Table(table) => {
                for (key, value) in table {
                    self.walk(&format!("{path}.{key}"), value, free || FREE.contains(&key.as_str()));
                }
            }
            Value::Array(items) => {
                for item in items {
                    let named = item.as_table().and_then(|table| {
                        ["binding", "queue", "name"].into_iter().find_map(|key| text(table, key))
                    });
                    match named {
                        Some(name) => self.walk(&format!("{path} {name}"), item, free),
                        None => drop(self.0.insert(format!("{path} {item}"))),
                    }
                }
            }
            _ if free => drop(self.0.insert(path.to_owned())),
            scalar => drop(self.0.insert(format!("{path} = {scalar}"))),
        }
    }
}

/// A Worker has its folder's name everywhere, and reaches nothing but the public internet.
fn is_a_worker(name: &str, file: &WranglerFile) -> Vec<String> {
    let mut findings = Vec::new();
    for environment in std::iter::once(None).chain(ENVIRONMENTS.map(Some)) {
        let Some(part) = file.part(environment) else { continue };
        let place = place(environment);
        if text(part, "name") != Some(name) {
            findings.push(format!("{place} is not named {name}"));
        }
        let Some(environment) = environment else { continue };
        let variable = |name: &str| part.get("vars").and_then(|vars| vars.get(name)?.as_str());
        if variable("ENVIRONMENT") != Some(environment) {
            findings.push(format!("{place} does not say ENVIRONMENT = \"{environment}\""));
        }
        let shards = variable("SHARDS").and_then(|count| ShardCount::parse(count).ok());
        let bound = bound_shards(part);
        if !bound.is_empty() && shards.map(|count| (0..count.get()).collect()) != Some(bound) {
            findings.push(format!("{place} does not bind DATABASE_0 … as SHARDS says"));
        }
        // Both keep whole URLs, and with them the authorization codes of sign-ins.
        let kept = |what: &str, key: &str| {
            part.get("observability").is_some_and(|all| {
                all.get(what).and_then(|what| what.get(key)).and_then(Value::as_bool) != Some(false)
            })
        };
        if kept("logs", "invocation_logs") || kept("traces", "enabled") {
            findings.push(format!("{place} keeps invocation logs or traces, which have whole URLs"));
        }
        for (key, value) in part.get("vars").and_then(Value::as_table).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            if value.starts_with("http://") || value.contains("localhost") {
                findings.push(format!("{place} has no https address in {key}"));
            }
            if key.ends_with("_ISSUER") && !value.ends_with('/') {
                findings.push(format!("{place} has no slash at the end of {key}"));
            }
        }
        for key in ["main", "compatibility_date", "compatibility_flags"] {
            if part.contains_key(key) {
                findings.push(format!("{place} has a {key} of its own: what runs is the same everywhere"));
            }
        }
    }
    let flags = file.table.get("compatibility_flags").and_then(Value::as_array);
    if !flags.into_iter().flatten().any(|flag| flag.as_str() == Some(STRICT)) {
        findings.push(format!("compatibility_flags lack {STRICT}"));
    }
    // `same_in_every_environment` finds environments without the binding.
    if file.table.get("version_metadata").and_then(|metadata| metadata.get("binding")?.as_str())
        != Some(VERSION)
    {
        findings.push(format!("version_metadata is not bound as {VERSION}"));
    }
    findings
}

/// The files agree with one another.
fn agreement(files: &WranglerFiles, environment: Option<&str>, root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    let parts: Vec<(&str, &Path, &Table)> = files
        .workers
        .iter()
        .filter_map(|(name, file)| Some((&**name, file.path.parent()?, file.part(environment)?)))
        .collect();
    let shared: Vec<(&str, &Path, &Table)> =
        files.shared.part(environment).map(|part| ("wrangler.toml", root, part)).into_iter().collect();

    let mut values = BTreeMap::<(String, &str), (&str, String)>::new();
    let mut same = |what: String, owner: &'static str, worker, value: String| {
        let (first, known) = values.entry((what.clone(), owner)).or_insert((worker, value.clone()));
        (*known != value).then(|| format!("{what} differs between {first} and {worker}"))
    };
    for (worker, folder, part) in shared.iter().chain(&parts) {
        if environment.is_some() {
            match text(part, "account_id") {
                Some(account) => {
                    findings.extend(same("account_id".to_owned(), "", *worker, account.to_owned()));
                }
                None => findings.push(format!("{worker} has no account_id")),
            }
        }
        for database in entries(part, "d1_databases") {
            let name = text(database, "database_name").unwrap_or_default();
            let id = text(database, "database_id").unwrap_or_default().to_owned();
            findings.extend(same(format!("the id of the D1 database {name}"), "id", *worker, id));
            let folder = resolved(&folder.join(text(database, "migrations_dir").unwrap_or_default()));
            findings.extend(same(
                format!("the migrations of the D1 database {name}"),
                "migrations",
                *worker,
                folder.to_string_lossy().into_owned(),
            ));
        }
        for (key, value) in part.get("vars").and_then(Value::as_table).into_iter().flatten() {
            findings.extend(same(format!("the variable {key}"), "vars", *worker, value.to_string()));
        }
    }
    let databases = |part: &Table| -> BTreeSet<String> {
        entries(part, "d1_databases")
            .filter_map(|entry| text(entry, "database_name"))
            .map(str::to_owned)
            .collect()
    };
    let bound: BTreeSet<String> = parts.iter().flat_map(|(.., part)| databases(part)).collect();
    let listed: BTreeSet<String> = shared.iter().flat_map(|(.., part)| databases(part)).collect();
    findings.extend(
        bound
            .symmetric_difference(&listed)
            .map(|name| format!("the D1 database {name} is not both in wrangler.toml and bound by a Worker")),
    );
    findings.extend(namespaces(&parts));
    findings.extend(services(&parts, files));
    findings.extend(queues(&parts, environment.is_some()));
    findings
}

/// A KV namespace belongs to one binding, and so do the counts of a rate limit.
fn namespaces(parts: &[(&str, &Path, &Table)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (kind, key, what) in [
        ("kv_namespaces", "id", "the KV namespace"),
        ("ratelimits", "namespace_id", "the namespace of rate limits"),
    ] {
        let mut seen = BTreeSet::new();
        let bound = parts.iter().flat_map(|(.., part)| entries(part, kind));
        let ids = bound.filter_map(|entry| text(entry, key));
        let twice = ids.filter(|id| !is_placeholder(id) && !seen.insert(*id));
        findings.extend(twice.map(|id| format!("{what} {id} is bound twice")));
    }
    findings
}

fn services(parts: &[(&str, &Path, &Table)], files: &WranglerFiles) -> Vec<String> {
    let mut findings = Vec::new();
    for (worker, _, part) in parts {
        for service in entries(part, "services").filter_map(|entry| text(entry, "service")) {
            if !files.workers.contains_key(service) {
                findings.push(format!("{worker} binds the service {service}, which is no Worker of ours"));
            }
        }
    }
    findings
}

/// Every queue with a producer has one consumer, which names a dead-letter queue.
fn queues(parts: &[(&str, &Path, &Table)], deployed: bool) -> Vec<String> {
    let mut findings = Vec::new();
    let consumers: Vec<&Table> =
        parts.iter().flat_map(|(.., part)| entries(part, "queues.consumers")).collect();
    let consumed: Vec<&str> = consumers.iter().filter_map(|consumer| text(consumer, "queue")).collect();
    let dead: BTreeSet<&str> =
        consumers.iter().filter_map(|consumer| text(consumer, "dead_letter_queue")).collect();
    let produced = parts
        .iter()
        .flat_map(|(.., part)| entries(part, "queues.producers"))
        .filter_map(|entry| text(entry, "queue"));
    for queue in produced.chain(dead.iter().copied()).collect::<BTreeSet<_>>() {
        let count = consumed.iter().filter(|name| **name == queue).count();
        if count != 1 {
            findings.push(format!("the queue {queue} has {count} consumers instead of one"));
        }
    }
    for consumer in consumers {
        let queue = text(consumer, "queue").unwrap_or_default();
        if !dead.contains(queue) && text(consumer, "dead_letter_queue").is_none() {
            findings.push(format!("the consumer of {queue} has no dead_letter_queue"));
        }
        let needed: &[&str] = if deployed { &["max_retries", "retry_delay"] } else { &["max_retries"] };
        for key in needed.iter().filter(|key| !consumer.contains_key(**key)) {
            findings.push(format!("the consumer of {queue} has no {key}"));
        }
    }
    findings
}

/// The path without `..`, whether or not anything is there.
fn resolved(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
