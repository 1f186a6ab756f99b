//! Property-based tests of the Admin API by schemathesis, from its OpenAPI document: every check, every phase.
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::credentials::Credentials;
use crate::process::{self, probe, run_within};
use crate::progress::step;
use crate::stack::{Stack, StackOptions};
use crate::workspace::{digest, root};

/// The tenant whose key the partner's routes are asked with.
const PARTNER: &str = "schemathesis-partner";
/// Generated requests per operation and phase: as many as fit into the time.
const EXAMPLES: &str = "12";
/// It takes about a minute.
const LIMIT: Duration = Duration::from_secs(240);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Asks a fresh stack of its own.
///
/// # Errors
///
/// Where schemathesis finds something, which it has printed by then, or cannot be installed.
pub fn run() -> Result<()> {
    let program = install()?;
    let stack = Stack::start(StackOptions::on_free_ports("schemathesis")?.fresh())?;
    let credentials = stack.credentials(None)?;
    let partner_key = set_the_scene(&stack, &credentials)?;
    let folder = root().join("tests/schemathesis");
    let scratch = stack.log_path().with_file_name("scratch");
    fs::create_dir_all(&scratch).with_context(|| format!("{} cannot be created", scratch.display()))?;
    let port = stack.port();
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--max-examples", EXAMPLES, "--url", &format!("http://127.0.0.1:{port}")])
        .arg(root().join("admin-api/openapi.json"))
        // What it keeps between runs would make one run differ from another.
        .current_dir(&scratch)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .env("ADMIN_API_HOST", format!("admin-api.localhost:{port}"))
        .env("INBOX_URL", &credentials.inbox_url)
        .env("ADMIN_API_KEY", &credentials.admin_api_key)
        .env("ADMIN_JWT", &credentials.admin_jwt)
        .env("PARTNER_API_KEY", partner_key);
    if !run_within(LIMIT, &mut command) {
        bail!("schemathesis found what is printed above, or took longer than {} s", LIMIT.as_secs());
    }
    Ok(())
}

/// A tenant with a key, a webhook and an event on its way; gives the key.
fn set_the_scene(stack: &Stack, credentials: &Credentials) -> Result<String> {
    let post = |path: &str, body: Value| -> Result<Value> {
        let bearer = format!("Bearer {}", credentials.admin_jwt);
        let headers = [("x-admin-api-key", credentials.admin_api_key.as_str()), ("authorization", &bearer)];
        let answer = stack.door().post_json("admin-api.localhost", path, &headers, &body, ANSWER_LIMIT)?;
        if answer.status >= 300 {
            bail!("POST {path} answered {}: {}", answer.status, answer.body);
        }
        serde_json::from_str(&answer.body).with_context(|| format!("POST {path} answered no JSON"))
    };
    let body = json!({"orgName": "Asked by schemathesis", "ownerEmail": "owner@example.com"});
    post(&format!("/tenants/{PARTNER}/register"), body)?;
    let url = format!("{}/{PARTNER}", credentials.inbox_url);
    let webhook = post(&format!("/tenants/{PARTNER}/webhooks"), json!({"url": url}))?;
    let id = webhook["webhookId"].as_str().context("the webhook has no id")?;
    post(&format!("/tenants/{PARTNER}/webhooks/{id}/test"), json!({}))?;
    let issued = post("/api-keys", json!({"orgId": PARTNER}))?;
    Ok(issued["apiKey"].as_str().context("no key was issued")?.to_owned())
}

/// The program, in a virtual environment that is made anew only where the pinned versions have changed.
fn install() -> Result<PathBuf> {
    let requirements = root().join("tests/schemathesis/requirements.txt");
    let environment = root().join(".local/python");
    let (stamp, wanted) = (environment.join("requirements-digest"), digest(&requirements)?);
    let program = environment.join("bin/schemathesis");
    if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(program);
    }
    if probe(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_none() {
        bail!("Python 3.10 or newer with venv is missing: install python3 and, on Debian, python3-venv");
    }
    step("Installing", "schemathesis");
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    process::run(Command::new(environment.join("bin/python")).args(pip).arg(&requirements))
        .context("schemathesis could not be installed: check the network, then try again")?;
    fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(program)
}
