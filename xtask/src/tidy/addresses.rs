//! The addresses of the deployed Workers come from `environments.toml`: the wrangler files have these addresses, and no other file
//! has an address.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use local::workspace::files_below;
use shared::environment::Environment;
use shared::webhook::url::WebhookUrl;

use super::SKIP;
use crate::deployment::Places;
use crate::environments::{ENVIRONMENTS, WranglerFiles};

/// Endings of the files that people or programs may take an address from.
const EXTENSIONS: [&str; 9] = ["rs", "js", "mjs", "html", "md", "yaml", "yml", "json", "py"];
/// Where the rule for addresses at workers.dev is, and where tests have examples.
const ALLOWED: [&str; 5] = [
    "xtask/src/deployment/places.rs",
    "xtask/src/tidy/addresses.rs",
    "shared/src/environment.rs",
    "/tests",
    "test.",
];

/// The addresses that do not follow `environments.toml`, as `file: message` or `file:line: message`.
///
/// # Errors
///
/// When a file cannot be read, or `environments.toml` is malformed.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let files = WranglerFiles::read(root)?;
    for environment in ENVIRONMENTS {
        let places = Places::read(root, environment)?;
        for (worker, file) in &files.workers {
            let shown = file.shown(root);
            let text = fs::read_to_string(&file.path).with_context(|| format!("{shown} cannot be read"))?;
            if !places.agree(&text, environment, worker)? {
                findings.push(format!(
                    "{shown}: the addresses of {environment} are not those of environments.toml: run `cargo xtask addresses --env {environment} --write`"
                ));
            }
            let origin = places.origin(worker);
            if WebhookUrl::parse(&origin, &Environment::Prod.webhook_url_rules()).is_ok() {
                findings.push(format!(
                    "environments.toml: a webhook could point to {origin}, our own {worker}: add the zone to OWN_ZONES of shared/src/environment.rs"
                ));
            }
        }
    }
    for path in files_below(root, &SKIP) {
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_example = shown.starts_with("tests/") || ALLOWED.iter().any(|part| shown.contains(part));
        let (true, false, Ok(text)) =
            (EXTENSIONS.contains(&extension), is_example, fs::read_to_string(&path))
        else {
            continue;
        };
        findings.extend(addresses(&text).into_iter().map(|line| {
            format!("{shown}:{line}: an address of a deployed Worker: let `cargo xtask addresses` print it")
        }));
    }
    Ok(findings)
}

/// The lines with an address at workers.dev of one of our environments, counted from one.
fn addresses(text: &str) -> Vec<usize> {
    let has = |line: &str| {
        ENVIRONMENTS.iter().any(|name| line.contains(&format!(".spk-{name}.workers.dev")))
            || line.contains(".spk-${Environment}.workers.dev")
    };
    text.lines().enumerate().filter(|(_, line)| has(line)).map(|(index, _)| index + 1).collect()
}

#[cfg(test)]
mod tests {
    use local::workspace::root;

    use super::*;

    const DOMAINS: &str = "\n[prod.domains]\nadmin-api = \"api.smartphonekey.com\"\n\
        partner-portal = \"partners.smartphonekey.com\"\nwebhook-delivery = \"events.smartphonekey.com\"\n";

    /// A copy of the files of this project that have addresses or tell people where to find one.
    fn copy(name: &str) -> std::path::PathBuf {
        let copy = root().join("target/tmp/addresses").join(name);
        let _ = fs::remove_dir_all(&copy);
        for path in files_below(root(), &SKIP) {
            let shown = path.strip_prefix(root()).unwrap();
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let is_wanted = ["docs", "aws", "admin-api", "partner-portal", "webhook-delivery", ".github"]
                .iter()
                .any(|folder| shown.starts_with(folder))
                || shown.components().count() == 1;
            if is_wanted && (EXTENSIONS.contains(&extension) || extension == "toml") {
                fs::create_dir_all(copy.join(shown).parent().unwrap()).unwrap();
                fs::copy(&path, copy.join(shown)).unwrap();
            }
        }
        copy
    }

    fn append(path: &Path, more: &str) {
        fs::write(path, fs::read_to_string(path).unwrap() + more).unwrap();
    }

    #[test]
    fn every_address_follows_environments_toml() {
        let copy = copy("domains");
        assert_eq!(findings(&copy).unwrap(), Vec::<String>::new());
        append(&copy.join("environments.toml"), DOMAINS);
        let found = findings(&copy).unwrap();
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.iter().all(|line| line.contains("wrangler.toml: the addresses of prod")), "{found:#?}");

        Places::read(&copy, "prod").unwrap().write(&copy, "prod").unwrap();
        assert_eq!(findings(&copy).unwrap(), Vec::<String>::new());
        let mut custom = 0;
        for path in files_below(&copy, &SKIP) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let is_test = path.to_string_lossy().contains("/tests/");
            assert!(is_test || !text.contains(".spk-prod.workers.dev"), "{}", path.display());
            custom += text.matches("https://partners.smartphonekey.com").count();
        }
        assert_eq!(custom, 2, "PORTAL_ORIGIN of the portal and of webhook-delivery");
    }

    #[test]
    fn an_address_in_any_other_file_is_found_and_so_is_a_zone_that_webhooks_may_point_to() {
        let copy = copy("others");
        append(&copy.join("docs/admins.md"), "\nhttps://admin-api.spk-prod.workers.dev/docs\n");
        append(&copy.join("environments.toml"), &DOMAINS.replace("smartphonekey.com", "example.com"));
        Places::read(&copy, "prod").unwrap().write(&copy, "prod").unwrap();
        let found = findings(&copy).unwrap();
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(
            found[0].contains("a webhook could point to https://api.example.com, our own admin-api"),
            "{found:#?}"
        );
        assert!(found[3].starts_with("docs/admins.md:"), "{found:#?}");
    }
}
