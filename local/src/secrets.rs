//! Secrets of a local stack: generated once, kept beside the stack's state, worth nothing anywhere else.
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The secret that the portal's sign-in presents to the OpenID provider.
pub(crate) const PORTAL_CLIENT: &str = "AUTH0_CLIENT_SECRET";
/// The secret that `cargo xtask credentials` presents to the OpenID provider.
pub(crate) const CREDENTIALS_CLIENT: &str = "CREDENTIALS_CLIENT_SECRET";

/// Length of a generated secret, in characters.
const LENGTH: usize = 48;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Secrets by name. A name means the same secret in every Worker.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// The secrets that an earlier run left, if any, and those of the OpenID provider's clients.
    pub(crate) fn load(directory: &Path) -> Result<Self> {
        let path = directory.join("secrets.json");
        let mut secrets = match fs::read(&path) {
            Ok(json) => Self(serde_json::from_slice(&json).with_context(|| {
                format!("{} is damaged: start with `cargo xtask dev --fresh`", path.display())
            })?),
            Err(_) => Self::default(),
        };
        for name in [PORTAL_CLIENT, CREDENTIALS_CLIENT] {
            secrets.get_or_generate(name)?;
        }
        Ok(secrets)
    }

    /// Keeps the secrets for the next run.
    pub(crate) fn save(&self, directory: &Path) -> Result<()> {
        write_privately(&directory.join("secrets.json"), &serde_json::to_string_pretty(&self.0)?)
    }

    /// A secret that has been generated.
    pub(crate) fn get(&self, name: &str) -> Result<String> {
        self.0
            .get(name)
            .cloned()
            .with_context(|| format!("the local stack has no secret {name}: no Worker requires it"))
    }

    /// A secret, generated at the first call.
    pub(crate) fn get_or_generate(&mut self, name: &str) -> Result<String> {
        if let Some(known) = self.0.get(name) {
            return Ok(known.clone());
        }
        // A key that encrypts is 32 bytes in base64; every other secret is text.
        let value = if name.ends_with("SECRETS_KEY") {
            STANDARD.encode(random::<32>()?)
        } else {
            letters_and_digits()?
        };
        self.0.insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write_privately(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn letters_and_digits() -> Result<String> {
    let mut text = String::new();
    while text.len() < LENGTH {
        // Bytes that would favour the alphabet's beginning are left out.
        let fair = random::<64>()?.into_iter().map(usize::from).filter(|byte| *byte < ALPHABET.len() * 4);
        text.extend(
            fair.filter_map(|byte| ALPHABET.get(byte % ALPHABET.len())).map(|byte| char::from(*byte)),
        );
    }
    text.truncate(LENGTH);
    Ok(text)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the rule is for the Workers; this runs natively and makes local secrets"
)]
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_generated_once() {
        let mut secrets = Secrets::default();
        let first = secrets.get_or_generate("ADMIN_API_KEY").unwrap();
        assert_eq!(first.len(), LENGTH);
        assert!(first.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(secrets.get_or_generate("ADMIN_API_KEY").unwrap(), first);
        assert_ne!(secrets.get_or_generate("EVENTS_API_KEY").unwrap(), first);
    }

    #[test]
    fn an_encryption_key_is_32_bytes_in_base64() {
        let key = Secrets::default().get_or_generate("WEBHOOK_SECRETS_KEY").unwrap();
        assert_eq!(STANDARD.decode(key).unwrap().len(), 32);
    }

    #[test]
    fn a_missing_secret_is_named() {
        let error = Secrets::default().get("NO_SUCH").unwrap_err();
        assert!(error.to_string().contains("NO_SUCH"));
    }
}
