//! `cargo xtask secrets`: uploads secrets from this process's environment to the Workers, unseen.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use local::progress::{line, step};
use shared::courier::Operators;
use shared::sealer::SealingKey;
use shared::settings::{SettingFaults, Settings};

use super::Deployment;
use crate::environments::{WranglerFile, WranglerFiles, required_secrets};

/// Secrets that a Worker may have, besides those it requires and their `_PREVIOUS`. The operators' address is no secret,
/// but is uploaded with their secret, so that a Worker never sees one without the other.
const OPTIONAL: [(&str, &str); 2] =
    [("webhook-delivery", Operators::URL), ("webhook-delivery", Operators::SECRET)];

impl Deployment {
    /// Checks that this process's environment has every required secret, and uploads them, unless `check_only`. None
    /// is ever printed or put on a command line.
    ///
    /// # Errors
    ///
    /// The names of all secrets that are missing or unusable; nothing is uploaded then.
    pub fn secrets(&self, check_only: bool) -> Result<()> {
        let files = self.files()?;
        let mut faults = BTreeMap::new();
        let mut uploads = Vec::new();
        step("Checking", &format!("the secrets of {} in this process's environment", self.environment));
        for (worker, file) in self.workers(&files) {
            let mut values = BTreeMap::new();
            for (name, required) in self.names(worker, file)? {
                match self.variable(&name) {
                    Some(value) => drop(values.insert(name.clone(), value.to_owned())),
                    None if required => drop(faults.insert(name.clone(), "is not set".to_owned())),
                    None => continue,
                }
                let state = if values.contains_key(&name) { "set" } else { "missing" };
                line(format!("  {state:<8} {worker} {name}"));
            }
            faults.extend(unusable(&values, self.environment));
            uploads.push((worker, file, values));
        }
        if !faults.is_empty() {
            let faults: Vec<String> =
                faults.into_iter().map(|(name, fault)| format!("{name} {fault}")).collect();
            bail!(
                "{}: run it where they are set, for instance `doppler run --config {} -- cargo xtask secrets --env {}`",
                faults.join(", "),
                self.environment,
                self.environment
            );
        }
        if check_only {
            return Ok(());
        }
        self.require_account(&files)?;
        for (worker, file, values) in uploads {
            let json = serde_json::to_string(&values)?;
            self.wrangler_with_input(&file.path, &["secret", "bulk"], &json).with_context(|| {
                format!(
                    "the secrets of {worker} are not uploaded; once that is mended run {} again",
                    self.own("secrets")
                )
            })?;
            step("Uploaded", &format!("{} secrets of {worker}", values.len()));
        }
        line(format!("  Next: {}", self.own("deploy")));
        Ok(())
    }

    /// Every secret that a Worker can have, and whether the Worker requires it.
    fn names(&self, worker: &str, file: &WranglerFile) -> Result<Vec<(String, bool)>> {
        let mut names = Vec::new();
        for name in required_secrets(self.part(file)?) {
            names.push((name.to_owned(), true));
            names.push((format!("{name}_PREVIOUS"), false));
        }
        let optional = OPTIONAL.iter().filter(|(owner, _)| *owner == worker);
        names.extend(optional.map(|(_, name)| ((*name).to_owned(), false)));
        Ok(names)
    }

    /// Requires that every Worker has the secrets it needs.
    pub(super) fn require_secrets(&self, files: &WranglerFiles, account: &str) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Listed {
            name: String,
        }
        let mut missing = Vec::new();
        for (worker, file) in self.workers(files) {
            let listed: Vec<Listed> = self.told_of_worker(account, worker, "secrets")?.unwrap_or_default();
            let there: BTreeSet<&str> = listed.iter().map(|secret| &*secret.name).collect();
            let required = required_secrets(self.part(file)?).into_iter();
            missing.extend(
                required.filter(|name| !there.contains(name)).map(|name| format!("{name} of {worker}")),
            );
        }
        if !missing.is_empty() {
            bail!(
                "{} is not uploaded to {}: run {}",
                missing.join(", "),
                self.environment,
                self.own("secrets")
            );
        }
        Ok(())
    }
}

