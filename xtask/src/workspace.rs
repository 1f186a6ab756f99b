//! Where things lie in the source tree.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The root of the repository this binary was built from.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A deployable Worker: a folder at the root with both a `Cargo.toml` and a `wrangler.toml`.
pub(crate) struct Worker {
    /// The folder's name, which is the crate's and the deployed Worker's as well.
    pub(crate) name: String,
    /// The folder.
    pub(crate) directory: PathBuf,
}

impl Worker {
    /// The bundle that worker-build makes.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.directory.join("build/index.js")
    }

    /// The Worker's wrangler configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("wrangler.toml")
    }
}

/// All Workers, by name.
pub(crate) fn workers() -> Result<Vec<Worker>> {
    workers_below(root())
}

/// All Workers of the project at `root`, by name.
pub(crate) fn workers_below(root: &Path) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("{} cannot be read", root.display()))? {
        let directory = entry?.path();
        let has = |file: &str| directory.join(file).is_file();
        if let (true, Some(name)) = (has("Cargo.toml") && has("wrangler.toml"), directory.file_name()) {
            workers.push(Worker { name: name.to_string_lossy().into_owned(), directory });
        }
    }
    workers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(workers)
}

/// Reads a TOML file.
pub(crate) fn read_toml(path: &Path) -> Result<toml::Table> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    text.parse().with_context(|| format!("{} is not valid TOML", path.display()))
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn digest(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// The version of a package in `Cargo.lock`.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let lock = read_toml(&root().join("Cargo.lock"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    packages
        .into_iter()
        .flatten()
        .find(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(package))
        .and_then(|entry| entry.get("version")?.as_str())
        .map(str::to_owned)
        .with_context(|| {
            format!("Cargo.lock names no package {package}: restore it with `git checkout Cargo.lock`")
        })
}

/// All files below a folder, sorted, leaving out folders that `skip` names; a missing folder has none.
pub(crate) fn files_below(directory: &Path, skip: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() {
                files.push(path);
            } else if path.is_dir() && !skip.iter().any(|name| entry.file_name() == *name) {
                open.push(path);
            }
        }
    }
    files.sort();
    files
}
