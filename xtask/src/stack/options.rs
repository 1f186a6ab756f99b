//! What a stack is started with.
use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{free_port, require_free_ports};

/// How to start a [`Stack`](super::Stack).
#[derive(Debug, Clone)]
pub struct StackOptions {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) fresh: bool,
    pub(super) echo: bool,
    /// The deployed environment whose configuration it runs under, `None` for the local one.
    pub(super) environment: Option<&'static str>,
    /// Folders of Workers that run beside the product's; all are then reached without wrangler's proxy.
    pub(super) beside: Vec<&'static str>,
    /// By Worker, then by variable or secret; `None` takes it away.
    pub(super) overrides: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl StackOptions {
    /// A stack of this name, whose state lies in `.local/<name>/`, on `port` and the port after it.
    #[must_use]
    pub fn new(name: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            port,
            fresh: false,
            echo: false,
            environment: None,
            beside: Vec::new(),
            overrides: BTreeMap::new(),
        }
    }

    /// A stack of this name on whatever two ports are free, so that it can run beside others.
    ///
    /// # Errors
    ///
    /// When no two ports in a row are free.
    pub fn on_free_ports(name: &str) -> Result<Self> {
        let pair = (0..100).find_map(|_| free_port().ok().filter(|port| require_free_ports(*port).is_ok()));
        Ok(Self::new(name, pair.context("no two ports in a row are free")?))
    }

    /// Runs under the configuration and the rules of a deployed environment, over HTTPS.
    #[must_use]
    pub fn environment(mut self, name: Option<&'static str>) -> Self {
        self.environment = name;
        self
    }

    /// Runs one more Worker, whose folder has its name and is given from the repository's root. For measuring: each
    /// Worker answers on a port of its own as well, without wrangler's proxy. Under the local configuration only.
    #[must_use]
    pub fn beside(mut self, folder: &'static str) -> Self {
        self.beside.push(folder);
        self
    }

    /// Forgets everything of earlier runs: databases, Queues, inboxes, secrets, signing keys.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// Shows the Workers' log on the terminal too, made readable.
    #[must_use]
    pub fn echo(mut self) -> Self {
        self.echo = true;
        self
    }

    /// Gives a Worker another value of a variable or secret.
    #[must_use]
    pub fn set(mut self, worker: &str, name: &str, value: &str) -> Self {
        self.overrides.entry(worker.to_owned()).or_default().insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Takes a variable or secret away from a Worker.
    #[must_use]
    pub fn remove(mut self, worker: &str, name: &str) -> Self {
        self.overrides.entry(worker.to_owned()).or_default().insert(name.to_owned(), None);
        self
    }
}
