//! `cargo xtask secrets`.
use std::fs;
use std::process::{Command, Output};

use crate::project::Project;
use crate::{assert_says, sentence};

const OPS_SECRET: &str = "whsec_dGVzdC1vbmx5LXNpZ25pbmctc2VjcmV0LTMyYnl0ZSE=";

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn secrets_reach_their_workers_and_no_eye() {
    let mut project = Project::new("secrets").provisioned();
    project.set_secrets();
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
    assert_says(
        project.stage().secrets(false),
        &["the secrets of admin-api are not uploaded", "run `cargo xtask secrets --env stage` again"],
    );
    project.cloudflare.fail(None);
    project.stage().secrets(false).unwrap();
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

    // Neither the terminal nor wrangler's own log shows one.
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["secrets", "--env", "stage", "--check"])
        .envs(&project.variables)
        .output()
        .unwrap();
    let mut shown = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && shown.contains("set      admin-api ADMIN_API_KEY"), "{shown}");
    let logs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/wrangler");
    for log in fs::read_dir(logs).unwrap().flatten() {
        shown += &fs::read_to_string(log.path()).unwrap_or_default();
    }
    for value in
        project.variables.iter().filter(|(name, _)| !name.starts_with("CLOUDFLARE")).map(|(_, value)| value)
    {
        assert!(!shown.contains(value.as_str()));
    }
}
