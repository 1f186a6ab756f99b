//! Every dependency in the workspace's table is named by a crate. Whether that crate uses it, cargo-machete finds out. Every
//! package in the lock of npm has its digest, without which npm would take whatever comes.
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use local::workspace::read_toml;
use toml::{Table, Value};

/// Sections of a `Cargo.toml` with dependencies.
const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// One sentence for each dependency of the workspace at `root` that no member uses, and for each package of npm without digest.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let workspace = read_toml(&root.join("Cargo.toml"))?;
    let members =
        workspace["workspace"]["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let members = members.map(|member| read_toml(&root.join(member).join("Cargo.toml")));
    let mut findings = findings_in(&workspace, &members.collect::<Result<Vec<_>>>()?);
    let lock =
        std::fs::read_to_string(root.join("package-lock.json")).context("package-lock.json is missing")?;
    findings.extend(packages_without_integrity(&serde_json::from_str(&lock)?));
    Ok(findings)
}

/// One sentence for each package of npm's lock without a digest; links within the repository need none.
fn packages_without_integrity(lock: &serde_json::Value) -> Vec<String> {
    let packages = lock["packages"].as_object().into_iter().flatten();
    let fetched = packages.filter(|(path, package)| !path.is_empty() && package["link"] != true);
    let lacking = fetched.filter(|(_, package)| {
        !package["integrity"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha512-") && digest.len() == 95)
    });
    lacking.map(|(path, _)| format!("package-lock.json: {path} has no integrity of SHA-512")).collect()
}

fn findings_in(workspace: &Table, members: &[Table]) -> Vec<String> {
    let names = |section: Option<&Value>| {
        section.and_then(Value::as_table).into_iter().flat_map(Table::keys).cloned().collect::<BTreeSet<_>>()
    };
    let used = members.iter().flat_map(|member| SECTIONS.map(|section| names(member.get(section)))).flatten();
    let used: BTreeSet<String> = used.collect();
    let listed = names(workspace.get("workspace").and_then(|workspace| workspace.get("dependencies")));
    let unused = listed.difference(&used);
    unused.map(|name| format!("Cargo.toml: no crate uses the dependency {name}: take it out")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_npm_without_digest_is_found() {
        let digest = format!("sha512-{}", "A".repeat(88));
        let lock = serde_json::json!({"packages": {
            "": {"name": "ours"}, "node_modules/a": {"integrity": digest}, "node_modules/b": {"version": "1.0.0"},
            "node_modules/c": {"integrity": "sha1-short"}, "node_modules/d": {"link": true},
        }});
        let findings = ["b", "c"]
            .map(|name| format!("package-lock.json: node_modules/{name} has no integrity of SHA-512"));
        assert_eq!(packages_without_integrity(&lock), findings);
    }

    #[test]
    fn a_dependency_that_no_crate_uses_is_found() {
        let workspace = "[workspace.dependencies]\na = '1'\nb = '1'\nc = '1'".parse().unwrap();
        let members = ["[dependencies]\na.workspace = true", "[dev-dependencies]\nc = { workspace = true }"];
        let findings = findings_in(&workspace, &members.map(|member| member.parse().unwrap()));
        assert_eq!(findings, ["Cargo.toml: no crate uses the dependency b: take it out"]);
    }
}
