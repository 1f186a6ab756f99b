//! Checks dependencies: their licences, origins and places with cargo-deny (`deny.toml`), unused ones with cargo-machete.
use anyhow::Result;
use local::process::{command, run};

use crate::setup::{cargo_bin, install_tool};

/// The commands that run the checks alone, once the tools are installed.
pub(crate) const ALONE: &str = "cargo deny check licenses bans sources && cargo machete";

/// Installs the tools where these versions are missing, and runs them.
pub(crate) fn check() -> Result<()> {
    install_tool("cargo-deny", "cargo-deny", "0.20.2")?;
    install_tool("cargo-machete", "cargo-machete", "0.9.2")?;
    let checks = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run(command(cargo_bin("cargo-deny")).args(checks))?;
    run(&mut command(cargo_bin("cargo-machete")))
}
