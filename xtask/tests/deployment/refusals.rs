//! What each command says where Cloudflare refuses, is unwell, or cannot be reached: one sentence, and nothing was changed.
use std::fs;

use crate::project::Project;
use crate::{cloudflare, ready};

/// Each command with the path that its token must be allowed to use.
const COMMANDS: [(&str, &str); 8] = [
    ("provision", "/d1/database"),
    ("secrets", "/workers/scripts"),
    ("deploy", "/workers/subdomain"),
    ("deploy", "/workers/scripts"),
    ("deploy", "/d1/database"),
    ("deploy", "/storage/kv/namespaces"),
    ("export", "/d1/database"),
    ("restore", "/d1/database"),
];

/// What the command says. It changes nothing in the account.
fn said(project: &Project, command: &str) -> String {
    project.cloudflare.changes();
    let (stage, folder) = (project.stage(), project.root.join("export"));
    let result = match command {
        "provision" => stage.provision(),
        "secrets" => stage.secrets(false),
        "deploy" => stage.deploy(|| Ok(()), false),
        "export" => stage.export(&folder),
        _ => stage.restore(&folder, false),
    };
    let said = format!("{:#}", result.unwrap_err());
    let changes = project.cloudflare.changes();
    // The one call that was refused.
    assert!(changes.len() <= 1, "{command}: {changes:#?}");
    assert!(!said.trim().contains('\n') && !said.contains('\u{1b}'), "{command}: {said}");
    said
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn each_command_says_in_one_sentence_why_cloudflare_does_not_do_it() {
    let mut project = ready("refusals");
    project.migrate();
    let folder = project.root.join("export");
    fs::create_dir_all(&folder).unwrap();
    for name in ["tenants-0", "sessions"] {
        fs::write(folder.join(format!("{name}.sql")), "").unwrap();
    }

    for (command, path) in COMMANDS {
        project.cloudflare.account().forbidden = Some(path.to_owned());
        let said = said(&project, command);
        assert!(said.contains("CLOUDFLARE_API_TOKEN"), "{command} without a permission: {said}");
    }
    project.cloudflare.account().forbidden = None;
    for status in [429, 502] {
        project.cloudflare.account().unwell = Some(status);
        for (command, _) in COMMANDS {
            let said = said(&project, command);
            assert!(
                said.contains("Cloudflare's API does not answer as it should"),
                "{command} {status}: {said}"
            );
        }
    }
    project.cloudflare.account().unwell = None;
    for (variable, value, expected) in [
        ("CLOUDFLARE_API_TOKEN", "expired", "Cloudflare does not accept CLOUDFLARE_API_TOKEN"),
        ("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9/client/v4", "Cloudflare's API cannot be reached"),
        (
            "CLOUDFLARE_ACCOUNT_ID",
            "ffffffffffffffffffffffffffffffff",
            "is not the account that wrangler.toml names",
        ),
    ] {
        let good = project.variables[variable].clone();
        project.set(variable, value);
        for (command, _) in COMMANDS {
            let said = said(&project, command);
            assert!(said.contains(expected), "{command}, {variable}: {said}");
        }
        project.set(variable, &good);
    }
    assert_eq!(project.variables["CLOUDFLARE_API_TOKEN"], cloudflare::TOKEN);
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_deployment_that_cannot_end_with_its_smoke_test_does_not_begin() {
    let mut project = ready("no-smoke");
    project.migrate();
    project.set("SMOKE_INBOX_URL", "https://inbox.example.com/inbox");
    for (variable, expected) in [
        ("", "ADMIN_CLIENT_ID is not set"),
        ("SCRIPT_CLIENT_SECRET", "SCRIPT_CLIENT_ID is not set, and SCRIPT_CLIENT_SECRET is"),
        ("SCRIPT_CLIENT_ID", "SCRIPT_CLIENT_SECRET is not set, and SCRIPT_CLIENT_ID is"),
    ] {
        let mut project = project.clone();
        if !variable.is_empty() {
            project.set(variable, "x");
        }
        let said = said(&project, "deploy");
        assert!(said.contains("nothing was changed") && said.contains(expected), "{said}");
    }
    project.variables.remove("EVENTS_API_KEY");
    let said = said(&project, "deploy");
    assert!(said.contains("EVENTS_API_KEY is not set: the smoke test of stage needs"), "{said}");
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn shards_are_not_split_in_an_account_that_is_not_ready() {
    let project = ready("no-split");
    project.cloudflare.account().plan = "workers_free".to_owned();
    let before = project.read("wrangler.toml");
    let said = format!("{:#}", project.stage().split_shards().unwrap_err());
    assert!(said.contains("is not on the Workers Paid plan"), "{said}");
    assert_eq!(project.read("wrangler.toml"), before);
}
