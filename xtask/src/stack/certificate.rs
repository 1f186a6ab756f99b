//! A certificate for loopback, made once per stack: what is HTTPS when deployed is HTTPS here.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{command, output};

/// A key and its certificate, which signs itself. Nobody trusts it but the stack's own parts.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) key: PathBuf,
    pub(super) certificate: PathBuf,
}

impl Certificate {
    /// That of the stack in this folder, whether or not it has been made.
    pub(super) fn of(directory: &Path) -> Self {
        Self { key: directory.join("tls/key.pem"), certificate: directory.join("tls/certificate.pem") }
    }

    /// Makes it for localhost and these names below it, unless it is there.
    pub(super) fn ensure(&self, names: impl Iterator<Item = String>) -> Result<()> {
        if self.certificate.is_file() && self.key.is_file() {
            return Ok(());
        }
        let folder = self.certificate.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        let names: String = names.map(|name| format!(", DNS:{name}.localhost")).collect();
        // No authority: with it, nothing else could be signed.
        let request = format!(
            "[req]\ndistinguished_name = subject\nx509_extensions = extensions\nprompt = no\n\
             [subject]\nCN = localhost\n\
             [extensions]\nbasicConstraints = critical, CA:FALSE\n\
             subjectAltName = DNS:localhost{names}, IP:127.0.0.1\n"
        );
        let configuration = folder.join("request.cnf");
        fs::write(&configuration, request).context("the certificate's request cannot be written")?;
        let mut openssl = command("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "3650", "-config"]).arg(&configuration);
        openssl.arg("-keyout").arg(&self.key).arg("-out").arg(&self.certificate);
        output(&mut openssl)
            .context("the stack's certificate cannot be made: install openssl, then try again")
            .map(drop)
    }
}