/// The faults for which a Worker would refuse these values, found by the Worker's own rules before anything is uploaded.
/// An absent value is a fault only where its pair is there.
fn unusable(values: &BTreeMap<String, String>, environment: &str) -> SettingFaults {
    let read = |name: &str| values.get(name).cloned();
    let mut settings = Settings::new(&read);
    for name in values.keys() {
        match name.as_str() {
            "WEBHOOK_SECRETS_KEY" | "WEBHOOK_SECRETS_KEY_PREVIOUS" => {
                SealingKey::required(&mut settings, name);
            }
            Operators::URL | Operators::SECRET => {}
            _ => drop(settings.secret(name)),
        }
    }
    Operators::read(&mut settings, environment.parse().ok());
    settings.finish(Some(())).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";
    /// Base64 of 32 bytes.
    const SEALING: &str = "dGVzdC1vbmx5LXNlYWxpbmcta2V5LTMyLWJ5dGVzISE=";
    const SIGNING: &str = "whsec_dGVzdC1vbmx5LXNpZ25pbmctc2VjcmV0LTMyYnl0ZSE=";

    /// The faults of these values in stage. None repeats a value.
    fn faults(values: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let faults = unusable(&owned, "stage");
        assert!(values.iter().all(|(_, value)| !format!("{faults:?}").contains(value)), "{faults:?}");
        faults.into_iter().collect()
    }

    fn assert_fault(values: &[(&str, &str)], name: &str, fault: &str) {
        assert_eq!(faults(values), [(name.to_owned(), fault.to_owned())]);
    }

    #[test]
    fn what_the_workers_take_is_taken() {
        assert_eq!(
            faults(&[
                ("EVENTS_API_KEY", LONG),
                ("WEBHOOK_SECRETS_KEY", SEALING),
                ("OPS_WEBHOOK_URL", "https://ops.example.com/webhooks"),
                ("OPS_WEBHOOK_SECRET", SIGNING),
            ]),
            []
        );
    }

    #[test]
    fn what_the_workers_would_refuse_is_named_and_not_repeated() {
        const PLACEHOLDER: &str = "is a placeholder";
        const SEALING_RULE: &str = "must be base64 of exactly 32 bytes (openssl rand -base64 32)";
        assert_fault(&[("EVENTS_API_KEY", "0123")], "EVENTS_API_KEY", "is shorter than 32 bytes");
        for text in ["<from doppler, thirty-two bytes or more>", "changeme-0123456789abcdef0123456789abcdef"]
        {
            assert_fault(&[("SESSION_KEY", text)], "SESSION_KEY", PLACEHOLDER);
        }
        let twins = [("SESSION_KEY", LONG), ("SESSION_KEY_PREVIOUS", LONG)];
        assert_fault(&twins, "SESSION_KEY_PREVIOUS", "is equal to SESSION_KEY");
        for name in ["WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"] {
            assert_fault(&[(name, "WEBHOOK_SECRETS_KEY-of-a-test-0123456789abcdef")], name, SEALING_RULE);
        }
    }

    #[test]
    fn operators_have_an_address_and_a_signing_secret_or_neither() {
        let url = ("OPS_WEBHOOK_URL", "https://ops.example.com/webhooks");
        let rule = "must be whsec_ followed by the base64 of 24 to 64 bytes";
        assert_fault(&[url, ("OPS_WEBHOOK_SECRET", LONG)], "OPS_WEBHOOK_SECRET", rule);
        let missing = "is missing, though OPS_WEBHOOK_URL is set";
        assert_fault(&[url], "OPS_WEBHOOK_SECRET", missing);
        let missing = "is missing, though OPS_WEBHOOK_SECRET is set";
        assert_fault(&[("OPS_WEBHOOK_SECRET", SIGNING)], "OPS_WEBHOOK_URL", missing);
        let plain = [("OPS_WEBHOOK_URL", "http://ops.example.com/"), ("OPS_WEBHOOK_SECRET", SIGNING)];
        assert_eq!(faults(&plain)[0].0, "OPS_WEBHOOK_URL");
    }
}
