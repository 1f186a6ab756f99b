//! Plays the story of the README against the built Workers: with the generated clients, and by curl in bash and zsh.

use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use local::credentials::Credentials;
use local::process::{command, probe};
use local::progress::{line, step};
use local::stack::{Stack, StackOptions};
use local::workspace::root;
use serde_json::json;

use super::readme;
use super::{Tools, succeeding};

/// How long a story may take; each takes half a minute, most of it between attempts.
const LIMIT: Duration = Duration::from_secs(150);

/// The shells in which the README says that its story runs.
const SHELLS: [&str; 2] = ["bash", "zsh"];

pub(super) fn run(tools: &Tools) -> Result<()> {
    let stack = Stack::start(StackOptions::on_free_ports("clients")?.fresh())?;
    let credentials = stack.credentials(None)?;
    let settings = settings(&credentials);
    let mut shells = SHELLS.to_vec();
    shells.retain(|shell| {
        let is_there = probe(command(shell).args(["-c", "command -v curl jq"])).is_some();
        if !is_there {
            line(format!("Skipped: the story in {shell}, because {shell}, curl or jq is missing"));
        }
        is_there
    });
    step("Playing", &format!("the README's story in TypeScript, Python, {}", shells.join(", ")));
    let failures: Vec<String> = thread::scope(|scope| {
        let (settings, credentials) = (&settings, &credentials);
        let mut stories = vec![
            ("TypeScript", scope.spawn(move || typescript(tools, settings))),
            ("Python", scope.spawn(move || python(tools, settings))),
        ];
        stories.extend(
            shells.iter().map(|shell| (*shell, scope.spawn(|| readme::play(shell, credentials, LIMIT)))),
        );
        let ended = stories.into_iter().filter_map(|(name, story)| {
            let failure = story.join().map_or_else(
                |_| Some("it panicked".to_owned()),
                |result| result.err().map(|error| format!("{error:#}")),
            );
            failure.map(|failure| format!("the story in {name}: {failure}"))
        });
        ended.collect()
    });
    if failures.is_empty() {
        Ok(())
    } else {
        bail!("{}\nThe Workers' log is {}", failures.join("\n"), stack.log_path().display())
    }
}

/// What a client has to know, as JSON: `localhost` is the only name that every client resolves.
fn settings(credentials: &Credentials) -> String {
    json!({
        "adminApiUrl": credentials.admin_api_localhost_url, "adminApiKey": credentials.admin_api_key,
        "adminJwt": credentials.admin_jwt, "deliveryUrl": credentials.delivery_localhost_url,
        "eventsKey": credentials.events_key, "inboxUrl": credentials.inbox_url,
    })
    .to_string()
}

fn typescript(tools: &Tools, settings: &str) -> Result<()> {
    let mut story = command("node");
    succeeding(story.arg(tools.clients.join("story.mjs")).arg(settings), "", LIMIT).map(drop)
}

fn python(tools: &Tools, settings: &str) -> Result<()> {
    let mut story = tools.of_python("python");
    let folders = [tools.clients.clone(), root().join("docs/verify")];
    story.env("PYTHONPATH", std::env::join_paths(folders)?);
    succeeding(story.arg("tests/clients/story.py").arg(settings), "", LIMIT).map(drop)
}
