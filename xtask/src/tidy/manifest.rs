//! Every dependency in the workspace's table is named by a crate. Whether that crate uses it, cargo-machete finds out.
use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use local::workspace::read_toml;
use toml::{Table, Value};

/// Sections of a `Cargo.toml` with dependencies.
const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// One sentence for each dependency of the workspace at `root` that no member uses.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let workspace = read_toml(&root.join("Cargo.toml"))?;
    let members =
        workspace["workspace"]["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let members = members.map(|member| read_toml(&root.join(member).join("Cargo.toml")));
    Ok(findings_in(&workspace, &members.collect::<Result<Vec<_>>>()?))
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
    fn a_dependency_that_no_crate_uses_is_found() {
        let workspace = "[workspace.dependencies]\na = '1'\nb = '1'\nc = '1'".parse().unwrap();
        let members = ["[dependencies]\na.workspace = true", "[dev-dependencies]\nc = { workspace = true }"];
        let findings = findings_in(&workspace, &members.map(|member| member.parse().unwrap()));
        assert_eq!(findings, ["Cargo.toml: no crate uses the dependency b: take it out"]);
    }
}
