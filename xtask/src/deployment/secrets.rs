//! `cargo xtask secrets`: from this process's environment to the Workers, unseen.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::Deployment;
use super::provision::json_in;
use super::wrangler::is_unknown_worker;
use crate::environments::{WranglerFile, WranglerFiles, required_secrets};
use crate::progress::{line, step};

/// What a Worker takes besides those it requires and their `_PREVIOUS`.
const OPTIONAL: [(&str, &str); 1] = [("webhook-delivery", "OPS_WEBHOOK_SECRET")];
/// The Workers refuse anything shorter.
const SHORTEST: usize = 32;

impl Deployment {
    /// Checks that this process's environment has every required secret, and uploads them, unless `check_only`. None
    /// is ever printed or put on a command line.
    ///
    /// # Errors
    ///
    /// All that is missing or unusable, by name; nothing is uploaded then.
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
            faults.extend(unusable(&values));
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
        if self.account(&files)?.is_none() {
            bail!("the account of {} is not known yet: run {}", self.environment, self.own("provision"));
        }
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

    /// Every secret a Worker can have, and whether it must.
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

    /// That every deployed Worker has the secrets it requires.
    pub(super) fn require_secrets(&self, files: &WranglerFiles) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Listed {
            name: String,
        }
        let mut missing = Vec::new();
        for (worker, file) in self.workers(files) {
            let listed: Vec<Listed> = match self.wrangler(&file.path, &["secret", "list"]) {
                Ok(printed) => serde_json::from_str(json_in(&printed))
                    .context("wrangler lists the secrets in a way we cannot read")?,
                Err(error) if is_unknown_worker(&error) => Vec::new(),
                Err(error) => return Err(error),
            };
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

/// What the Workers would refuse, found before it is uploaded.
fn unusable(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut faults = BTreeMap::new();
    for (name, value) in values {
        if value.len() < SHORTEST {
            faults.insert(name.clone(), format!("is shorter than {SHORTEST} bytes"));
        } else if value.starts_with('<') || value.bytes().any(|byte| !byte.is_ascii_graphic()) {
            faults.insert(name.clone(), "is a placeholder or has white space in it".to_owned());
        } else if let Some((twin, _)) =
            values.iter().take_while(|(other, _)| *other != name).find(|(_, other)| *other == value)
        {
            faults.insert(name.clone(), format!("is equal to {twin}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_workers_would_refuse_is_named_and_not_repeated() {
        let long = "0123456789abcdef0123456789abcdef";
        let values = [
            ("A", long),
            ("A_PREVIOUS", long),
            ("B", "short"),
            ("C", "<from doppler, thirty-two bytes>"),
            ("D", "fedcba9876543210fedcba9876543210"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let faults = unusable(&values);
        assert_eq!(faults.keys().collect::<Vec<_>>(), ["A_PREVIOUS", "B", "C"]);
        assert_eq!(faults["A_PREVIOUS"], "is equal to A");
        assert!(!format!("{faults:?}").contains(long));
    }
}
