//! wrangler configurations of a local stack, derived from the Workers' own.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use super::environment::localized;
use super::options::StackOptions;
use super::shards;
use crate::address::OWN_PORTS;
use crate::secrets::Secrets;
use crate::workspace::{Worker, read_toml, root};

/// The port of the local stack in the Workers' own files; the OpenID provider's is the next.
const WRITTEN_PORT: u16 = 8787;

/// Settings without a meaning for a local stack, which `cargo xtask build` has built.
const DEPLOYMENT_ONLY: [&str; 6] = ["env", "build", "account_id", "routes", "route", "observability"];

/// The derived configurations.
pub(super) struct Configs {
    gateway: PathBuf,
    workers: Vec<PathBuf>,
    /// The databases that have migrations, each once.
    pub(super) databases: Vec<Database>,
}

impl Configs {
    /// The files in wrangler's order: wrangler serves the first one.
    pub(super) fn gateway_first(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.gateway).chain(&self.workers)
    }
}

/// A D1 database with migrations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Database {
    pub(super) id: String,
    pub(super) name: String,
    /// The folder of the SQL files.
    pub(super) migrations: PathBuf,
    /// A derived configuration that binds the database.
    pub(super) config: PathBuf,
}

/// Writes `.local/<stack>/<worker>/wrangler.json` and `.dev.vars` for each Worker and the gateway.
pub(super) fn write(
    directory: &Path,
    options: &StackOptions,
    workers: &[Worker],
    secrets: &mut Secrets,
) -> Result<Configs> {
    if let Some(unknown) =
        options.overrides.keys().find(|name| !workers.iter().any(|worker| worker.name == **name))
    {
        bail!("there is no Worker {unknown} whose variables could be overridden");
    }
    let mut paths = Vec::new();
    let mut databases = BTreeMap::new();
    let mut crons = Table::new();
    let none = BTreeMap::new();
    for worker in workers {
        let own = match options.environment {
            Some(environment) => localized(&read_toml(&worker.config())?, environment)?,
            None => read_toml(&worker.config())?,
        };
        if let Some(expressions) = own.get("triggers").and_then(|triggers| triggers.get("crons")) {
            crons.insert(worker.name.clone(), expressions.clone());
        }
        let overrides = options.overrides.get(&worker.name).unwrap_or(&none);
        let (mut derived, dev_vars) = derive(own, &worker.directory, options.port, overrides, secrets)?;
        shards::expand(&mut derived, directory, options.shards)?;
        let path = store(&directory.join(&worker.name), &derived, &dev_vars)?;
        collect_databases(&derived, &path, &mut databases);
        paths.push(path);
    }

    let mut other = |folder: &str| -> Result<_> {
        let folder = root().join(folder);
        derive(read_toml(&folder.join("wrangler.toml"))?, &folder, options.port, &none, secrets)
    };
    for folder in &options.beside {
        let (derived, dev_vars) = other(folder)?;
        let path = store(&directory.join(beside_name(folder)), &derived, &dev_vars)?;
        collect_databases(&derived, &path, &mut databases);
        paths.push(path);
    }
    let (mut gateway, dev_vars) = other("local/gateway")?;
    let vars = gateway.entry("vars").or_insert_with(|| Value::Table(Table::new()));
    if let Some(vars) = vars.as_table_mut() {
        vars.insert("STACK".to_owned(), Value::String(options.name.clone()));
        vars.insert("CRONS".to_owned(), Value::Table(crons));
        let own = |(name, distance): (&str, u16)| {
            ((options.port + distance).to_string(), Value::String(name.to_owned()))
        };
        vars.insert("WORKER_PORTS".to_owned(), Value::Table(OWN_PORTS.map(own).into_iter().collect()));
    }
    let gateway = store(&directory.join("gateway"), &gateway, &dev_vars)?;
    Ok(Configs { gateway, workers: paths, databases: databases.into_values().collect() })
}

/// The name of a Worker that runs beside the product's, which is its folder's.
pub(super) fn beside_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// One Worker's configuration for this stack, and its `.dev.vars`.
fn derive(
    mut config: Table,
    folder: &Path,
    port: u16,
    overrides: &BTreeMap<String, Option<String>>,
    secrets: &mut Secrets,
) -> Result<(Table, BTreeMap<String, String>)> {
    for key in DEPLOYMENT_ONLY {
        config.remove(key);
    }
    make_absolute(&mut config, "main", folder);
    if let Some(assets) = config.get_mut("assets").and_then(Value::as_table_mut) {
        make_absolute(assets, "directory", folder);
    }
    for database in config.get_mut("d1_databases").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(database) = database.as_table_mut() {
            make_absolute(database, "migrations_dir", folder);
        }
    }

    let mut required = BTreeSet::new();
    for name in
        config.get("secrets").and_then(|table| table.get("required")?.as_array()).into_iter().flatten()
    {
        required.extend(name.as_str().map(str::to_owned));
    }
    let mut dev_vars = BTreeMap::new();
    for name in &required {
        dev_vars.insert(name.clone(), secrets.get_or_generate(name)?);
    }
    let mut vars = config.remove("vars").and_then(|vars| vars.as_table().cloned()).unwrap_or_default();
    for value in vars.iter_mut().map(|(_, value)| value) {
        if let Value::String(text) = value {
            *text = move_ports(text, port);
        }
    }
    for (name, value) in overrides {
        match value {
            Some(value) if required.contains(name) => drop(dev_vars.insert(name.clone(), value.clone())),
            Some(value) => drop(vars.insert(name.clone(), Value::String(value.clone()))),
            None => {
                vars.remove(name);
                dev_vars.remove(name);
                required.remove(name);
            }
        }
    }
    config.insert("vars".to_owned(), Value::Table(vars));
    let required = required.into_iter().map(Value::String).collect();
    config.insert(
        "secrets".to_owned(),
        Value::Table(Table::from_iter([("required".to_owned(), Value::Array(required))])),
    );
    Ok((config, dev_vars))
}

