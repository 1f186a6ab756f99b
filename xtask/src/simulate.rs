//! `cargo xtask simulate`: builds the simulation with the compiler's optimizations, and runs the whole table.

use anyhow::Result;
use local::process::{command, run as run_command};

/// Runs every line of the table, and writes docs/scaling.md.
///
/// # Errors
/// Where the simulation does not build, or a run cannot begin.
pub fn run() -> Result<()> {
    let arguments = ["run", "--quiet", "--profile", "simulation", "--package", "simulation"];
    run_command(command("cargo").args(arguments))
}
