//! `cargo xtask provision`: creates what an environment's Workers bind, and writes the ids into the wrangler files.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use local::progress::{line, step};
use serde_json::Value;

use super::Deployment;
use super::ids::{Id, write};
use super::places::Places;
use crate::environments::{WranglerFiles, entries, is_placeholder, text};

/// The time in seconds for which a Queue keeps a message that nobody takes, paused or not: 14 days, the most that Cloudflare allows. The default is 4 days (<https://developers.cloudflare.com/changelog/2025-02-14-customize-queue-retention-period>).
const RETENTION_SECONDS: &str = "1209600";

/// What is probably wrong where a Queue with that retention is refused.
const RETENTION_IS_PAID: &str = "a Queue that keeps messages for 14 days needs the Workers Paid plan";

/// The paths of an account's D1 databases, KV namespaces and Queues.
const DATABASES: &str = "/d1/database";
const NAMESPACES: &str = "/storage/kv/namespaces";
const QUEUES: &str = "/queues";

/// A database or namespace that an environment needs.
struct Wanted {
    /// `D1 database` or `KV namespace`.
    what: &'static str,
    /// The name in the account.
    name: String,
    /// The id that the files name, or a placeholder.
    written: String,
}

impl Deployment {
    /// Creates the D1 databases, KV namespaces and Queues that are missing, and writes the ids. A second run changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// One sentence. What exists by then stays, and the next run goes on from there.
    pub fn provision(&self) -> Result<()> {
        self.create_missing()?;
        line(format!("  The ids are in the wrangler.toml files: commit them. Next: {}", self.own("secrets")));
        Ok(())
    }

    /// Provisions without a word on what to do next.
    pub(super) fn create_missing(&self) -> Result<()> {
        self.try_to_provision().with_context(|| {
            format!(
                "{} is not provisioned yet; once that is mended run {} again",
                self.environment,
                self.own("provision")
            )
        })
    }

    fn try_to_provision(&self) -> Result<()> {
        let files = self.files()?;
        let Some(account) = self.account(&files)? else {
            bail!("CLOUDFLARE_ACCOUNT_ID is not set: set it to the account of {}", self.environment);
        };
        let places = self.places()?;
        step("Provisioning", &format!("{} in the account {account}", self.environment));
        self.require_ready_account(&account, &places)?;
        self.require_in_place(&files, &account, &places)?;
        // Queues first, before a file is changed: the free plan does not take their retention, and refuses the first.
        let mut made = self.queues(&files, &account, &places)?;
        self.name_shards(&files)?;
        places.write(&self.root, self.environment)?;
        let files = self.files()?;
        let wanted_databases = self.wanted_databases(&files)?;
        for file in files.all() {
            write(&file.path, self.environment, &Id::Account, &account)?;
        }
        made += self.databases(&files, &account, &places, &wanted_databases)?;
        made += self.namespaces(&files, &account, &places)?;
        let summary = if made == 0 { "nothing was missing".to_owned() } else { format!("{made} created") };
        step("Provisioned", &format!("{}: {summary}", self.environment));
        Ok(())
    }

    /// Checks everything that `provision` checks, and creates nothing.
    ///
    /// # Errors
    ///
    /// One sentence that names what is missing.
    pub fn check_account(&self) -> Result<()> {
        let files = self.files()?;
        let Some(account) = self.account(&files)? else {
            bail!("CLOUDFLARE_ACCOUNT_ID is not set: set it to the account of {}", self.environment);
        };
        let places = self.places()?;
        self.require_ready_account(&account, &places)?;
        self.require_in_place(&files, &account, &places)?;
        step("Checked", &format!("the account {account} can be provisioned for {}", self.environment));
        Ok(())
    }

    fn wanted_databases(&self, files: &WranglerFiles) -> Result<Vec<Wanted>> {
        let wanted = entries(self.part(&files.shared)?, "d1_databases").map(|database| {
            let field = |key| text(database, key).unwrap_or_default().to_owned();
            Wanted { what: "D1 database", name: field("database_name"), written: field("database_id") }
        });
        Ok(wanted.collect())
    }

    /// The ids of the account's D1 databases, by name.
    fn listed_databases(&self, account: &str) -> Result<BTreeMap<String, String>> {
        let listed = self.listed_by_name(account, "D1 database", DATABASES, "name")?;
        Ok(ids(listed, "uuid"))
    }

