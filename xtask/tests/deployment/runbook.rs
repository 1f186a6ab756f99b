//! The procedures of `docs/operations.md` that only Cloudflare can play, with the page's commands and the real wrangler against the
//! stand-in: rotating secrets, going back, and restoring D1.
use std::fs;
use std::path::Path;

use crate::project::{Project, WORKERS};
use crate::{ready, sentence};

/// The page from a heading to the next one.
fn section(heading: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = fs::read_to_string(file).unwrap();
    let (_, rest) = page.split_once(&format!("\n{heading}")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Runs a command of wrangler's as the page says: with the environment and a Worker's file, or the shared one.
fn wrangler(project: &Project, command: &str, config: &str) -> String {
    let words = command.strip_prefix("npx wrangler ").unwrap().split_whitespace();
    let (succeeded, printed) = project.wrangler(words.chain(["--env", "stage", "--config", config]));
    assert!(succeeded, "{command}: {printed}");
    printed
}

/// The names in a text that are Queues.
fn queues(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    words
        .filter(|word| word.starts_with("webhook-") && *word != "webhook-delivery")
        .map(str::to_owned)
        .collect()
}

/// A row of the page's table of secrets that are rotated by the three steps.
struct Rotation {
    name: String,
    /// The Workers that have the secret.
    workers: Vec<&'static str>,
    old: String,
    new: String,
}

impl Rotation {
    fn read(row: &str, project: &Project) -> Self {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let name = cells[0].trim().trim_matches('`').to_owned();
        let known = [("API", "admin-api"), ("portal", "partner-portal"), ("delivery", "webhook-delivery")];
        let worker = |short: &str| known.iter().find(|(cell, _)| *cell == short.trim()).unwrap().1;
        let workers = cells[1].split(", ").map(worker);
        let new = if name == "WEBHOOK_SECRETS_KEY" {
            "YW5vdGhlci1zZWFsaW5nLWtleS1vZi0zMi1ieXRlcyE=".to_owned()
        } else {
            format!("another-{name}-0123456789abcdef")
        };
        Self { workers: workers.collect(), old: project.variables[&name].clone(), new, name }
    }

    fn previous(&self) -> String {
        format!("{}_PREVIOUS", self.name)
    }

    /// Asserts that exactly the secret's Workers have these values.
    fn stands(&self, project: &Project, current: &str, other: Option<&str>) {
        for (worker, kept) in &project.cloudflare.account().workers {
            let has = |name: &str| kept.secrets.get(name).map(String::as_str);
            let expected = self.workers.contains(&worker.as_str());
            assert_eq!(has(&self.name), expected.then_some(current), "{} of {worker}", self.name);
            assert_eq!(has(&self.previous()), other.filter(|_| expected), "{} of {worker}", self.previous());
        }
    }
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn each_secret_is_rotated_by_the_pages_steps() {
    let page = section("## Rotating secrets");
    assert!(
        page.contains("`cargo xtask secrets --env stage`") && page.contains("`npx wrangler secret delete`")
    );
    let mut project = ready("rotation");
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("The three steps"));
    let rotations: Vec<Rotation> = rows.map(|row| Rotation::read(row, &project)).collect();
    let mut rotated: Vec<&str> = rotations.iter().map(|rotation| &*rotation.name).collect();
    rotated.sort_unstable();
    let all = ["ADMIN_API_KEY", "EVENTS_API_KEY", "SERVICE_JWT_SECRET", "SESSION_KEY", "WEBHOOK_SECRETS_KEY"];
    assert_eq!(rotated, all);
    for name in ["AUTH0_CLIENT_SECRET", "OPS_WEBHOOK_URL", "OPS_WEBHOOK_SECRET"] {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }

    // All secrets at the same time: an upload takes all of them anyway.
    for rotation in &rotations {
        rotation.stands(&project, &rotation.old, None);
        project.set(&rotation.previous(), &rotation.new);
    }
    project.stage().secrets(false).unwrap();
    for rotation in &rotations {
        rotation.stands(&project, &rotation.old, Some(&rotation.new));
        project.set(&rotation.name, &rotation.new);
        project.set(&rotation.previous(), &rotation.old);
    }
    project.stage().secrets(false).unwrap();
    for rotation in &rotations {
        rotation.stands(&project, &rotation.new, Some(&rotation.old));
        project.variables.remove(&rotation.previous());
        for worker in &rotation.workers {
            let command = format!("npx wrangler secret delete {}", rotation.previous());
            wrangler(&project, &command, &format!("{worker}/wrangler.toml"));
        }
        rotation.stands(&project, &rotation.new, None);
    }
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn an_earlier_version_runs_again_and_secrets_wait_for_the_next_deployment() {
    let page = section("**Going back.**");
    let paragraph = page.split("\n\n").next().unwrap();
    let commands: Vec<&str> =
        paragraph.split('`').skip(1).step_by(2).filter(|code| code.contains(' ')).collect();
    assert_eq!(
        commands,
        [
            "npx wrangler rollback <version>",
            "npx wrangler deployments list",
            "cargo xtask secrets",
            "cargo xtask deploy"
        ]
    );
    let project = ready("going-back");
    project.migrate();
    let deploy = || project.stage().deploy(|| Ok(()), false);
    let deployed =
        |worker: &str| project.cloudflare.account().workers[worker].deployments.last().unwrap().clone();
    deploy().unwrap();
    let old = WORKERS.map(deployed);
    project.commit();
    deploy().unwrap();
    // The portal first, then the API, then the consumer: the opposite of the order of deployment.
    for (worker, version) in WORKERS.iter().zip(&old).rev() {
        let config = format!("{worker}/wrangler.toml");
        let listed = wrangler(&project, commands[1], &config);
        assert!(listed.contains(version), "{listed}");
        wrangler(&project, &commands[0].replace("<version>", version), &config);
        assert_eq!(deployed(worker), *version);
    }
    let said = sentence(project.stage().secrets(false));
    assert!(
        said.contains("deploy the commit that is to run with `cargo xtask deploy --env stage`"),
        "{said}"
    );
    deploy().unwrap();
    project.stage().secrets(false).unwrap();
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_database_is_restored_with_all_writes_stopped() {
    let page = section("## Restoring D1");
    let block = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let project = ready("restoring");
    project.migrate();
    project.stage().deploy(|| Ok(()), false).unwrap();
    let an_hour_ago = local::clock::milliseconds() / 1000 - 3600;
    let (mut bookmark, mut restored) = (String::new(), false);
    for line in block.lines() {
        let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
        let command =
            command.trim().replace("<bookmark>", &bookmark).replace("<time>", &an_hour_ago.to_string());
        if command.ends_with("cargo xtask secrets --env stage") {
            project.stage().secrets(false).unwrap();
            continue;
        }
        let config = comment
            .split_once("--config ")
            .map_or("wrangler.toml", |(_, rest)| rest.split(':').next().unwrap());
        if let Some(name) = queues(&command).first() {
            let others = if comment.contains("the others") { queues(block) } else { queues(comment) };
            for queue in others.iter().chain([name]) {
                wrangler(&project, &command.replace(name, queue), config);
            }
            continue;
        }
        if command.contains("time-travel restore") {
            let account = project.cloudflare.account();
            assert_eq!(account.paused.len(), 3, "a Queue still hands messages over");
            for (worker, secret) in [("webhook-delivery", "EVENTS_API_KEY"), ("admin-api", "ADMIN_API_KEY")] {
                assert!(!account.workers[worker].secrets.contains_key(secret), "{worker} still writes");
            }
            restored = true;
        }
        let printed = wrangler(&project, &command, config);
        if command.contains("time-travel info") {
            let found = printed.split(['\'', ' ', '`', '=', '\n']).find(|word| word.ends_with("-bookmark"));
            bookmark = found.unwrap_or_else(|| panic!("{printed}")).to_owned();
        }
    }
    let account = project.cloudflare.account();
    assert!(restored && account.paused.is_empty(), "{:?}", account.paused);
    assert_eq!(account.databases["tenants-0"].applied(), project.migrations("migrations"));
    assert!(account.workers["webhook-delivery"].secrets.contains_key("EVENTS_API_KEY"));
    assert!(account.workers["admin-api"].secrets.contains_key("ADMIN_API_KEY"));
}
