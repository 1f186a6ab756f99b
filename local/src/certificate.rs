//! A certificate for loopback, made once per stack: what is HTTPS when deployed is HTTPS here.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{CertificateParams, IsCa, KeyPair};

use crate::secrets::write_privately;

/// A key and its certificate, which signs itself. Only the stack's own parts trust it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
}

impl Certificate {
    /// The certificate of the stack in this folder, whether or not it has been made.
    pub(crate) fn of(directory: &Path) -> Self {
        Self { key: directory.join("tls/key.pem"), certificate: directory.join("tls/certificate.pem") }
    }

    /// Makes the certificate for localhost and these names below it, unless there is one.
    pub(crate) fn ensure(&self, names: impl Iterator<Item = String>) -> Result<()> {
        if self.certificate.is_file() && self.key.is_file() {
            return Ok(());
        }
        let loopback = ["localhost", "127.0.0.1"].map(str::to_owned).into_iter();
        let names: Vec<String> = loopback.chain(names.map(|name| format!("{name}.localhost"))).collect();
        let mut parameters = CertificateParams::new(names)?;
        // Not an authority: with this key, nothing else can be signed.
        parameters.is_ca = IsCa::ExplicitNoCa;
        let key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?;
        let folder = self.key.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        write_privately(&self.key, &key.serialize_pem())?;
        write_privately(&self.certificate, &certificate.pem())
    }
}
