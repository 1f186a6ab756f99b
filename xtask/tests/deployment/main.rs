//! The commands that talk to Cloudflare, with the real wrangler, against a stand-in for its API on loopback. Needs the
//! built Workers: `cargo xtask test` runs it after the release build.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod cloudflare;
mod http;
mod project;

use std::fs;
use std::process::{Command, Output};

use self::project::{Project, WORKERS};

const OPS_SECRET: &str = "whsec_dGVzdC1vbmx5LXNpZ25pbmctc2VjcmV0LTMyYnl0ZSE=";

/// The whole chain of causes, in one line.
fn sentence(result: anyhow::Result<()>) -> String {
    format!("{:#}", result.unwrap_err())
}

fn assert_says(result: anyhow::Result<()>, parts: &[&str]) {
    let said = sentence(result);
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

/// Provisioned, filled in and committed, with its secrets uploaded.
fn ready(name: &str) -> Project {
    let project = Project::new(name).provisioned().with_secrets();
    project.fill_in();
    project.commit();
    project
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn provisioning_makes_what_is_missing_and_goes_on_where_it_stopped() {
    let project = Project::new("provision");
    let before = project.read("webhook-delivery/wrangler.toml");
    project.cloudflare.fail(Some("POST /queues {\"queue_name\":\"webhook-events\"}"));
    assert_says(
        project.stage().provision(),
        &[
            "stage is not provisioned yet",
            "This is not possible today",
            "run `cargo xtask provision --env stage` again",
        ],
    );
    assert_eq!(
        project.cloudflare.changes(),
        [
            "POST /d1/database {\"name\":\"tenants\"}",
            "POST /d1/database {\"name\":\"sessions\"}",
            "POST /storage/kv/namespaces { \"title\": \"cache\" }",
            "POST /storage/kv/namespaces { \"title\": \"portal-cache\" }",
            "POST /storage/kv/namespaces { \"title\": \"bodies\" }",
            "POST /queues {\"queue_name\":\"webhook-dead-letters\"}",
            "POST /queues {\"queue_name\":\"webhook-events\"}",
        ]
    );

    project.cloudflare.fail(None);
    project.stage().provision().unwrap();
    assert_eq!(
        project.cloudflare.changes(),
        [
            "POST /queues {\"queue_name\":\"webhook-events\"}",
            "POST /queues {\"queue_name\":\"webhook-retries\"}"
        ]
    );
    let tenants = project.cloudflare.account().databases["tenants"].id.clone();
    let bodies = project.cloudflare.account().namespaces["bodies"].clone();
    let written = project.read("webhook-delivery/wrangler.toml");
    let stage = |text: &str| {
        text.split("\n[env.stage]").nth(1).unwrap().split("\n[env.prod]").next().unwrap().to_owned()
    };
    let expected = stage(&before)
        .replacen("account_id = \"<provision>\"", &format!("account_id = \"{}\"", cloudflare::ACCOUNT), 1)
        .replacen("database_id = \"<provision>\"", &format!("database_id = \"{tenants}\""), 1)
        .replacen("id = \"<provision>\"", &format!("id = \"{bodies}\""), 1);
    assert_eq!(stage(&written), expected);
    // Nothing else in the file has changed, comments least of all.
    assert_eq!(written.replace(&stage(&written), ""), before.replace(&stage(&before), ""));
    assert!(
        project.read("wrangler.toml").contains(&tenants)
            && project.read("admin-api/wrangler.toml").contains(&tenants)
    );

    project.stage().provision().unwrap();
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
    assert_eq!(project.read("webhook-delivery/wrangler.toml"), written);

    // An id that the account does not know is never replaced by an empty database.
    project.replace("wrangler.toml", &tenants, "00000000-0000-4000-8000-00000000dead");
    assert_says(
        project.stage().provision(),
        &["the D1 database tenants of stage is not in the account", "write `<provision>`"],
    );
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_deployment_goes_on_after_a_failure() {
    let project = ready("deploy");
    project.cloudflare.fail(Some("POST /workers/scripts/admin-api/versions"));
    assert_says(
        project.stage().deploy(|| Ok(())),
        &[
            "stage is half deployed",
            "of tenants applied",
            "webhook-delivery new",
            "go on with `cargo xtask deploy --env stage`",
            "admin-api is not deployed",
            "This is not possible today",
        ],
    );
    assert!(project.cloudflare.account().workers["partner-portal"].versions.is_empty());

    project.cloudflare.fail(None);
    project.cloudflare.changes();
    project.stage().deploy(|| Ok(())).unwrap();
    let uploads: Vec<String> =
        project.cloudflare.changes().into_iter().filter(|call| call.ends_with("/versions")).collect();
    assert_eq!(uploads, WORKERS.map(|name| format!("POST /workers/scripts/{name}/versions")));
    {
        let account = project.cloudflare.account();
        assert_eq!(
            account.databases["tenants"].applied.len(),
            fs::read_dir(project.root.join("migrations")).unwrap().count()
        );
        assert_eq!(account.consumers.len(), 3);
        assert_eq!(account.consumers["webhook-events"]["dead_letter_queue"], "webhook-dead-letters");
        assert_eq!(account.consumers["webhook-retries"]["settings"]["retry_delay"], 30);
        assert_eq!(account.workers["webhook-delivery"].crons[0]["cron"], "* * * * *");
        let bindings = account.workers["admin-api"].metadata["bindings"].as_array().unwrap().clone();
        let bound = |name: &str| bindings.iter().find(|binding| binding["name"] == name).unwrap().clone();
        assert_eq!(bound("ENVIRONMENT")["text"], "stage");
        assert_eq!(bound("DATABASE")["id"], account.databases["tenants"].id);
    }

    // So does one whose version before goes on answering, however well it is.
    project.slow.lock().unwrap().extend([("webhook-delivery".to_owned(), 1), ("admin-api".to_owned(), 9)]);
    assert_says(
        project.stage().deploy(|| Ok(())),
        &["admin-api is deployed but not well (another version still answers at https://admin-api."],
    );
    project.slow.lock().unwrap().clear();

    // A Worker that is not well stops it, with the way back.
    project.ill.lock().unwrap().push("admin-api".to_owned());
    let old = project.cloudflare.account().workers["webhook-delivery"].versions.last().unwrap().clone();
    assert_says(
        project.stage().deploy(|| Ok(())),
        &[
            "admin-api is deployed but not well (it answers 503 at https://admin-api.spk-stage.workers.dev/health)",
            "npx wrangler tail admin-api --env stage",
            &format!(
                "`npx wrangler rollback {old} --name webhook-delivery --env stage --config webhook-delivery/wrangler.toml`"
            ),
        ],
    );
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn nothing_is_changed_before_everything_is_checked() {
    let mut project = ready("check");
    let deploy = |project: &Project| project.stage().deploy(|| Ok(()));
    project.cloudflare.account().workers.get_mut("admin-api").unwrap().secrets.remove("ADMIN_API_KEY");
    assert_says(
        deploy(&project),
        &["ADMIN_API_KEY of admin-api is not uploaded to stage", "run `cargo xtask secrets --env stage`"],
    );

    fs::write(project.root.join("note.txt"), "").unwrap();
    assert_says(deploy(&project), &["note.txt is not committed", "git commit", "nothing was changed"]);
    project.commit();

    project.set("CLOUDFLARE_API_TOKEN", "wrong");
    assert_says(
        deploy(&project),
        &["Cloudflare does not accept CLOUDFLARE_API_TOKEN", "nothing was changed"],
    );
    project.set("CLOUDFLARE_API_TOKEN", cloudflare::TOKEN);

    project.set("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9/client/v4");
    assert_says(deploy(&project), &["Cloudflare's API cannot be reached", "nothing was changed"]);

    project.set("CLOUDFLARE_ACCOUNT_ID", "ffffffffffffffffffffffffffffffff");
    assert_says(deploy(&project), &["is not the account that wrangler.toml names for stage"]);
    project.variables.remove("CLOUDFLARE_API_TOKEN");
    assert_says(deploy(&project), &["CLOUDFLARE_API_TOKEN is not set"]);

    let text = project.read("admin-api/wrangler.toml");
    let id = project.cloudflare.account().namespaces["cache"].clone();
    fs::write(project.root.join("admin-api/wrangler.toml"), text.replace(&id, "<provision>")).unwrap();
    project.commit();
    assert_says(
        deploy(&project),
        &[
            "kv_namespaces.id of stage is not filled in in admin-api/wrangler.toml",
            "run `cargo xtask provision --env stage`",
        ],
    );
    assert_eq!(project.cloudflare.changes().into_iter().filter(|call| !call.contains("/query")).count(), 0);
}

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
