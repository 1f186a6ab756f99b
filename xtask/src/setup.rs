//! `cargo xtask setup`: installs what the machine lacks, and nothing else.
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use local::process::{self, command, probe};
use local::progress::step;
use local::workspace::{digest, read_toml, root};

use crate::wasm_target::{self, WasmToolchain};

/// The oldest Node whose npm installs our packages; those bring the newer Node that wrangler needs.
const OLDEST_NODE: u32 = 20;

/// What a build has to know about a machine on which everything is installed.
pub struct Machine {
    pub(crate) toolchain: WasmToolchain,
    /// The versions of the tools that turn Wasm into a bundle.
    pub(crate) bundler: String,
}

impl Machine {
    /// A command for building: with the Wasm toolchain.
    pub(crate) fn build_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = command(program);
        self.toolchain.apply(&mut command);
        command
    }
}

/// Installs what is missing.
///
/// # Errors
///
/// One sentence that says what to do, where something cannot be installed from here.
pub fn run() -> Result<Machine> {
    require_node()?;
    let toolchain = wasm_target::ensure()?;
    install_npm_packages()?;
    // The version follows from Cargo.lock: the bundle's script has to match the crate that the Wasm was compiled with.
    let wasm_bindgen = install_tool("wasm-bindgen-cli", "wasm-bindgen", &locked_version("wasm-bindgen")?)?;
    let packages = digest(&[root().join("package-lock.json")])?;
    Ok(Machine { toolchain, bundler: format!("{wasm_bindgen} {packages}") })
}

/// Installs the npm packages alone, wrangler among them: what the commands need that talk to Cloudflare.
///
/// # Errors
///
/// One sentence that says what to do.
pub(crate) fn packages() -> Result<()> {
    require_node()?;
    install_npm_packages()
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String> {
    let lock = read_toml(&root().join("Cargo.lock"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text =
        |entry: &'_ toml::Value, key: &str| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .filter(|entry| text(entry, "name").as_deref() == Some(package))
        .find_map(|entry| text(entry, "version"))
        .with_context(|| {
            format!("Cargo.lock names no package {package}: restore it with `git checkout Cargo.lock`")
        })
}

fn require_node() -> Result<()> {
    let found = probe(Command::new("node").arg("--version"));
    let major = found
        .as_deref()
        .and_then(|version| version.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    match major {
        None => bail!("Node is missing: install Node {OLDEST_NODE} or newer from https://nodejs.org"),
        Some(major) if major < OLDEST_NODE => {
            bail!("Node {major} is too old: install Node {OLDEST_NODE} or newer from https://nodejs.org")
        }
        Some(_) => {}
    }
    if probe(Command::new("npm").arg("--version")).is_none() {
        bail!("npm is missing: install it with Node, from https://nodejs.org");
    }
    Ok(())
}

/// Installs the npm packages. `npm ci` empties `node_modules` first, so a stamp in that folder says from which lock file
/// the packages come.
fn install_npm_packages() -> Result<()> {
    let wanted = digest(&[root().join("package-lock.json")])?;
    let stamp = root().join("node_modules/.lock-digest");
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    step("Installing", "npm packages");
    // The machine's own npm: the packages' Node comes without one.
    process::run(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(root()),
    )
    .context("the npm packages could not be installed: check the network, then try again")?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Installs a tool into cargo's bin folder unless that very version is there. Returns its name and version.
pub(crate) fn install_tool(package: &str, program: &str, version: &str) -> Result<String> {
    let installed = || {
        let printed = probe(Command::new(cargo_bin(program)).arg("--version"))?;
        printed.split_whitespace().any(|word| word == version).then(|| format!("{package} {version}"))
    };
    if let Some(found) = installed() {
        return Ok(found);
    }
    step("Installing", &format!("{package} {version}: a minute or a few, once"));
    // One target folder, so that what the tools share is compiled once; little optimization, since they run briefly.
    let install = process::run(
        command("cargo")
            .args(["install", "--force", &format!("{package}@{version}")])
            .env("CARGO_TARGET_DIR", root().join("target/tools"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    );
    install.with_context(|| {
        format!("{package} could not be installed: run `cargo install {package}@{version}`")
    })?;
    installed().with_context(|| {
        format!(
            "{package} {version} was installed, but not as {}: unset CARGO_INSTALL_ROOT",
            cargo_bin(program).display()
        )
    })
}

/// The path of a program in cargo's bin folder, whether or not that folder is on the `PATH`.
pub(crate) fn cargo_bin(program: &str) -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || folder("HOME").unwrap_or_default().join(".cargo");
    folder("CARGO_INSTALL_ROOT")
        .or_else(|| folder("CARGO_HOME"))
        .unwrap_or_else(home)
        .join("bin")
        .join(program)
}
