//! Installs the browser of the Partner Portal's tests, and its WebDriver.
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use local::process::{self, probe};
use local::progress::step;

/// The names of Chromium on different systems; chromedriver looks for these too.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Installs Chromium and chromedriver where they are missing or of different versions.
///
/// # Errors
///
/// One sentence that says what to install, where this process cannot.
pub(crate) fn ensure() -> Result<()> {
    let Err(fault) = found() else { return Ok(()) };
    if !is_root_on_debian() {
        bail!(
            "{fault}: install Chromium and the chromedriver of the same version (on Debian: \
             `sudo apt-get install chromium chromium-driver`)"
        );
    }
    step("Installing", "Chromium and chromedriver");
    let apt = |arguments: &[&str]| {
        process::run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "--quiet=2"])
        .and_then(|()| {
            apt(&["install", "--yes", "--quiet=2", "--no-install-recommends", "chromium", "chromium-driver"])
        })
        .context("Chromium could not be installed: run `apt-get install chromium chromium-driver`")?;
    found().map_err(anyhow::Error::msg)
}

/// Looks for both programs. The error says what is wrong.
fn found() -> std::result::Result<(), String> {
    let version = |program: &str| probe(Command::new(program).arg("--version"));
    let browser = BROWSERS.iter().find_map(|name| version(name)).ok_or("Chromium is missing")?;
    let driver = version("chromedriver").ok_or("chromedriver is missing")?;
    fit(&browser, &driver)
}

/// Compares the versions: a driver drives only the browser of its own major version.
fn fit(browser: &str, driver: &str) -> std::result::Result<(), String> {
    match (major(browser), major(driver)) {
        (Some(browser), Some(driver)) if browser != driver => {
            Err(format!("chromedriver {driver} does not drive Chromium {browser}"))
        }
        _ => Ok(()),
    }
}

/// The major version in a printed version: 148 in `Chromium 148.0.7778.167 built on …`.
fn major(printed: &str) -> Option<u32> {
    printed.split_whitespace().find_map(|word| word.split_once('.')?.0.parse().ok())
}

fn is_root_on_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = release.lines().any(|line| line.trim_matches('"') == "ID=debian");
    is_debian && probe(Command::new("id").arg("-u")).as_deref() == Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_of_another_version_is_found_out() {
        let chromium = "Chromium 148.0.7778.167 built on Debian GNU/Linux 12 (bookworm)";
        assert_eq!(fit(chromium, "ChromeDriver 148.0.1.2 (a21ce9-refs/branch-heads/7778@{#1})"), Ok(()));
        let fault = fit(chromium, "ChromeDriver 156.0.8078.79 (a21ce9)").unwrap_err();
        assert_eq!(fault, "chromedriver 156 does not drive Chromium 148");
        assert_eq!(fit("Something else", "ChromeDriver 156.0.8078.79"), Ok(()), "the driver will say");
    }
}