    /// Requires that the databases, KV namespaces and Queues that are there already are in the right jurisdiction, and that those
    /// of which the files name the id are there.
    pub(super) fn require_in_place(
        &self,
        files: &WranglerFiles,
        account: &str,
        places: &Places,
    ) -> Result<()> {
        let there = self.listed_databases(account)?;
        for wanted in self.wanted_databases(files)? {
            let id = there.get(&wanted.name).map(String::as_str);
            self.require_written_id(&wanted, id)?;
            if let Some(id) = id {
                self.require_jurisdiction(account, places, &wanted.name, id)?;
            }
        }
        let namespaces = self.listed_by_name(account, "KV namespace", NAMESPACES, "title")?;
        for (name, (_, _, written)) in self.wanted_namespaces(files)? {
            let found = namespaces.get(&name);
            let wanted = Wanted { what: "KV namespace", name, written: written.to_owned() };
            self.require_written_id(&wanted, found.and_then(|found| filled(found, "id")))?;
            if let Some(found) = found {
                self.compare_jurisdiction(places, wanted.what, &wanted.name, filled(found, "jurisdiction"))?;
            }
        }
        let queues = self.listed_by_name(account, "Queue", QUEUES, "queue_name")?;
        for name in self.wanted_queues(files)? {
            if let Some(found) = queues.get(&name) {
                self.compare_jurisdiction(places, "Queue", &name, filled(found, "jurisdiction"))?;
            }
        }
        Ok(())
    }

    /// Everything that a path of the account lists, by the field with the name.
    fn listed_by_name(
        &self,
        account: &str,
        what: &str,
        path: &str,
        key: &str,
    ) -> Result<BTreeMap<String, Value>> {
        let listed = self.listed_in_account(account, what, path)?;
        Ok(listed.into_iter().filter_map(|item| Some((filled(&item, key)?.to_owned(), item))).collect())
    }

    /// Requires that an id in the files is the id of what has that name in the account: a new, empty database in place of the one
    /// that is written would look like a loss of all data.
    fn require_written_id(&self, Wanted { what, name, written }: &Wanted, found: Option<&str>) -> Result<()> {
        if !is_placeholder(written) && found != Some(written) {
            bail!(
                "the {what} {name} of {} is not in the account under the id that is written: restore the id with git, or write `<provision>` in its place for a new one",
                self.environment
            );
        }
        Ok(())
    }

    fn databases(
        &self,
        files: &WranglerFiles,
        account: &str,
        places: &Places,
        wanted: &[Wanted],
    ) -> Result<usize> {
        let list = || self.listed_databases(account);
        let create = |name: &str| {
            let words = in_jurisdiction(&["d1", "create", name], places);
            self.wrangler_in_account(&files.shared.path, account, &words).map(drop)
        };
        self.ensure(wanted, list, create, |name, id| {
            let place = Id::Of { kind: "d1_databases", key: "database_name", name, field: "database_id" };
            files.all().try_for_each(|file| write(&file.path, self.environment, &place, id).map(drop))
        })
    }

    /// Creates the KV namespaces. A namespace's name is the id that the top level gives the same binding.
    fn namespaces(&self, files: &WranglerFiles, account: &str, places: &Places) -> Result<usize> {
        let list = || {
            let listed = self.listed_by_name(account, "KV namespace", NAMESPACES, "title")?;
            Ok(ids(listed, "id"))
        };
        let fields = self.wanted_namespaces(files)?;
        let wanted: Vec<Wanted> = fields
            .iter()
            .map(|(name, (_, _, written))| Wanted {
                what: "KV namespace",
                name: name.clone(),
                written: (*written).to_owned(),
            })
            .collect();
        let create = |name: &str| {
            let words = in_jurisdiction(&["kv", "namespace", "create", name], places);
            self.wrangler_in_account(&files.shared.path, account, &words).map(drop)
        };
        self.ensure(&wanted, list, create, |name, id| {
            let Some((path, binding, _)) = fields.get(name) else { return Ok(()) };
            let place = Id::Of { kind: "kv_namespaces", key: "binding", name: binding, field: "id" };
            write(path, self.environment, &place, id).map(drop)
        })
    }

