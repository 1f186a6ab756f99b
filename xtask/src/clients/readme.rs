//! The story that the README tells for a shell, word by word.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use local::credentials::Credentials;
use local::process::{command, search_path};
use local::workspace::root;
use serde_json::Value;

use super::succeeding;

/// The heading of the story.
const HEADING: &str = "## The story, by hand";
/// The tenant of the story, in place of which each shell has a tenant of its own.
const TENANT: &str = "acme-corp";

/// Runs the README's commands in this shell, with `cargo xtask credentials` printing these credentials.
pub(super) fn play(shell: &str, credentials: &Credentials, limit: Duration) -> Result<()> {
    let readme = fs::read_to_string(root().join("README.md")).context("the README cannot be read")?;
    // All on one output, in order. So a pasted line that a shell cannot read is seen, too.
    let script = format!("exec 2>&1\n{}", commands(&readme)?).replace(TENANT, &format!("story-in-{shell}"));
    let script = script.replace("$INBOX/acme", &format!("$INBOX/{shell}"));

    let folder = root().join("target/clients").join(format!("cargo-for-{shell}"));
    fs::create_dir_all(&folder).context("the folder of the stand-in for cargo cannot be made")?;
    let cargo = folder.join("cargo");
    let printed = serde_json::to_string_pretty(credentials)?;
    fs::write(&cargo, format!("#!/bin/sh\ncat <<'END'\n{printed}\nEND\n"))
        .context("the stand-in cannot be written")?;
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o700))
        .context("the stand-in cannot be made a program")?;

    let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&search_path())))?;
    let printed =
        succeeding(command(shell).arg("-s").env("PATH", path).env("NO_PROXY", "*"), &script, limit)?;
    judge(&printed).with_context(|| format!("it printed:\n{printed}"))
}

/// The blocks of commands below the story's heading.
fn commands(readme: &str) -> Result<String> {
    let story = readme.split_once(HEADING).context("the README has no story")?.1;
    let story = story.split_once("\n## ").map_or(story, |(story, _)| story);
    let blocks =
        story.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let commands: String = blocks.collect();
    ensure!(commands.contains("cargo xtask credentials"), "the README's story has no commands");
    Ok(commands)
}

/// Compares what the shell printed with what the README says.
fn judge(printed: &str) -> Result<()> {
    let statuses: Vec<&str> = printed.lines().filter_map(status).collect();
    ensure!(statuses == ["404", "201", "201", "409", "201", "200"], "the statuses are {statuses:?}");
    ensure!(printed.matches("{\"accepted\":1}").count() == 2, "two events were to be accepted");
    let inbox = printed.find("\"messages\"").context("the inbox shows no messages")?;
    ensure!(printed[inbox..].contains("\"webhook-signature\": \"v1,"), "the inbox shows no signature");
    let log = printed.find("{\n  \"deliveries\"").context("there is no log of deliveries")?;
    let mut documents = serde_json::Deserializer::from_str(&printed[log..]).into_iter::<Value>();
    let log = documents.next().context("the log of deliveries is not whole")??;
    let newest = &log["deliveries"][0];
    let attempts: Vec<_> =
        newest["attempts"].as_array().into_iter().flatten().map(|one| &one["status"]).collect();
    ensure!(attempts == [500, 500, 200] && newest["state"] == "delivered", "the newest delivery is {newest}");
    Ok(())
}

/// The status at the end of an answer's line. Where `jq` reads the answer, the status is on no line with it.
fn status(line: &str) -> Option<&str> {
    let (_, last) = line.rsplit_once("} ")?;
    (last.len() == 3 && last.bytes().all(|byte| byte.is_ascii_digit())).then_some(last)
}
