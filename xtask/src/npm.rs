//! npm packages of checks, each set in a folder of its own with its lock file.
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use local::process::run;
use local::progress::step;
use local::workspace::{digest, root};

/// Installs the packages that the lock file in the folder `of` names into `.local/npm/<name>`, unless they are there.
/// Returns that folder.
///
/// # Errors
///
/// When the packages cannot be fetched, or are not what the lock file says.
pub(crate) fn packages(name: &str, of: &str) -> Result<PathBuf> {
    let folder = root().join(".local/npm").join(name);
    let files = ["package.json", "package-lock.json"].map(|file| root().join(of).join(file));
    let (stamp, wanted) = (folder.join("lock-digest"), digest(&files)?);
    if fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(folder);
    }
    step("Installing", &format!("the npm packages of {name}"));
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    for file in &files {
        let target = folder.join(file.file_name().unwrap_or_default());
        fs::copy(file, target).with_context(|| format!("{} cannot be copied", file.display()))?;
    }
    // Without the packages' scripts: one of them tells its maker of the installation.
    let flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(flags).current_dir(&folder))
        .context("the npm packages could not be installed: check the network, then try again")?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(folder)
}
