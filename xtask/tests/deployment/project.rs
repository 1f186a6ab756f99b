//! A copy of those files of this project that a deployment needs, in a git repository of its own.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use xtask::deployment::Deployment;

use super::cloudflare::{ACCOUNT, Cloudflare, Database, TOKEN};

pub(crate) const WORKERS: [&str; 3] = ["webhook-delivery", "admin-api", "partner-portal"];

/// The wrangler files.
pub(crate) const FILES: [&str; 4] = [
    "wrangler.toml",
    "webhook-delivery/wrangler.toml",
    "admin-api/wrangler.toml",
    "partner-portal/wrangler.toml",
];

/// Migrations of the database `tenants` that only a test's project has.
pub(crate) const ADDED_MIGRATIONS: [&str; 2] = ["0998_added.sql", "0999_added.sql"];

#[derive(Clone)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) cloudflare: Cloudflare,
    pub(crate) variables: BTreeMap<String, String>,
    /// The Workers whose /health answers 503.
    pub(crate) ill: Arc<Mutex<Vec<String>>>,
    /// How often a Worker still answers with the version before the newest.
    pub(crate) slow: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How often a Worker does not answer at all.
    pub(crate) silent: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Project {
    /// A fresh copy, with an empty account.
    pub(crate) fn new(name: &str) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let root = own.join("target/tmp/deployment").join(name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        copy(&own.join("wrangler.toml"), &root.join("wrangler.toml"));
        copy(&own.join("environments.toml"), &root.join("environments.toml"));
        copy(&own.join("migrations"), &root.join("migrations"));
        // A test needs several migrations, however many the product has.
        for name in ADDED_MIGRATIONS {
            fs::write(root.join("migrations").join(name), "SELECT 1;").unwrap();
        }
        copy(&own.join(".gitignore"), &root.join(".gitignore"));
        for worker in WORKERS {
            for part in ["wrangler.toml", "Cargo.toml", "build", "migrations"] {
                copy(&own.join(worker).join(part), &root.join(worker).join(part));
            }
        }
        let project = Self {
            root,
            cloudflare: Cloudflare::start(),
            variables: BTreeMap::new(),
            ill: Arc::default(),
            slow: Arc::default(),
            silent: Arc::default(),
        };
        project.unprovision();
        project.commit();
        project.with_account()
    }

    fn with_account(mut self) -> Self {
        let base = format!("http://127.0.0.1:{}/client/v4", self.cloudflare.port);
        for (name, value) in [
            ("CLOUDFLARE_API_BASE_URL", &*base),
            ("CLOUDFLARE_API_TOKEN", TOKEN),
            ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT),
        ] {
            self.set(name, value);
        }
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Sets every secret that a Worker requires, each to a value of its own.
    pub(crate) fn set_secrets(&mut self) {
        for name in
            ["ADMIN_API_KEY", "SERVICE_JWT_SECRET", "EVENTS_API_KEY", "AUTH0_CLIENT_SECRET", "SESSION_KEY"]
        {
            self.set(name, &format!("{name}-of-a-test-0123456789abcdef"));
        }
        self.set("WEBHOOK_SECRETS_KEY", "dGVzdC1vbmx5LXNlYWxpbmcta2V5LTMyLWJ5dGVzISE=");
    }

    /// The environment stage, with an internet in which the deployed Workers and the issuer answer.
    pub(crate) fn stage(&self) -> Deployment {
        let (cloudflare, ill) = (self.cloudflare.clone(), Arc::clone(&self.ill));
        let (slow, silent) = (Arc::clone(&self.slow), Arc::clone(&self.silent));
        let get = move |url: &str| -> Result<(u16, String)> {
            if let Some(issuer) = url.strip_suffix(".well-known/openid-configuration") {
                return Ok((200, json!({ "issuer": issuer }).to_string()));
            }
            let host = url.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/health"));
            let host = host.unwrap_or_default();
            let bound = cloudflare.account().domains.get(host).cloned();
            let Some(worker) = bound.as_deref().or_else(|| host.strip_suffix(".spk-stage.workers.dev"))
            else {
                bail!("no such host");
            };
            if let Some(times @ 1..) = silent.lock().unwrap().get_mut(worker) {
                *times -= 1;
                bail!("no answer");
            }
            if ill.lock().unwrap().iter().any(|name| name == worker) {
                return Ok((503, String::new()));
            }
            let account = cloudflare.account();
            let Some(deployed) = account.workers.get(worker) else { bail!("no such host") };
            let mut newest_first = deployed.deployments.iter().rev();
            if let Some(times @ 1..) = slow.lock().unwrap().get_mut(worker) {
                *times -= 1;
                newest_first.next();
            }
            let Some(version) = newest_first.next() else { bail!("no such host") };
            Ok((200, json!({"status": "ok", "environment": "stage", "version": version}).to_string()))
        };
        let patience = Duration::from_secs(2);
        Deployment::of(self.root.clone(), "stage", self.variables.clone(), Box::new(get), patience)
    }

    /// Runs the real wrangler in the project's folder. Returns whether it succeeded, and what it printed.
    pub(crate) fn wrangler<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> (bool, String) {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/.bin");
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let output = Command::new(programs.join("wrangler"))
            .args(words)
            .current_dir(&self.root)
            .envs(&self.variables)
            .envs([("PATH", &*path), ("CI", "true"), ("WRANGLER_SEND_METRICS", "false")])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).unwrap()
    }

    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{from} is not in {file}");
        fs::write(self.root.join(file), text.replace(from, to)).unwrap();
    }

    /// Fills in what only people can.
    pub(crate) fn fill_in(&self) {
        let text = self.read("partner-portal/wrangler.toml");
        let filled = text.lines().map(|line| match line.split_once(" = \"<") {
            Some(("AUTH0_CLIENT_ID", _)) => "AUTH0_CLIENT_ID = \"abcDEF123\"",
            Some(("SUPPORT_EMAIL", _)) => "SUPPORT_EMAIL = \"support@example.com\"",
            Some(("STATUS_URL", _)) => "STATUS_URL = \"https://status.example.com/\"",
            _ => line,
        });
        let filled: Vec<&str> = filled.collect();
        fs::write(self.root.join("partner-portal/wrangler.toml"), filled.join("\n") + "\n").unwrap();
    }

    pub(crate) fn commit(&self) {
        for words in [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &[
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@example.com",
                "commit",
                "--quiet",
                "--allow-empty",
                "--message",
                "Test",
            ],
        ] {
            let status = Command::new("git").current_dir(&self.root).args(words).status().unwrap();
            assert!(status.success(), "git {words:?}");
        }
    }

    /// The project with account and files as provisioning leaves them, without the dozen calls of wrangler.
    pub(crate) fn provisioned(self) -> Self {
        let mut account = self.cloudflare.account();
        for queue in ["webhook-events", "webhook-retries", "webhook-dead-letters"] {
            account.queues.insert(queue.to_owned(), format!("queue-{queue}"));
            account.jurisdictions.insert(queue.to_owned(), "eu".to_owned());
        }
        for file in FILES {
            let text = self.read(file);
            let namespace = text.lines().find_map(|line| line.strip_prefix("id = ")).unwrap_or_default();
            let namespace = namespace.trim_matches('"').to_owned();
            let (mut stage, mut database) = (false, String::new());
            let mut filled = String::new();
            for line in text.lines() {
                if let Some(section) = line.trim_start_matches('[').strip_prefix("env.") {
                    stage = section.starts_with("stage");
                }
                let (key, value) = line.split_once(" = ").unwrap_or_default();
                let id = match key {
                    "database_name" => {
                        database = value.trim_matches('"').to_owned();
                        None
                    }
                    "account_id" => Some(ACCOUNT.to_owned()),
                    "database_id" => {
                        let id = format!("d1-{database}");
                        let made = || Database::new(id.clone(), Some("eu".to_owned()));
                        account.databases.entry(database.clone()).or_insert_with(made);
                        Some(id)
                    }
                    "id" => {
                        let id = format!("kv-{namespace}");
                        account.namespaces.insert(namespace.clone(), id.clone());
                        account.jurisdictions.insert(namespace.clone(), "eu".to_owned());
                        Some(id)
                    }
                    _ => None,
                };
                filled += &match id.filter(|_| stage) {
                    Some(id) => format!("{key} = \"{id}\"\n"),
                    None => format!("{line}\n"),
                };
            }
            fs::write(self.root.join(file), filled).unwrap();
        }
        drop(account);
        self
    }

    /// The project with the account as the upload of secrets leaves it.
    pub(crate) fn with_secrets(mut self) -> Self {
        self.set_secrets();
        for (worker, names) in [
            ("webhook-delivery", &["EVENTS_API_KEY", "WEBHOOK_SECRETS_KEY"][..]),
            ("admin-api", &["ADMIN_API_KEY", "SERVICE_JWT_SECRET", "WEBHOOK_SECRETS_KEY"]),
            (
                "partner-portal",
                &["ADMIN_API_KEY", "SERVICE_JWT_SECRET", "AUTH0_CLIENT_SECRET", "SESSION_KEY"],
            ),
        ] {
            let secrets = names.iter().map(|name| ((*name).to_owned(), self.variables[*name].clone()));
            self.cloudflare.account().give_secrets(worker, secrets.collect());
        }
        self
    }

    /// Applies all migrations.
    pub(crate) fn migrate(&self) {
        let account = self.cloudflare.account();
        for (database, folder) in [("tenants-0", "migrations"), ("sessions", "partner-portal/migrations")] {
            for name in self.migrations(folder) {
                account.databases[database].migrate(&name, &self.read(&format!("{folder}/{name}")));
            }
        }
    }

    /// The names of the migrations in a folder, in order.
    pub(crate) fn migrations(&self, folder: &str) -> Vec<String> {
        let files = fs::read_dir(self.root.join(folder)).unwrap().flatten();
        let mut names: Vec<String> = files.map(|file| file.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Takes out the ids that a real provisioning has written.
    fn unprovision(&self) {
        for file in FILES {
            let text = self.read(file);
            let mut deployed = false;
            let mut plain = String::new();
            for line in text.lines() {
                deployed |= line.starts_with("[env.") || line.starts_with("[[env.");
                let key = line.split(" = ").next().unwrap_or_default();
                if deployed && ["account_id", "database_id", "id"].contains(&key) {
                    plain += &format!("{key} = \"<provision>\"\n");
                } else {
                    plain += &format!("{line}\n");
                }
            }
            fs::write(self.root.join(file), plain).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap().flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
