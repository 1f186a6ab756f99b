//! Checks dependencies: their licences, origins and places with cargo-deny (`deny.toml`), unused ones with cargo-machete, and
//! that libFuzzer's lock is up to date.
use std::path::PathBuf;

use anyhow::Result;
use local::process::{command, run};
use local::workspace::root;

use crate::setup::{cargo_bin, install_tool};

/// The commands that run the checks alone, once the tools are installed.
pub(crate) const ALONE: &str = "cargo deny check licenses bans sources && cargo machete";

/// Installs the tools where these versions are missing, and runs them.
pub(crate) fn check() -> Result<()> {
    install_tool("cargo-deny", "cargo-deny", "0.20.2")?;
    install_tool("cargo-machete", "cargo-machete", "0.9.2")?;
    let checks = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run(command(cargo_bin("cargo-deny")).args(checks))?;
    // The database of advisories is on GitHub, which a test does not need: an earlier `cargo deny fetch` has left it here.
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    if home.is_some_and(|home| home.join("advisory-dbs").is_dir()) {
        run(command(cargo_bin("cargo-deny")).args(["--locked", "check", "--disable-fetch", "advisories"]))?;
    }
    run(&mut command(cargo_bin("cargo-machete")))?;
    // libFuzzer's package is no member of the workspace, so no other command sees that its lock has fallen behind.
    let lock = ["update", "--workspace", "--locked", "--manifest-path", "fuzz/libfuzzer/Cargo.toml"];
    run(command("cargo").args(lock).current_dir(root()))
}