/// A variable with the local stack's addresses moved to this stack's ports.
fn move_ports(text: &str, port: u16) -> String {
    // Split first, so that a port that was moved is not moved again.
    let parts: Vec<String> = text
        .split(&format!("localhost:{WRITTEN_PORT}"))
        .map(|part| {
            part.replace(&format!("localhost:{}", WRITTEN_PORT + 1), &format!("localhost:{}", port + 1))
        })
        .collect();
    parts.join(&format!("localhost:{port}"))
}

fn make_absolute(table: &mut Table, key: &str, folder: &Path) {
    if let Some(Value::String(path)) = table.get_mut(key) {
        *path = folder.join(&*path).to_string_lossy().into_owned();
    }
}

fn store(folder: &Path, config: &Table, dev_vars: &BTreeMap<String, String>) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let path = folder.join("wrangler.json");
    fs::write(&path, serde_json::to_string_pretty(config)?)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    let lines: String = dev_vars.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    fs::write(folder.join(".dev.vars"), lines).context("the local secrets cannot be written")?;
    Ok(path)
}

/// A value as dotenv files quote it. Single quotes take everything literally.
fn quoted(value: &str) -> String {
    if value.contains('\'') { format!("`{value}`") } else { format!("'{value}'") }
}

fn collect_databases(config: &Table, path: &Path, databases: &mut BTreeMap<String, Database>) {
    for database in config.get("d1_databases").and_then(Value::as_array).into_iter().flatten() {
        let field = |key: &str| database.get(key).and_then(Value::as_str).map(str::to_owned);
        let fields = (field("database_id"), field("database_name"), field("migrations_dir"));
        if let (Some(id), Some(name), Some(migrations)) = fields {
            databases.entry(id.clone()).or_insert(Database {
                id,
                name,
                migrations: migrations.into(),
                config: path.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(toml: &str, overrides: &[(&str, Option<&str>)]) -> (Table, BTreeMap<String, String>) {
        let overrides =
            overrides.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        derive(toml.parse().unwrap(), Path::new("/project/worker"), 9000, &overrides, &mut Secrets::default())
            .unwrap()
    }

    #[test]
    fn paths_become_absolute_and_deployment_goes() {
        let (config, _) = derived(
            "main = 'build/index.js'\naccount_id = 'a'\n[[d1_databases]]\nmigrations_dir = '../migrations'\n[env.prod]\nname = 'x'",
            &[],
        );
        assert_eq!(config["main"].as_str(), Some("/project/worker/build/index.js"));
        assert_eq!(
            config["d1_databases"][0]["migrations_dir"].as_str(),
            Some("/project/worker/../migrations")
        );
        assert!(!config.contains_key("env") && !config.contains_key("account_id"));
    }

    #[test]
    fn local_addresses_move_to_the_stacks_ports() {
        let (config, _) = derived(
            "[vars]\nISSUER = 'http://localhost:8788/'\nPORTAL = 'http://partner-portal.localhost:8787'",
            &[],
        );
        assert_eq!(config["vars"]["ISSUER"].as_str(), Some("http://localhost:9001/"));
        assert_eq!(config["vars"]["PORTAL"].as_str(), Some("http://partner-portal.localhost:9000"));
        assert_eq!(move_ports("localhost:8787 localhost:8788", 8788), "localhost:8788 localhost:8789");
        assert_eq!(move_ports("localhost:8787 localhost:8788", 8786), "localhost:8786 localhost:8787");
    }

    #[test]
    fn required_secrets_are_generated_overridden_or_removed() {
        let toml = "[secrets]\nrequired = ['A', 'B', 'C']\n[vars]\nD = 'd'\nE = 'e'";
        let (config, dev_vars) =
            derived(toml, &[("B", Some("chosen")), ("C", None), ("D", None), ("E", Some("other"))]);
        assert_eq!(dev_vars["A"].len(), 48);
        assert_eq!(dev_vars["B"], "chosen");
        assert!(!dev_vars.contains_key("C"));
        assert_eq!(config["secrets"]["required"].as_array().unwrap().len(), 2);
        assert_eq!(config["vars"].as_table().unwrap().keys().collect::<Vec<_>>(), ["E"]);
        assert_eq!(config["vars"]["E"].as_str(), Some("other"));
    }
}
