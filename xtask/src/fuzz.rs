//! `cargo xtask fuzz`: lets libFuzzer search for inputs that break what reads texts of strangers.
use anyhow::{Result, ensure};
use fuzz::TARGETS;
use local::process::{command, run as run_command};
use local::progress::step;
use local::workspace::root;

use crate::setup::install_tool;

/// Runs each target, or only the one of this name, for so many seconds. What is found stays in `target/fuzz`.
///
/// # Errors
///
/// At the first input that breaks a target, which libFuzzer has printed and written to a file by then.
pub fn run(name: Option<&str>, seconds: u32) -> Result<()> {
    let names: Vec<&str> = TARGETS
        .iter()
        .map(|target| target.name)
        .filter(|target| name.is_none_or(|name| name == *target))
        .collect();
    ensure!(!names.is_empty(), "there is no such target: {}", TARGETS.map(|target| target.name).join(", "));
    install_tool("cargo-fuzz", "cargo-fuzz", "0.13.2")?;
    for name in names {
        step("Fuzzing", name);
        let found = root().join("target/fuzz").join(name);
        std::fs::create_dir_all(&found)?;
        // Without a sanitizer, which needs a nightly compiler and looks for what our code, free of `unsafe`, cannot do.
        let mut fuzz = command("cargo");
        fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer", "--sanitizer", "none"]).arg("--target-dir");
        fuzz.arg(root().join("target/fuzz/build"))
            .arg(name)
            .arg(&found)
            .arg(root().join("fuzz/corpus").join(name));
        fuzz.arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", found.display()));
        run_command(fuzz.current_dir(root()))?;
    }
    Ok(())
}
