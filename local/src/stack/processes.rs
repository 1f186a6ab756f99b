//! The two processes of a stack: the OpenID provider, and the runtime with the Workers.
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};

use super::configuration::Configs;
use super::options::StackOptions;
use super::ports::free_port;
use crate::certificate::Certificate;
use crate::credentials::AUDIENCE;
use crate::group::{Group, leashed};
use crate::log::{printable, readable};
use crate::process::npm_bin;
use crate::progress::line;
use crate::secrets::{CREDENTIALS_CLIENT, PORTAL_CLIENT, Secrets};
use crate::wrangler;

/// Where a stack's processes print.
pub(super) struct Output {
    /// The log of the stack.
    log: Arc<Mutex<File>>,
    /// Whether the log is shown on the terminal as well.
    echoing: Arc<AtomicBool>,
}

impl Output {
    /// Begins an empty log, which is not shown yet.
    pub(super) fn begin(log: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(log);
        let file = file.with_context(|| format!("{} cannot be written", log.display()))?;
        Ok(Self { log: Arc::new(Mutex::new(file)), echoing: Arc::default() })
    }

    /// Shows the log on the terminal from now on, or no more.
    pub(super) fn echo(&self, shown: bool) {
        self.echoing.store(shown, Ordering::Relaxed);
    }

    /// Starts a command whose output goes here.
    fn start(&self, command: &mut Command) -> Result<Group> {
        let mut group = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
            .context("Node cannot be started: run `cargo xtask setup`")?;
        if let Some(stdout) = group.leader.stdout.take() {
            self.copy(stdout);
        }
        if let Some(stderr) = group.leader.stderr.take() {
            self.copy(stderr);
        }
        Ok(group)
    }

    /// Copies what a process prints, line by line, until the process ends.
    fn copy(&self, from: impl Read + Send + 'static) {
        let (log, echoing) = (Arc::clone(&self.log), Arc::clone(&self.echoing));
        thread::spawn(move || {
            let mut lines = BufReader::new(from);
            let mut raw = Vec::new();
            while lines.read_until(b'\n', &mut raw).is_ok_and(|length| length > 0) {
                let text = printable(&raw);
                if let Ok(mut log) = log.lock() {
                    // Losing a line of the log is no reason to stop the stack.
                    let _ = writeln!(log, "{text}");
                }
                if let Some(shown) = echoing.load(Ordering::Relaxed).then(|| readable(&text)).flatten() {
                    line(shown);
                }
                raw.clear();
            }
        });
    }
}

/// Starts the OpenID provider.
pub(super) fn start_provider(options: &StackOptions, secrets: &Secrets, output: &Output) -> Result<Group> {
    let mut node = leashed("node");
    node.arg("local/openid-provider/server.mjs")
        .env("PORT", (options.port + 1).to_string())
        .env("STATE_DIRECTORY", options.directory())
        .env("PORTAL_URL", options.address().urls().portal_url)
        .env("PORTAL_CLIENT_SECRET", secrets.get(PORTAL_CLIENT)?)
        .env("CREDENTIALS_CLIENT_SECRET", secrets.get(CREDENTIALS_CLIENT)?)
        .env("AUDIENCE", AUDIENCE);
    if options.environment.is_some() {
        let Certificate { key, certificate } = options.certificate();
        node.env("TLS_KEY", key).env("TLS_CERTIFICATE", certificate);
    }
    output.start(&mut node)
}

/// Starts the runtime: `wrangler dev`, or Miniflare's API where each Worker is to be reached at a port of `direct`,
/// without wrangler's proxy.
pub(super) fn start_runtime(
    options: &StackOptions,
    direct: &BTreeMap<String, u16>,
    configs: &Configs,
    output: &Output,
) -> Result<Group> {
    let mut node = leashed("node");
    quieten(&mut node, &options.directory());
    if direct.is_empty() {
        wrangler_dev(&mut node, options, configs)?;
    } else {
        node.arg("local/workers.mjs").args(configs.gateway_first());
        node.env("PORT", options.port.to_string())
            .env("DIRECT_PORTS", serde_json::to_string(direct)?)
            .env("STATE_DIRECTORY", options.directory().join("state"));
    }
    output.start(&mut node)
}

fn wrangler_dev(node: &mut Command, options: &StackOptions, configs: &Configs) -> Result<()> {
    node.arg(npm_bin("wrangler")).arg("dev");
    for config in configs.gateway_first() {
        node.arg("--config").arg(config);
    }
    node.arg("--persist-to").arg(options.directory().join("state"));
    node.args(["--ip", "127.0.0.1", "--port", &options.port.to_string()]);
    if options.environment.is_some() {
        let Certificate { key, certificate } = options.certificate();
        node.args(["--local-protocol", "https", "--https-key-path"]).arg(key);
        node.arg("--https-cert-path").arg(&certificate);
        // The Workers' own `fetch` has to reach the OpenID provider.
        node.env("NODE_EXTRA_CA_CERTS", certificate);
    }
    node.args(["--inspector-port", &free_port()?.to_string(), "--show-interactive-dev-session=false"]);
    Ok(())
}

/// Keeps wrangler quiet, offline, and apart from other stacks on the machine.
pub(super) fn quieten(command: &mut Command, directory: &Path) {
    wrangler::quieten(command, &directory.join("wrangler"))
        .env("WRANGLER_REGISTRY_PATH", directory.join("registry"))
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "false");
}
