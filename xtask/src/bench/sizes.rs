//! What a deployment uploads of each Worker, compressed.
use anyhow::Result;
use local::workspace::{root, workers};
use serde::Serialize;

use crate::build::{packed, uploaded};

/// The most kilobytes that are wanted of each Worker.
const TARGETS: [(&str, f64); 3] =
    [("admin-api", 480.0), ("partner-portal", 410.0), ("webhook-delivery", 340.0)];

/// The size of a Worker.
#[derive(Debug, Serialize)]
pub(super) struct Size {
    pub(super) worker: String,
    /// Thousands of bytes after `gzip -9`.
    pub(super) kilobytes: f64,
    /// The most that is wanted; none of a rival's.
    pub(super) target: Option<f64>,
}

/// Measures the Workers that have been built, and Hono's. Empty where `gzip` is missing.
pub(super) fn measure() -> Result<Vec<Size>> {
    let mut files: Vec<_> =
        workers()?.into_iter().map(|worker| (worker.name.clone(), uploaded(&worker).to_vec())).collect();
    files.push(("Hono and jose".to_owned(), vec![root().join("local/bench/hono/build/index.js")]));
    let sizes = files.into_iter().filter_map(|(worker, files)| {
        #[allow(clippy::cast_precision_loss, reason = "some hundred thousands")]
        let kilobytes = packed(&files)? as f64 / 1000.0;
        let target = TARGETS.iter().find(|(name, _)| *name == worker).map(|(_, most)| *most);
        Some(Size { worker, kilobytes, target })
    });
    Ok(sizes.collect())
}
