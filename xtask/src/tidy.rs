//! `cargo xtask tidy`: the rules of the source tree that no compiler checks.

mod addresses;
mod configuration;
mod manifest;
mod named_paths;
mod rules;
mod source;

use std::fs;

use anyhow::{Result, bail};
use local::progress::line;
use local::workspace::{files_below, root};

pub use self::named_paths::is_there;
use self::rules::RULES;
use self::source::Source;

/// Folders that hold nothing of ours.
const SKIP: [&str; 6] = [".git", ".local", ".wrangler", "build", "node_modules", "target"];
/// Endings of source files.
const EXTENSIONS: [&str; 6] = ["rs", "js", "mjs", "css", "html", "sql"];

/// Checks every source file of the repository against every rule.
///
/// # Errors
///
/// When a rule is broken. Each place has been printed as `file:line: message` by then.
pub fn run() -> Result<()> {
    let mut findings = configuration::findings(root())?;
    findings.extend(addresses::findings(root())?);
    findings.extend(manifest::findings(root())?);
    findings.extend(named_paths::findings(root())?);
    let mut checked = 0;
    for path in files_below(root(), &SKIP) {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let (true, Ok(text)) = (EXTENSIONS.contains(&extension), fs::read_to_string(&path)) else { continue };
        let relative = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
        findings.extend(findings_in(&Source::new(&relative, &text)));
        checked += 1;
    }
    if findings.is_empty() {
        line(format!("{:>12} {checked} files, {} rules", "Tidy", RULES.len()));
        return Ok(());
    }
    findings.iter().for_each(line);
    bail!("{} of the tree's rules are broken in the places above", findings.len())
}

/// What a file breaks, as `file:line: message`.
fn findings_in(source: &Source) -> Vec<String> {
    let all = RULES.iter().flat_map(|rule| rule(source));
    all.map(|(line, message)| format!("{}:{line}: {message}", source.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_file_line_and_rule() {
        let source = Source::new("shared/src/tenant.rs", "//! A tenant.\nuse crate::store;\n");
        let found = ["shared/src/tenant.rs:2: a domain file must not use crate::store"];
        assert_eq!(findings_in(&source), found);
    }
}
