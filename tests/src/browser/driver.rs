//! chromedriver, and the Chromium that it starts.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;

use local::group::{Group, leashed};
use local::workspace::root;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use crate::event::unique;
use crate::poll::SOON;

/// What chromedriver prints before its port.
const STARTED: &str = "started successfully on port ";
/// Without what no test needs, and without anything that leaves the machine.
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
    group: Option<Group>,
    url: String,
    profile: PathBuf,
}

impl Driver {
    pub(super) fn start() -> Self {
        // chromedriver sometimes gets only the IPv6 half of a free port, and ends.
        let (group, port) = (0..5).find_map(|_| launch()).expect(
            "chromedriver does not start: run `cargo xtask test`, which installs it or says what to install",
        );
        let profile = root().join(format!("target/browser/{}-{}", std::process::id(), unique()));
        fs::create_dir_all(&profile).unwrap();
        Self { group: Some(group), url: format!("http://127.0.0.1:{port}"), profile }
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

/// Starts chromedriver, and returns its port; `None` where chromedriver has ended.
fn launch() -> Option<(Group, String)> {
    // On the leash, chromedriver ends even where this process is killed.
    let mut group = Group::start(leashed("chromedriver").arg("--port=0").stdout(Stdio::piped())).unwrap();
    let lines = BufReader::new(group.leader.stdout.take().unwrap()).lines();
    let (sender, port) = mpsc::channel();
    std::thread::spawn(move || {
        // To the end, so that chromedriver never writes into a closed pipe.
        for line in lines.map_while(Result::ok) {
            if let Some((_, port)) = line.split_once(STARTED) {
                sender.send(port.trim_end_matches('.').to_owned()).ok();
            }
        }
    });
    Some((group, port.recv_timeout(SOON).ok()?))
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The profile is in use until the browser has ended.
        self.group = None;
        fs::remove_dir_all(&self.profile).ok();
    }
}
