//! The Workers that ours are compared with, in `local/bench`: what has to be made of their sources before they run.
use std::fs;

use anyhow::{Context, Result};
use local::process::{command, npm_bin, output};
use local::stack::StackOptions;
use local::workspace::root;

/// The folders of the Workers, each with its configuration.
const FOLDERS: [&str; 4] = ["local/bench/floor", "local/bench/bare", "local/bench/hono", "local/bench/cold"];

/// Our Worker of which fresh isolates are started.
pub(super) const FRESH: &str = "admin-api";

/// Bundles what imports npm packages, and puts the modules of fresh isolates where the Worker `cold` has them.
pub(super) fn build() -> Result<()> {
    let folder = root().join("local/bench");
    let (hono, cold) = (folder.join("hono/build/index.js"), folder.join("cold/build"));
    let mut esbuild = command(npm_bin("esbuild"));
    esbuild.arg(folder.join("hono/src/index.js"));
    esbuild.args([
        "--bundle",
        "--minify",
        "--format=esm",
        "--conditions=workerd,worker,browser",
        "--log-level=warning",
    ]);
    output(esbuild.arg(format!("--outfile={}", hono.display())))?;
    fs::create_dir_all(&cold).with_context(|| format!("{} cannot be created", cold.display()))?;
    let ours = root().join(FRESH).join("build");
    for (from, to) in [
        (folder.join("cold/src/index.js"), "index.js"),
        (ours.join("index.js"), "admin-api.txt"),
        (ours.join("index_bg.wasm"), "admin-api.bin"),
        (hono, "hono.txt"),
    ] {
        fs::copy(&from, cold.join(to)).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    Ok(())
}

/// The stack with the rivals beside our Workers.
pub(super) fn beside(options: StackOptions) -> StackOptions {
    FOLDERS.into_iter().fold(options, StackOptions::beside)
}
