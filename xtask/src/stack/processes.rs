//! The two processes of a stack: the OpenID provider, and the runtime with the Workers.
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::certificate::Certificate;
use super::configuration::Configs;
use super::group::Group;
use super::secrets::{self, Secrets};
use super::{Stack, free_port};
use crate::credentials;
use crate::process::{command, npm_bin};

impl Stack {
    pub(super) fn start_provider(&self, secrets: &Secrets) -> Result<Group> {
        let port = self.options.port;
        let mut node = command("node");
        node.args(["local/leash.mjs", "node", "local/openid-provider/server.mjs"])
            .env("PORT", (port + 1).to_string())
            .env("STATE_DIRECTORY", &self.directory)
            .env("PORTAL_URL", self.urls().portal_url)
            .env("PORTAL_CLIENT_SECRET", secrets.get(secrets::PORTAL_CLIENT)?)
            .env("CREDENTIALS_CLIENT_SECRET", secrets.get(secrets::CREDENTIALS_CLIENT)?)
            .env("AUDIENCE", credentials::AUDIENCE);
        if self.options.environment.is_some() {
            let Certificate { key, certificate } = Certificate::of(&self.directory);
            node.env("TLS_KEY", key).env("TLS_CERTIFICATE", certificate);
        }
        Group::start(&mut node, &self.log_path(), &self.echoing)
    }

    /// `wrangler dev`, or Miniflare's API where Workers are to be reached without wrangler's proxy.
    pub(super) fn start_runtime(&self, configs: &Configs) -> Result<Group> {
        let mut node = command("node");
        node.args(["local/leash.mjs", "node"]);
        quieten(&mut node, &self.directory);
        if self.direct.is_empty() {
            self.wrangler_dev(&mut node, configs)?;
        } else {
            node.arg("local/workers.mjs").args(configs.gateway_first());
            node.env("PORT", self.options.port.to_string())
                .env("DIRECT_PORTS", serde_json::to_string(&self.direct)?)
                .env("STATE_DIRECTORY", self.directory.join("state"));
        }
        Group::start(&mut node, &self.log_path(), &self.echoing)
    }

    fn wrangler_dev(&self, node: &mut Command, configs: &Configs) -> Result<()> {
        node.arg(npm_bin("wrangler")).arg("dev");
        for config in configs.gateway_first() {
            node.arg("--config").arg(config);
        }
        node.arg("--persist-to").arg(self.directory.join("state"));
        node.args(["--ip", "127.0.0.1", "--port", &self.options.port.to_string()]);
        if self.options.environment.is_some() {
            let Certificate { key, certificate } = Certificate::of(&self.directory);
            node.args(["--local-protocol", "https", "--https-key-path"]).arg(key);
            node.arg("--https-cert-path").arg(&certificate);
            // The Workers' own `fetch` has to reach the OpenID provider.
            node.env("NODE_EXTRA_CA_CERTS", certificate);
        }
        node.args(["--inspector-port", &free_port()?.to_string(), "--show-interactive-dev-session=false"]);
        Ok(())
    }
}

/// Settings that keep wrangler quiet, offline, and apart from other stacks on the machine.
pub(super) fn quieten(command: &mut Command, directory: &Path) {
    command
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("WRANGLER_NO_SKILLS_UPDATE_PROMPTS", "true")
        .env("WRANGLER_REGISTRY_PATH", directory.join("registry"))
        .env("WRANGLER_LOG_PATH", directory.join("wrangler"))
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "false")
        .env("NO_COLOR", "1");
}
