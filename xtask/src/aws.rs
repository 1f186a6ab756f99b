//! The test of `aws/`, in a Python environment of its own.
use anyhow::Result;
use local::process::{command, run};

use crate::python;

/// How to run the test alone, once it has been run.
pub(crate) const ALONE: &str = ".local/python/aws/bin/python -W ignore aws/test_eventbridge.py";

/// Checks the CloudFormation template, after installing what that needs where it is missing.
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