    /// The KV namespaces by their names, each with its Worker's file, its binding and the id that the file has.
    fn wanted_namespaces<'a>(
        &self,
        files: &'a WranglerFiles,
    ) -> Result<BTreeMap<String, (&'a Path, &'a str, &'a str)>> {
        let mut wanted = BTreeMap::new();
        for file in files.workers.values() {
            for namespace in entries(self.part(file)?, "kv_namespaces") {
                let binding = text(namespace, "binding").unwrap_or_default();
                let local = entries(&file.table, "kv_namespaces")
                    .find(|local| text(local, "binding") == Some(binding))
                    .and_then(|local| text(local, "id"))
                    .with_context(|| {
                        format!(
                            "{} has no KV namespace {binding} at its top level: run `cargo xtask tidy`",
                            file.shown(&self.root)
                        )
                    })?;
                let written = text(namespace, "id").unwrap_or_default();
                wanted.insert(local.to_owned(), (&*file.path, binding, written));
            }
        }
        Ok(wanted)
    }

    /// Creates what is not listed, and keeps the ids. A run that breaks off loses none, since the next run finds them by
    /// name.
    fn ensure(
        &self,
        wanted: &[Wanted],
        list: impl Fn() -> Result<BTreeMap<String, String>>,
        create: impl Fn(&str) -> Result<()>,
        keep: impl Fn(&str, &str) -> Result<()>,
    ) -> Result<usize> {
        let mut made = 0;
        let mut there = list()?;
        for Wanted { what, name, .. } in wanted {
            if there.contains_key(name) {
                line(format!("  present  {what} {name}"));
            } else {
                create(name)?;
                made += 1;
                line(format!("  created  {what} {name}"));
            }
        }
        if made > 0 {
            there = list()?;
        }
        for Wanted { what, name, .. } in wanted {
            let id = there
                .get(name)
                .with_context(|| format!("the {what} {name} was created, but is not listed"))?;
            keep(name, id)?;
        }
        Ok(made)
    }

    /// Creates the Queues, which have no id that a file would name.
    fn queues(&self, files: &WranglerFiles, account: &str, places: &Places) -> Result<usize> {
        let wanted = self.wanted_queues(files)?;
        // `wrangler queues list` shows the first page alone.
        let there = self.listed_by_name(account, "Queue", QUEUES, "queue_name")?;
        let mut made = 0;
        for name in wanted {
            if there.contains_key(&name) {
                line(format!("  present  Queue {name}"));
                continue;
            }
            let words = ["queues", "create", &name, "--message-retention-period-secs", RETENTION_SECONDS];
            let words = in_jurisdiction(&words, places);
            if let Err(error) = self.wrangler_in_account(&files.shared.path, account, &words) {
                // Sentences about Cloudflare name the reason: the network, the token, the API's own trouble.
                let is_explained = error.to_string().starts_with("Cloudflare");
                return Err(if is_explained { error } else { error.context(RETENTION_IS_PAID) });
            }
            made += 1;
            line(format!("  created  Queue {name}"));
        }
        Ok(made)
    }

    /// The names of the Queues that the Workers' files name.
    fn wanted_queues(&self, files: &WranglerFiles) -> Result<BTreeSet<String>> {
        let mut wanted = BTreeSet::new();
        for file in files.workers.values() {
            let part = self.part(file)?;
            for kind in ["queues.producers", "queues.consumers"] {
                for entry in entries(part, kind) {
                    let names = ["queue", "dead_letter_queue"].into_iter().filter_map(|key| text(entry, key));
                    wanted.extend(names.map(str::to_owned));
                }
            }
        }
        Ok(wanted)
    }
}

/// The id in each entry that has one.
fn ids(listed: BTreeMap<String, Value>, key: &str) -> BTreeMap<String, String> {
    listed.into_iter().filter_map(|(name, item)| Some((name, filled(&item, key)?.to_owned()))).collect()
}

/// A text of a list's entry that is there and not empty.
fn filled<'a>(item: &'a Value, key: &str) -> Option<&'a str> {
    item.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The words of a command that creates something, with the jurisdiction in which it is to be.
fn in_jurisdiction<'a>(words: &[&'a str], places: &'a Places) -> Vec<&'a str> {
    let mut words = words.to_vec();
    if let Some(jurisdiction) = &places.jurisdiction {
        words.extend(["--jurisdiction", jurisdiction]);
    }
    words
}
