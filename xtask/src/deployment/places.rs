//! Where an environment is: the jurisdiction of its data, and the addresses of its Workers. Both come from `environments.toml`.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

use super::{Deployment, ORDER};
use crate::environments::WranglerFiles;

/// The file at the project's root.
const FILE: &str = "environments.toml";
/// The jurisdictions that wrangler takes for D1, KV and Queues alike.
const JURISDICTIONS: [&str; 3] = ["eu", "us", "fedramp"];

/// An environment in `environments.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "eu")]
    jurisdiction: String,
    #[serde(default)]
    domains: BTreeMap<String, String>,
}

fn eu() -> String {
    "eu".to_owned()
}

/// The addresses of an environment's Workers, and where the environment keeps its data.
#[derive(Debug, PartialEq, Eq)]
pub struct Places {
    /// The jurisdiction of D1, KV and Queues; `None` for anywhere.
    pub jurisdiction: Option<String>,
    /// The workers.dev subdomain that the environment's account has to have; `None` with custom domains.
    pub(super) subdomain: Option<String>,
    /// The host of each Worker.
    hosts: BTreeMap<String, String>,
}

impl Places {
    /// Reads what the project at `root` says of an environment. Without the file: the European Union, and workers.dev.
    ///
    /// # Errors
    ///
    /// One sentence, where the file is malformed or names a jurisdiction or a Worker that there is not.
    pub fn read(root: &Path, environment: &str) -> Result<Self> {
        let path = root.join(FILE);
        let text = if path.exists() {
            fs::read_to_string(&path).with_context(|| format!("{FILE} cannot be read"))?
        } else {
            String::new()
        };
        Self::parse(&text, environment)
    }

    fn parse(text: &str, environment: &str) -> Result<Self> {
        let mut all: BTreeMap<String, Written> =
            toml::from_str(text).with_context(|| format!("{FILE} is malformed"))?;
        let written =
            all.remove(environment).unwrap_or(Written { jurisdiction: eu(), domains: BTreeMap::new() });
        let jurisdiction = match &*written.jurisdiction {
            "none" => None,
            known if JURISDICTIONS.contains(&known) => Some(known.to_owned()),
            other => bail!(
                "{FILE}: {environment} has no such jurisdiction as `{other}`: write one of {} or none",
                JURISDICTIONS.join(", ")
            ),
        };
        let subdomain = format!("spk-{environment}");
        if written.domains.is_empty() {
            let host = |worker: &&str| ((*worker).to_owned(), format!("{worker}.{subdomain}.workers.dev"));
            return Ok(Self {
                jurisdiction,
                hosts: ORDER.iter().map(host).collect(),
                subdomain: Some(subdomain),
            });
        }
        for worker in ORDER {
            let Some(host) = written.domains.get(worker) else {
                bail!("{FILE}: {environment} has no domain for {worker}: name all three or none");
            };
            let is_host = host.contains('.')
                && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c));
            if !is_host {
                bail!(
                    "{FILE}: the domain of {worker} in {environment} is no host name: write it without scheme and path"
                );
            }
        }
        if let Some(other) = written.domains.keys().find(|name| !ORDER.contains(&name.as_str())) {
            bail!("{FILE}: {environment} names a domain for {other}, which is no Worker");
        }
        Ok(Self { jurisdiction, hosts: written.domains, subdomain: None })
    }

    /// The scheme and host of a Worker.
    #[must_use]
    pub fn origin(&self, worker: &str) -> String {
        format!("https://{}", self.hosts.get(worker).map_or("", String::as_str))
    }

    /// Writes the addresses into the environment's part of each Worker's file of the project at `root`.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be read or written.
    pub fn write(&self, root: &Path, environment: &str) -> Result<()> {
        for (worker, file) in &WranglerFiles::read(root)?.workers {
            let shown = file.shown(root);
            let text = fs::read_to_string(&file.path).with_context(|| format!("{shown} cannot be read"))?;
            let new = self.written(&text, environment, worker)?;
            if new != text {
                fs::write(&file.path, new).with_context(|| format!("{shown} cannot be written"))?;
            }
        }
        Ok(())
    }

    /// Returns whether the text of a Worker's file has these addresses in the environment's part.
    ///
    /// # Errors
    ///
    /// Fails where the text is no TOML.
    pub fn agree(&self, text: &str, environment: &str, worker: &str) -> Result<bool> {
        let part = |text: &str| -> Result<Option<toml::Value>> {
            let table: toml::Table = text.parse()?;
            Ok(table.get("env").and_then(|all| all.get(environment)).cloned())
        };
        Ok(part(text)? == part(&self.written(text, environment, worker)?)?)
    }

    /// Writes the addresses into the environment's part of a Worker's file. Returns the file's new text.
    fn written(&self, text: &str, environment: &str, worker: &str) -> Result<String> {
        let mut document: DocumentMut = text.parse()?;
        let part =
            document.get_mut("env").and_then(|all| all.get_mut(environment)).and_then(Item::as_table_mut);
        let Some(part) = part else { return Ok(text.to_owned()) };
        if let Some(vars) = part.get_mut("vars").and_then(Item::as_table_like_mut) {
            for (name, owner) in [("PORTAL_ORIGIN", "partner-portal"), ("ADMIN_API_ORIGIN", "admin-api")] {
                if let Some(value) = vars.get_mut(name) {
                    *value = toml_edit::value(self.origin(owner));
                }
            }
        }
        if self.subdomain.is_some() {
            part.remove("routes");
            part.remove("workers_dev");
        } else {
            let mut route = InlineTable::new();
            route.insert("pattern", self.hosts.get(worker).map_or("", String::as_str).into());
            route.insert("custom_domain", true.into());
            part["workers_dev"] = toml_edit::value(false);
            part["routes"] = toml_edit::value(Array::from_iter([Value::InlineTable(route)]));
        }
        Ok(document.to_string())
    }
}

