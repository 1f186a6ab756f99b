//! Python environments for the checks in Python, each with its own pinned packages.
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use local::process::{probe, run};
use local::progress::step;
use local::workspace::{digest, root};

/// Makes the environment `.local/python/<name>` with these requirements, unless there is one with the same. Returns its
/// folder.
///
/// # Errors
///
/// When Python is missing and cannot be installed, or the packages cannot be fetched.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf> {
    let environment = root().join(".local/python").join(name);
    let requirements = root().join(requirements);
    let (stamp, wanted) = (environment.join("requirements-digest"), digest(&[&requirements])?);
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(environment);
    }
    ensure()?;
    step("Installing", &format!("the Python packages of {name}"));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(environment.join("bin/python")).args(install).arg(&requirements))
        .context("the Python packages could not be installed: check the network, then try again")?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(environment)
}

/// Installs Python where it is missing.
///
/// # Errors
///
/// When Python is missing and cannot be installed.
pub(crate) fn ensure() -> Result<()> {
    if has_venv() { Ok(()) } else { install_python() }
}

fn has_venv() -> bool {
    probe(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_some()
}

/// Installs Debian's Python, which needs apt and root.
fn install_python() -> Result<()> {
    const MISSING: &str =
        "Python 3.10 or newer with venv is missing: install python3 and, on Debian, python3-venv";
    if probe(Command::new("apt-get").arg("--version")).is_none() {
        bail!(MISSING);
    }
    step("Installing", "Python");
    run(Command::new("apt-get").args(["update", "-qq"])).context(MISSING)?;
    let packages = ["install", "-y", "-qq", "--no-install-recommends", "python3", "python3-venv"];
    run(Command::new("apt-get").args(packages)).context(MISSING)?;
    if has_venv() { Ok(()) } else { bail!(MISSING) }
}
