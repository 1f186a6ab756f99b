//! chromedriver, and the Chromium that it starts.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use crate::event::unique;
use crate::poll::SOON;

/// What chromedriver prints when it listens, before its port.
const STARTED: &str = "started successfully on port ";
/// Nothing that a test has no use for, and nothing that leaves the machine.
const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    // Chromium then ends with its driver, however that ends.
    "--remote-debugging-pipe",
];

/// A chromedriver on a free port.
pub(super) struct Driver {
    leash: Child,
    url: String,
    profile: PathBuf,
}

impl Driver {
    pub(super) fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // Of a free port it sometimes gets only the IPv6 half, and ends.
        let (leash, port) = (0..5).find_map(|_| launch(&root)).expect(
            "chromedriver does not start: run `cargo xtask test`, which installs it or says what to install",
        );
        let profile = root.join(format!("target/browser/{}-{}", std::process::id(), unique()));
        fs::create_dir_all(&profile).unwrap();
        Self { leash, url: format!("http://127.0.0.1:{port}"), profile: profile.canonicalize().unwrap() }
    }

    pub(super) async fn open(&self) -> WebDriver {
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", self.profile.display())).unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::Warning).unwrap();
        let driver = WebDriver::new(self.url.as_str(), wanted).await.unwrap();
        // It ends with its driver, which is ended at once, while another clean-up would be waited for.
        driver.clone().leak().unwrap();
        driver
    }
}

/// Starts chromedriver; gives its port, or nothing where it has ended.
fn launch(root: &Path) -> Option<(Child, String)> {
    // On the leash, it ends even where this process is killed.
    let mut leash = Command::new("node")
        .args(["local/leash.mjs", "chromedriver", "--port=0"])
        .current_dir(root)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(leash.stdout.take().unwrap()).lines();
    let (sender, port) = mpsc::channel();
    std::thread::spawn(move || {
        // To the end, so that chromedriver never writes into a closed pipe.
        for line in lines.map_while(Result::ok) {
            if let Some((_, port)) = line.split_once(STARTED) {
                sender.send(port.trim_end_matches('.').to_owned()).ok();
            }
        }
    });
    if let Ok(port) = port.recv_timeout(SOON) {
        return Some((leash, port));
    }
    drop(leash.stdin.take());
    leash.wait().ok();
    None
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        self.leash.wait().ok();
        fs::remove_dir_all(&self.profile).ok();
    }
}
