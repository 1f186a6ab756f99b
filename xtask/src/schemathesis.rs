//! `cargo xtask schemathesis`: property-based tests of the Admin API from its OpenAPI document, with every check and phase.
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use local::clock::wait_until;
use local::credentials::Credentials;
use local::process::run_within;
use local::stack::{Stack, StackOptions};
use local::workspace::root;
use serde_json::{Value, json};

use crate::python;

/// The tenant whose key goes with requests to the partners' routes.
const PARTNER: &str = "schemathesis-partner";
/// The tenant whose key and webhook may be deleted.
const OTHER_TENANT: &str = "schemathesis-other";
/// How long schemathesis may take; it takes about a minute.
const LIMIT: Duration = Duration::from_secs(240);

/// How long an unreadable message may take to become a dead letter.
const DEAD_LETTER_LIMIT: Duration = Duration::from_secs(60);

/// Runs schemathesis against a fresh stack.
///
/// # Errors
///
/// When schemathesis finds a fault, which it has printed by then, or cannot be installed.
pub fn run() -> Result<()> {
    let program =
        python::environment("schemathesis", "tests/schemathesis/requirements.txt")?.join("bin/schemathesis");
    let stack = Stack::start(StackOptions::on_free_ports("schemathesis")?.fresh())?;
    let credentials = stack.credentials(None)?;
    let mut scene = set_the_scene(&stack, &credentials)?;
    let port = stack.address().port;
    scene.push(("ADMIN_API_HOST", format!("admin-api.localhost:{port}")));
    scene.push(("ADMIN_API_KEY", credentials.admin_api_key.clone()));
    scene.push(("ADMIN_JWT", credentials.admin_jwt.clone()));

    let folder = root().join("tests/schemathesis");
    let scratch = stack.log_path().with_file_name("scratch");
    fs::create_dir_all(&scratch).with_context(|| format!("{} cannot be created", scratch.display()))?;
    let template =
        fs::read_to_string(folder.join("schemathesis.toml")).context("its settings cannot be read")?;
    let fill = |text: String, (name, value): &(&str, String)| text.replace(&format!("${{{name}}}"), value);
    fs::write(scratch.join("schemathesis.toml"), scene.iter().fold(template, fill))
        .with_context(|| format!("{} cannot be written into", scratch.display()))?;

    let mut command = Command::new(program);
    command
        .args(["--config-file", "schemathesis.toml", "run", "--checks", "all"])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--url", &format!("http://127.0.0.1:{port}")])
        .arg(root().join("admin-api/openapi.json"))
        // A fresh folder, since what schemathesis keeps between runs would make one run differ from another.
        .current_dir(&scratch)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .env("INBOX_URL", &credentials.inbox_url)
        .envs(scene);
    if !run_within(LIMIT, &mut command) {
        bail!("schemathesis found what is printed above, or took longer than {} s", LIMIT.as_secs());
    }
    Ok(())
}

/// Makes two tenants with a key and a webhook each, an event, and two messages that the consumer cannot read. Returns their
/// names, as variables.
fn set_the_scene(stack: &Stack, credentials: &Credentials) -> Result<Vec<(&'static str, String)>> {
    let admin = credentials.admin(stack.address().worker("admin-api")?)?;
    let post = |path: &str, body: Value| -> Result<Value> {
        let answer = admin.post(path, &body)?;
        if answer.status >= 300 {
            bail!("POST {path} answered {}: {}", answer.status, answer.text);
        }
        serde_json::from_str(&answer.text).with_context(|| format!("POST {path} answered no JSON"))
    };
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let tenant = |org_id: &str| -> Result<(String, String)> {
        let owner = json!({"orgName": "Asked by schemathesis", "ownerEmail": "owner@example.com"});
        post(&format!("/tenants/{org_id}/register"), owner)?;
        let url = format!("{}/{org_id}", credentials.inbox_url);
        let webhook = post(&format!("/tenants/{org_id}/webhooks"), json!({"url": url}))?;
        let issued = post("/api-keys", json!({"orgId": org_id}))?;
        Ok((text(&issued, "apiKey"), text(&webhook, "webhookId")))
    };
    let (key, webhook) = tenant(PARTNER)?;
    let (_, other_webhook) = tenant(OTHER_TENANT)?;
    let sent = post(&format!("/tenants/{PARTNER}/webhooks/{webhook}/test"), json!({}))?;
    let unreadable = json!(["unreadable", "unreadable too"]);
    stack.address().gateway()?.post("/queues/webhook-events", &unreadable)?;
    let dead_letter = wait_until(DEAD_LETTER_LIMIT, Duration::from_millis(200), || {
        let listed: Value = serde_json::from_str(&admin.get("/dead-letters").ok()?.text).ok()?;
        Some(text(&listed["deadLetters"][0], "id")).filter(|id| !id.is_empty())
    });
    Ok(vec![
        ("DEAD_LETTER", dead_letter.context("no dead letter was written")?),
        ("PARTNER", PARTNER.to_owned()),
        ("PARTNER_API_KEY", key),
        ("WEBHOOK", webhook),
        ("EVENT", text(&sent, "eventId")),
        ("OTHER_TENANT", OTHER_TENANT.to_owned()),
        ("OTHER_WEBHOOK", other_webhook),
    ])
}
