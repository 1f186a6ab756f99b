//! `cargo xtask tokens`: the tokens that a library of others made for the tests of the Admin API.
use std::process::Command;

use anyhow::Result;
use local::process::run as run_command;
use local::workspace::root;

use crate::python;

/// The folder with the script, its requirements and the tokens.
const FOLDER: &str = "admin-api/tests/tokens/foreign";

/// Makes the tokens, and compares them with the file; with `write` writes the file.
///
/// # Errors
///
/// When the file has other tokens, or Python or its packages cannot be installed.
pub fn run(write: bool) -> Result<()> {
    let python = python::environment("tokens", &format!("{FOLDER}/requirements.txt"))?.join("bin/python");
    let mut command = Command::new(python);
    command.arg(root().join(FOLDER).join("make.py"));
    if write {
        command.arg("--write");
    }
    run_command(&mut command)
}
