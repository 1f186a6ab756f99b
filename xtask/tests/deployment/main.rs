//! The commands that talk to Cloudflare, with the real wrangler, against a stand-in for its API on loopback. Needs the
//! built Workers: `cargo xtask test` runs it after the release build.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod cloudflare;
mod databases;
mod deploying;
mod project;
mod provisioning;
mod refusals;
mod runbook;
mod tokens;
mod uploading_secrets;

use std::process::Command;

use self::project::Project;

/// What a command that fails says: the whole chain of causes, in one line.
fn sentence(result: anyhow::Result<()>) -> String {
    format!("{:#}", result.unwrap_err())
}

fn assert_says(result: anyhow::Result<()>, parts: &[&str]) {
    let said = sentence(result);
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

/// A project that is provisioned, filled in and committed, with its secrets uploaded.
fn ready(name: &str) -> Project {
    let project = Project::new(name).provisioned().with_secrets();
    project.fill_in();
    project.commit();
    project
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn the_command_line_fails_with_one_sentence() {
    for (words, expected) in [
        (
            &["deploy", "--env", "production"][..],
            "error: there is no environment `production`: say --env with one of dev, nonprod, stage, prod",
        ),
        (&["provision", "--env", "local"], "error: there is no environment `local`"),
        (&["secrets", "--env", "stage", "--check"], "is not set"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{words:?}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
    }
}