impl Deployment {
    /// The addresses of this environment's Workers.
    pub(super) fn places(&self) -> Result<Places> {
        Places::read(&self.root, self.environment)
    }

    /// Returns the environment's addresses as one JSON object, for scripts and `aws cloudformation`. With `write`, writes them into
    /// the wrangler files, too.
    ///
    /// # Errors
    ///
    /// Fails where `environments.toml` is malformed, or a file cannot be written.
    pub fn addresses(&self, write: bool) -> Result<String> {
        let places = self.places()?;
        if write {
            places.write(&self.root, self.environment)?;
        }
        let origins = ORDER.map(|worker| (worker, places.origin(worker)));
        Ok(serde_json::to_string_pretty(&BTreeMap::from(origins))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOM: &str = "[prod.domains]\nadmin-api = \"api.example.com\"\npartner-portal = \"partners.example.com\"\nwebhook-delivery = \"events.example.com\"\n";
    const WORKER: &str = "[env.prod]\nname = \"partner-portal\"\n\n[env.prod.vars]\nPORTAL_ORIGIN = \"https://old\"\nADMIN_API_ORIGIN = \"https://old\"\n";

    #[test]
    fn an_environment_is_in_the_union_and_at_workers_dev_unless_the_file_says_otherwise() {
        let places = Places::parse("", "prod").unwrap();
        assert_eq!(places.jurisdiction.as_deref(), Some("eu"));
        assert_eq!(places.origin("admin-api"), "https://admin-api.spk-prod.workers.dev");
        let text = places.written(WORKER, "prod", "partner-portal").unwrap();
        assert!(text.contains("PORTAL_ORIGIN = \"https://partner-portal.spk-prod.workers.dev\""), "{text}");
        assert_eq!(Places::parse("[prod]\njurisdiction = \"none\"", "prod").unwrap().jurisdiction, None);
    }

    #[test]
    fn every_address_follows_the_custom_domains_and_back() {
        let places = Places::parse(CUSTOM, "prod").unwrap();
        let text = places.written(WORKER, "prod", "partner-portal").unwrap();
        let table: toml::Table = text.parse().unwrap();
        let prod = &table["env"]["prod"];
        assert_eq!(prod["vars"]["PORTAL_ORIGIN"].as_str(), Some("https://partners.example.com"));
        assert_eq!(prod["vars"]["ADMIN_API_ORIGIN"].as_str(), Some("https://api.example.com"));
        assert_eq!(prod["routes"][0]["pattern"].as_str(), Some("partners.example.com"));
        assert_eq!(prod["routes"][0]["custom_domain"].as_bool(), Some(true));
        assert_eq!(prod["workers_dev"].as_bool(), Some(false));
        let plain = Places::parse("", "prod").unwrap();
        let back = plain.written(&text, "prod", "partner-portal").unwrap();
        assert_eq!(back, plain.written(WORKER, "prod", "partner-portal").unwrap());
    }

    #[test]
    fn a_malformed_file_is_one_sentence() {
        for (text, part) in [
            ("[prod]\njurisdiction = \"mars\"", "no such jurisdiction as `mars`"),
            ("[prod.domains]\nadmin-api = \"api.example.com\"", "no domain for webhook-delivery"),
            (&*CUSTOM.replace("api.example.com", "https://api.example.com/"), "is no host name"),
            (&*format!("{CUSTOM}inbox = \"x.example.com\"\n"), "inbox, which is no Worker"),
            ("[prod]\ncolour = \"red\"", "malformed"),
        ] {
            let said = format!("{:#}", Places::parse(text, "prod").unwrap_err());
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
}
