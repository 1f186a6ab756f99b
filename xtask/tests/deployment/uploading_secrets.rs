//! `cargo xtask secrets`.
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use xtask::deployment::Deployment;

use crate::project::Project;
use crate::{assert_says, sentence};

const OPS_SECRET: &str = "whsec_dGVzdC1vbmx5LXNpZ25pbmctc2VjcmV0LTMyYnl0ZSE=";

/// The variable that names the project whose secrets a process of this test uploads, so that its output can be read.
const UPLOADS_FOR: &str = "UPLOADS_SECRETS_FOR";

/// Uploads the secrets in a process of its own. Returns whether that succeeded, and everything that the process printed.
fn upload(project: &Project) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "uploading_secrets::secrets_reach_their_workers_and_no_eye",
        ])
        .env(UPLOADS_FOR, &project.root)
        .envs(&project.variables)
        .output()
        .unwrap();
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Uploads the secrets in this process.
fn upload_here(root: &Path) {
    let get = |_: &str| anyhow::bail!("no internet");
    let variables = std::env::vars().collect();
    let stage = Deployment::of(root.to_owned(), "stage", variables, Box::new(get), Duration::ZERO);
    stage.secrets(false).map_err(|error| format!("{error:#}")).unwrap();
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn secrets_reach_their_workers_and_no_eye() {
    if let Some(root) = std::env::var_os(UPLOADS_FOR) {
        return upload_here(Path::new(&root));
    }
    let mut project = Project::new("secrets");
    project.set_secrets();
    assert_says(
        project.stage().secrets(false),
        &["the account of stage is not known yet: run `cargo xtask provision --env stage`"],
    );
    let mut project = project.provisioned();
    let key = project.variables["ADMIN_API_KEY"].clone();
    project.set("SESSION_KEY", "too-short");
    project.set("WEBHOOK_SECRETS_KEY", "no-key-of-thirty-two-bytes-in-base64");
    project.set("OPS_WEBHOOK_SECRET", OPS_SECRET);
    project.variables.remove("EVENTS_API_KEY");
    let said = sentence(project.stage().secrets(false));
    for part in [
        "EVENTS_API_KEY is not set",
        "SESSION_KEY is shorter than 32 bytes",
        "WEBHOOK_SECRETS_KEY must be base64 of exactly 32 bytes",
        "OPS_WEBHOOK_URL is missing, though OPS_WEBHOOK_SECRET is set",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains("too-short") && !said.contains("no-key") && !said.contains(OPS_SECRET), "{said}");
    assert!(project.cloudflare.account().workers.is_empty());

    project.set_secrets();
    project.set("WEBHOOK_SECRETS_KEY_PREVIOUS", "dGhlLXNlYWxpbmcta2V5LWJlZm9yZS0zMi1ieXRlcyE=");
    project.set("OPS_WEBHOOK_URL", "https://operators.example.com/webhooks");
    project.cloudflare.fail(Some("PATCH /workers/scripts/admin-api/secrets-bulk"));
    let (succeeded, mut shown) = upload(&project);
    assert!(!succeeded);
    for part in ["the secrets of admin-api are not uploaded", "run `cargo xtask secrets --env stage` again"] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    project.cloudflare.fail(None);
    let (succeeded, printed) = upload(&project);
    assert!(succeeded && printed.contains("Uploaded 4 secrets of partner-portal"), "{printed}");
    shown += &printed;
    for (worker, names) in [
        (
            "webhook-delivery",
            &[
                "EVENTS_API_KEY",
                "OPS_WEBHOOK_SECRET",
                "OPS_WEBHOOK_URL",
                "WEBHOOK_SECRETS_KEY",
                "WEBHOOK_SECRETS_KEY_PREVIOUS",
            ][..],
        ),
        (
            "admin-api",
            &["ADMIN_API_KEY", "SERVICE_JWT_SECRET", "WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"],
        ),
        ("partner-portal", &["ADMIN_API_KEY", "AUTH0_CLIENT_SECRET", "SERVICE_JWT_SECRET", "SESSION_KEY"]),
    ] {
        let account = project.cloudflare.account();
        assert_eq!(account.workers[worker].secrets.keys().collect::<Vec<_>>(), names);
    }
    assert_eq!(project.cloudflare.account().workers["admin-api"].secrets["ADMIN_API_KEY"], key);

    // After a deployment that stopped between uploading a version and deploying it.
    project.cloudflare.account().add_version("admin-api", None, Vec::new());
    assert_says(
        project.stage().secrets(false),
        &[
            "the secrets of admin-api are not uploaded",
            "its newest version is not the one that is deployed",
            "deploy the commit that is to run with `cargo xtask deploy --env stage`",
        ],
    );

    // Neither the terminal nor wrangler's own log shows a secret.
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["secrets", "--env", "stage", "--check"])
        .envs(&project.variables)
        .output()
        .unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && printed.contains("set      admin-api ADMIN_API_KEY"), "{printed}");
    shown += &printed;
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/wrangler");
    for log in fs::read_dir(logs).unwrap().flatten() {
        shown += &fs::read_to_string(log.path()).unwrap_or_default();
    }
    for value in
        project.variables.iter().filter(|(name, _)| !name.starts_with("CLOUDFLARE")).map(|(_, value)| value)
    {
        assert!(!shown.contains(value.as_str()));
    }
}
