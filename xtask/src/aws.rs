//! Runs the test of `aws/` in a Python environment of its own.
use anyhow::Result;
use local::process::{command, run};

use crate::python;

/// The command that runs the test alone, once the Python environment is there.
pub(crate) const ALONE: &str = ".local/python/aws/bin/python -W ignore aws/test_eventbridge.py";

/// Checks the CloudFormation template, after installing the Python packages that are missing.
pub(crate) fn check() -> Result<()> {
    let python = python::environment("aws", "aws/requirements.txt")?.join("bin/python");
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
