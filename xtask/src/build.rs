//! `cargo xtask build`: builds the Workers' bundles as they are deployed.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use local::process::{command, npm_bin};
use local::progress::{line, spoken, step};
use local::workspace::{Worker, digest, root, workers};
use local::{clock, process};

use crate::setup::{Machine, cargo_bin};
use crate::wasm_names::without_names;

/// The module of every Worker, which hands events to Wasm.
const ENTRY: &str = "cloudflare/src/entry.js";

/// How `wasm-opt` makes the Wasm small where an upload counts, which is after compression. A function that is inlined into its
/// only caller compresses worse than both by themselves, and the compiler has inlined what pays. Functions in the order of
/// their names stand beside those that are like them.
const SMALL: [&str; 6] =
    ["-Oz", "-aimfs=4", "-fimfs=0", "-ocimfs=0", "--debuginfo", "--reorder-functions-by-name"];
/// What of Wasm the compiler uses, and workerd knows.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-exception-handling",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds every Worker that has changed. Returns the number of new bundles.
///
/// # Errors
///
/// When a Worker does not compile or cannot be bundled. The compiler has said why by then.
pub fn run(machine: &Machine) -> Result<usize> {
    let started = clock::now();
    let workers = workers()?;
    step("Building", "the Workers");
    // All Workers in one command: shared crates are compiled once, the rest in parallel. Cargo knows what changed.
    let mut cargo = machine.build_command("cargo");
    cargo.args(["build", "--release", "--target", "wasm32-unknown-unknown"]);
    cargo.args(machine.toolchain.cargo_options());
    for worker in &workers {
        cargo.args(["--package", &worker.name]);
    }
    process::run(&mut cargo)?;

    let mut bundled = 0;
    for worker in &workers {
        if bundle(machine, worker)? {
            bundled += 1;
        }
        line(format!("{:>12} {} {}", "", worker.name, sizes(worker)?));
    }
    if bundled > 0 {
        step("Built", &format!("{bundled} of {} Workers in {}", workers.len(), spoken(started.elapsed())));
    } else {
        step("Built", "already: nothing changed");
    }
    Ok(bundled)
}

/// Turns the compiled Wasm into a bundle, unless the bundle was made of the same Wasm by the same tools. Keeps the Wasm with its
/// names beside, for whoever reads a panic. Returns whether the bundle is new.
fn bundle(machine: &Machine, worker: &Worker) -> Result<bool> {
    let entry = root().join(ENTRY);
    let made_of =
        format!("{} {} {}", digest(&[wasm(worker), entry.clone()])?, machine.bundler, SMALL.join(" "));
    let stamp = worker.directory.join("build/.made-of");
    if worker.bundle().is_file() && fs::read_to_string(&stamp).is_ok_and(|last| last == made_of) {
        return Ok(false);
    }
    let bound = worker.directory.join("build/bound");
    bind(worker, &bound)?;
    fs::copy(&entry, bound.join("entry.js")).with_context(|| format!("{} is missing", entry.display()))?;
    let mut esbuild = command(npm_bin("esbuild"));
    esbuild.arg(bound.join("entry.js")).args(["--bundle", "--minify", "--format=esm", "--log-level=warning"]);
    let script = bound.join("bundle.js");
    esbuild.arg("--external:./index_bg.wasm").arg(format!("--outfile={}", script.display()));
    process::output(&mut esbuild)?;
    let (uploaded, named) = (uploaded_wasm(worker), worker.bundle().with_file_name("index_bg.named.wasm"));
    let mut optimize = command(npm_bin("wasm-opt"));
    optimize.args(SMALL).args(FEATURES).arg(bound.join("index_bg.wasm")).arg("--output").arg(&named);
    process::output(&mut optimize)?;
    // Both at the end and at once: a stack that runs must not load the script with another Wasm.
    fs::write(bound.join("small.wasm"), without_names(&fs::read(&named)?)?)?;
    fs::rename(bound.join("small.wasm"), &uploaded)?;
    fs::rename(&script, worker.bundle())?;
    fs::remove_dir_all(&bound)?;
    fs::write(&stamp, made_of).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(true)
}

/// Writes the Wasm, with the JavaScript that binds Wasm to the runtime and the glue, to the folder `bound`.
fn bind(worker: &Worker, bound: &Path) -> Result<()> {
    if bound.exists() {
        fs::remove_dir_all(bound)?;
    }
    let mut bindgen = command(cargo_bin("wasm-bindgen"));
    bindgen.arg(wasm(worker)).arg("--out-dir").arg(bound);
    bindgen.args(["--target", "module", "--out-name", "index", "--no-typescript"]);
    // For `entry.js`, which begins a fresh instance after a panic.
    bindgen.arg("--experimental-reset-state-function");
    process::output(&mut bindgen)?;
    let script = bound.join("index.js");
    let text = fs::read_to_string(&script)?;
    // Workers import a module of Wasm in the older way, as a value (https://developers.cloudflare.com/workers/runtime-apis/webassembly/javascript/).
    let imported = text.replacen("import source wasmModule", "import wasmModule", 1);
    ensure!(imported != text, "wasm-bindgen imports Wasm in another way: adapt xtask/src/build.rs");
    fs::write(&script, without_repeated_imports(&imported))?;
    Ok(())
}

/// Leaves out the lines after the first in which the object of Wasm's imports has the same module: wrangler would warn of each.
fn without_repeated_imports(script: &str) -> String {
    let mut seen = BTreeSet::new();
    let is_first = |line: &&str| match line.trim_start().split_once(": ") {
        Some((module, _)) if module.starts_with("\"./snippets/") => seen.insert(module.to_owned()),
        _ => true,
    };
    script.lines().filter(is_first).fold(String::new(), |text, line| text + line + "\n")
}

fn wasm(worker: &Worker) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("wasm32-unknown-unknown/release").join(format!("{}.wasm", worker.name.replace('-', "_")))
}

/// The Wasm that a deployment uploads.
fn uploaded_wasm(worker: &Worker) -> PathBuf {
    worker.bundle().with_file_name("index_bg.wasm")
}

/// The bundle's size, and the size of what a deployment uploads.
fn sizes(worker: &Worker) -> Result<String> {
    let mut total = 0;
    for part in uploaded(worker) {
        total += fs::metadata(&part).with_context(|| format!("{} is missing", part.display()))?.len();
    }
    let packed = packed(&uploaded(worker));
    let packed = packed.map(|bytes| format!(", {} KiB gzipped", bytes / 1024)).unwrap_or_default();
    Ok(format!("{} KiB{packed}", total / 1024))
}

/// The script and the Wasm that a deployment uploads.
pub(crate) fn uploaded(worker: &Worker) -> [PathBuf; 2] {
    [worker.bundle(), uploaded_wasm(worker)]
}

/// The size of these files after `gzip -9`; `None` where that program is missing.
pub(crate) fn packed(files: &[PathBuf]) -> Option<u64> {
    files.iter().map(|file| gzipped(file)).sum()
}

/// The size after `gzip`; `None` where that program is missing.
fn gzipped(path: &Path) -> Option<u64> {
    let output = Command::new("gzip").arg("-9c").arg(path).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout.len() as u64)
}
