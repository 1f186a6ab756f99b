//! Checks of the crates that we depend on: cargo-deny (`deny.toml`), and cargo-machete for crates that nothing uses.
use anyhow::Result;
use local::process::{command, run};

use crate::setup::{cargo_bin, install_tool};

/// How to run the checks alone, once they have been run.
pub(crate) const ALONE: &str = "cargo deny check licenses bans sources && cargo machete";

/// Checks licences, banned crates, sources, and that no crate names a dependency that it does not use.
pub(crate) fn check() -> Result<()> {
    install_tool("cargo-deny", "cargo-deny", "0.20.2")?;
    install_tool("cargo-machete", "cargo-machete", "0.9.2")?;
    let checks = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run(command(cargo_bin("cargo-deny")).args(checks))?;
    run(&mut command(cargo_bin("cargo-machete")))
}
