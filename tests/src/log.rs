//! The Workers' log: lines of `[worker] {json}`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::poll::{SOON, eventually};

/// A stack's log file.
#[derive(Clone, Debug)]
pub struct Log(PathBuf);

impl Log {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The whole log, as it was printed.
    #[must_use]
    pub fn text(&self) -> String {
        fs::read(&self.0).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The lines that one Worker has printed, without those of the runtime.
    #[must_use]
    pub fn text_of(&self, worker: &str) -> String {
        let start = format!("[{worker}] ");
        self.text().lines().filter(|line| line.starts_with(&start)).map(|line| format!("{line}\n")).collect()
    }

    /// The structured lines of one Worker with this message.
    #[must_use]
    pub fn lines(&self, worker: &str, message: &str) -> Vec<Value> {
        let text = self.text_of(worker);
        let lines = text.lines().filter_map(|line| line.split_once("] "));
        let parsed = lines.filter_map(|(_, line)| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|line| line["message"] == message).collect()
    }

    /// The line of one request to a Worker, as soon as it is there.
    pub async fn request(&self, worker: &str, request_id: &str) -> Value {
        let look =
            async || self.lines(worker, "request").into_iter().find(|line| line["requestId"] == request_id);
        eventually(SOON, "the request's log line", look).await
    }
}
