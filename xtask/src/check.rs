//! `cargo xtask test`: checks everything, the quick checks first.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use local::clock;
use local::process::{command, run as run_command};
use local::progress::{line, spoken, step};
use local::workspace::{files_below, root};

use crate::environments::ENVIRONMENTS;
use crate::{
    auth0, aws, browser, build, clients, dependencies, deployment, python, schemathesis, setup, tidy,
};

/// Sets up, then checks formatting, lints, tidiness, dependencies, unit tests, and the Workers end to end.
///
/// # Errors
///
/// At the first check that fails, with the command that runs it alone.
pub fn run() -> Result<()> {
    let started = clock::now();
    let machine = setup::run()?;
    browser::ensure()?;
    // Before the unit tests, one of which runs the partners' snippet in Python.
    python::ensure()?;
    let mut passed = Vec::new();
    let mut check = |name: &'static str, rerun: &str, work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        step("Checking", name);
        let began = clock::now();
        work().with_context(|| format!("{name}: run it alone with `{rerun}`"))?;
        step("Passed", &format!("{name} in {}", spoken(began.elapsed())));
        passed.push(name);
        Ok(())
    };

    check("formatting", "cargo fmt --all --check", &mut || cargo(&["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    check("lints", &format!("cargo {}", clippy.join(" ")), &mut || cargo(&clippy))?;
    check("tidiness", "cargo xtask tidy", &mut tidy::run)?;
    check("dependencies", dependencies::ALONE, &mut dependencies::check)?;
    let unit = ["test", "--workspace", "--exclude", "tests", "--", "--quiet"];
    check("unit tests", &format!("cargo {}", unit.join(" ")), &mut || cargo(&unit))?;
    let (of_bundles, of_tools): (Vec<_>, Vec<_>) =
        script_tests().into_iter().partition(|file| is_of_bundles(file));
    check(
        "tests of the local tools",
        "node --test 'local/{gateway,openid-provider}/*.test.mjs'",
        &mut || run_scripts(&of_tools),
    )?;
    check("EventBridge's templates", aws::ALONE, &mut aws::check)?;
    check("Auth0's tenant and the workflows", auth0::ALONE, &mut auth0::check)?;
    check("release build", "cargo xtask build", &mut || build::run(&machine).map(drop))?;
    check("the bundles", "node --test 'local/bundles/*.test.mjs'", &mut || run_scripts(&of_bundles))?;
    check("deployable to every environment", "cargo xtask deploy --dry-run", &mut || {
        deployment::dry_run(&ENVIRONMENTS)
    })?;
    let deployment = ["test", "--package", "xtask", "--test", "deployment", "--", "--ignored"];
    check("deployment", &format!("cargo {}", deployment.join(" ")), &mut || cargo(&deployment))?;
    let bench = ["test", "--package", "xtask", "--test", "bench", "--", "--ignored"];
    check("the bench, briefly", &format!("cargo {}", bench.join(" ")), &mut || cargo(&bench))?;
    check("end to end", "cargo test --package tests", &mut || cargo(&["test", "--package", "tests"]))?;
    check("clients", "cargo xtask clients", &mut clients::run)?;
    check("schemathesis", "cargo xtask schemathesis", &mut schemathesis::run)?;

    line("");
    line(format!("all passed in {}: {}", spoken(started.elapsed()), passed.join(", ")));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<()> {
    run_command(command("cargo").args(arguments))
}

fn run_scripts(scripts: &[PathBuf]) -> Result<()> {
    run_command(command("node").args(["--test", "--test-reporter=dot"]).args(scripts))
}

/// Whether a test reads the bundles that the release build makes.
fn is_of_bundles(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "bundles")
}

fn script_tests() -> Vec<PathBuf> {
    let mut files = files_below(&root().join("local"), &["node_modules"]);
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files
}
