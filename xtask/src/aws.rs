//! The test of `aws/`, in a Python environment of its own.
use std::fs;

use anyhow::{Context, Result, bail};

use crate::process::{command, probe, run};
use crate::progress::step;
use crate::workspace::{digest, root};

/// How to run the test alone, once it has been run.
pub(crate) const ALONE: &str = ".local/aws/bin/python -W ignore aws/test_eventbridge.py";

/// Checks the CloudFormation template, after installing what that needs where it is missing.
pub(crate) fn check() -> Result<()> {
    let environment = root().join(".local/aws");
    let python = environment.join("bin/python");
    let requirements = root().join("aws/requirements.txt");
    let wanted = digest(&requirements)?;
    let stamp = environment.join("requirements-digest");
    if !fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        if probe(command("python3").arg("--version")).is_none() {
            bail!("Python is missing: install Python 3.11 or newer from https://www.python.org");
        }
        step("Installing", "the Python packages of aws/");
        run(command("python3").args(["-m", "venv", "--clear"]).arg(&environment))
            .context("no Python environment can be made: install python3-venv")?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(command(&python).args(install).arg(&requirements))
            .context("the Python packages could not be installed: check the network, then try again")?;
        fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    }
    run(command(&python).args(["-W", "ignore", "-B", "aws/test_eventbridge.py", "--quiet"]))
}

#[cfg(test)]
mod tests {
    #[test]
    #[ignore = "installs Python packages; `cargo xtask test` runs the same"]
    fn the_template_holds() {
        super::check().unwrap();
    }
}
