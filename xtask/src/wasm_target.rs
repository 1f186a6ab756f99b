//! The `wasm32-unknown-unknown` target: from rustup, or built from Debian's packages where rustup's server is out of reach.
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use local::process::{command, probe, run, run_within};
use local::progress::step;

const TARGET: &str = "wasm32-unknown-unknown";
/// The name under which `wasm-target.sh` makes its toolchain known to rustup.
const BUILT: &str = "wasm";
/// How long rustup may take for some 20 MB. Where its server is out of reach, rustup would try for much longer.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);
const RECIPE: &str = include_str!("wasm-target.sh");

/// The toolchain that builds for Wasm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The toolchain that builds everything else.
    Default,
    /// The toolchain that `wasm-target.sh` makes.
    Built,
}

impl WasmToolchain {
    /// Makes a command use this toolchain.
    pub(crate) fn apply(&self, command: &mut Command) {
        if *self == Self::Built {
            command.env("RUSTUP_TOOLCHAIN", BUILT).env_remove("CARGO").env_remove("RUSTC");
        }
    }

    /// Further options for cargo: the packaged toolchain may be older than the one that runs the tests.
    pub(crate) fn cargo_options(&self) -> &'static [&'static str] {
        match self {
            Self::Default => &[],
            Self::Built => &["--ignore-rust-version"],
        }
    }

    fn has_target(&self) -> bool {
        let mut rustc = command("rustc");
        self.apply(&mut rustc);
        probe(rustc.args(["--print", "target-libdir", "--target", TARGET]))
            .is_some_and(|directory| has_std(Path::new(&directory)))
    }
}

fn has_std(directory: &Path) -> bool {
    let names = directory.read_dir().into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// Returns a toolchain that has the target, after installing the target where no toolchain has it.
pub(crate) fn ensure() -> Result<WasmToolchain> {
    let present =
        || [WasmToolchain::Default, WasmToolchain::Built].into_iter().find(WasmToolchain::has_target);
    if let Some(toolchain) = present() {
        return Ok(toolchain);
    }
    step("Installing", &format!("the Rust target {TARGET}"));
    let added = run_within(RUSTUP_LIMIT, command("rustup").args(["target", "add", TARGET]));
    if added && WasmToolchain::Default.has_target() {
        return Ok(WasmToolchain::Default);
    }
    if !Path::new("/etc/debian_version").exists() {
        bail!(
            "the Rust target {TARGET} is missing: install rustup from https://rustup.rs and run `rustup target add {TARGET}`"
        );
    }
    step("Building", "the target's standard library from Debian's packages, about a minute");
    let built = run(command("bash").args(["-c", RECIPE]));
    match (built, present()) {
        (Ok(()), Some(toolchain)) => Ok(toolchain),
        _ => bail!(
            "the Rust target {TARGET} could be had neither from rustup nor from Debian's packages (which need root): run `rustup target add {TARGET}`"
        ),
    }
}
