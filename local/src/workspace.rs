//! Where things lie in the source tree.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The root of the repository this binary was built from.
#[must_use]
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A deployable Worker: a folder at the root with both a `Cargo.toml` and a `wrangler.toml`.
pub struct Worker {
    /// The name of the folder, the crate and the deployed Worker.
    pub name: String,
    /// The folder.
    pub directory: PathBuf,
}

impl Worker {
    /// The script that a deployment uploads.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.directory.join("build/index.js")
    }

    /// The Worker's wrangler configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.join("wrangler.toml")
    }
}

/// All Workers of this repository, by name.
pub fn workers() -> Result<Vec<Worker>> {
    workers_below(root())
}

/// All Workers of the project at `root`, by name.
pub fn workers_below(root: &Path) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for entry in fs::read_dir(root).with_context(|| cannot_read(root))? {
        let directory = entry?.path();
        let has = |file: &str| directory.join(file).is_file();
        if let (true, Some(name)) = (has("Cargo.toml") && has("wrangler.toml"), directory.file_name()) {
            workers.push(Worker { name: name.to_string_lossy().into_owned(), directory });
        }
    }
    workers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(workers)
}

/// Reads a TOML file; the error names the file.
pub fn read_toml(path: &Path) -> Result<toml::Table> {
    let text = fs::read_to_string(path).with_context(|| cannot_read(path))?;
    text.parse().with_context(|| format!("{} is not valid TOML", path.display()))
}

/// The SHA-256 of files, their paths included, in hexadecimal; fails where a file cannot be read.
pub fn digest(files: &[impl AsRef<Path>]) -> Result<String> {
    let mut hasher = Sha256::new();
    for file in files.iter().map(AsRef::as_ref) {
        hasher.update(file.to_string_lossy().as_bytes());
        hasher.update(fs::read(file).with_context(|| cannot_read(file))?);
    }
    Ok(hex::encode(hasher.finalize()))
}

/// All files below a folder, sorted, without those in folders that `skip` names; none where there is no such folder.
#[must_use]
pub fn files_below(directory: &Path, skip: &[&str]) -> Vec<PathBuf> {
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

fn cannot_read(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
