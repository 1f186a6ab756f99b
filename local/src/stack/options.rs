//! What a stack is started with, and what follows from that before it runs.
use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use super::ports::free_stack_port;
use crate::address::Address;
use crate::certificate::Certificate;
use crate::credentials::Credentials;
use crate::secrets::Secrets;
use crate::workspace::root;

/// A [`Stack`](super::Stack) by its name and port, and how to start it.
#[derive(Debug, Clone)]
pub struct StackOptions {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) fresh: bool,
    pub(super) echo: bool,
    /// The deployed environment under whose configuration the stack runs; `None` for the local one.
    pub(super) environment: Option<&'static str>,
    /// How many databases the tenants are in.
    pub(super) shards: usize,
    /// Folders of Workers that run beside the product's. Every Worker is then reached without wrangler's proxy.
    pub(super) beside: Vec<&'static str>,
    /// Values by Worker, then by variable or secret; `None` takes the variable or secret away.
    pub(super) overrides: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl StackOptions {
    /// A stack of this name, with its state in `.local/<name>/`, on `port` and the four after that.
    #[must_use]
    pub fn new(name: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            port,
            fresh: false,
            echo: false,
            environment: None,
            shards: 1,
            beside: Vec::new(),
            overrides: BTreeMap::new(),
        }
    }

    /// A stack of this name on ports in a row that are free, so that it can run beside others.
    ///
    /// # Errors
    ///
    /// Fails when too few ports in a row are free.
    pub fn on_free_ports(name: &str) -> Result<Self> {
        Ok(Self::new(name, free_stack_port()?))
    }

    /// Runs under the configuration and the rules of a deployed environment, over HTTPS.
    #[must_use]
    pub fn environment(mut self, name: Option<&'static str>) -> Self {
        self.environment = name;
        self
    }

    /// Runs one more Worker, from the folder of its name. For measuring: each Worker then answers on a port of its own as
    /// well, without wrangler's proxy. Under the local configuration only.
    #[must_use]
    pub fn beside(mut self, folder: &'static str) -> Self {
        self.beside.push(folder);
        self
    }

    /// Spreads the tenants over so many databases: a power of two.
    #[must_use]
    pub fn shards(mut self, count: usize) -> Self {
        self.shards = count;
        self
    }

    /// Starts empty: without the databases, Queues, inboxes, secrets and signing keys of earlier runs.
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

    /// Where the stack answers once it runs.
    #[must_use]
    pub fn address(&self) -> Address {
        let certificate = self.environment.map(|_| self.certificate().certificate);
        Address { port: self.port, certificate }
    }

    /// The URLs and keys of the stack with this name, with an Admin API token for `email`
    /// (`developer@smartphonekey.com` where absent). The keys are the generated ones, whatever [`set`](Self::set) says.
    ///
    /// # Errors
    ///
    /// Fails when the OpenID provider does not answer.
    pub fn credentials(&self, email: Option<&str>) -> Result<Credentials> {
        Credentials::issue(&self.address(), &Secrets::load(&self.directory())?, email)
    }

    /// Where the stack keeps everything of its own.
    pub(super) fn directory(&self) -> PathBuf {
        root().join(".local").join(&self.name)
    }

    /// The certificate of a stack that runs under a deployed environment's rules.
    pub(super) fn certificate(&self) -> Certificate {
        Certificate::of(&self.directory())
    }
}
