//! `cargo xtask provision`.
use crate::project::Project;
use crate::{assert_says, cloudflare};

/// The call that creates a Queue with the longest retention of messages.
fn queue(name: &str) -> String {
    format!(
        "POST /queues {{\"queue_name\":\"{name}\",\"settings\":{{\"message_retention_period\":1209600}}}}"
    )
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn provisioning_makes_what_is_missing_and_goes_on_where_it_stopped() {
    let project = Project::new("provision");
    let before = project.read("webhook-delivery/wrangler.toml");
    // Both databases are created, and the run breaks off before it knows their ids.
    project.cloudflare.fail_after("POST /d1/database {\"name\":\"sessions\"}", "GET /d1/database");
    assert_says(project.stage().provision(), &["stage is not provisioned yet", "This is not possible today"]);
    assert_eq!(
        project.cloudflare.changes(),
        ["POST /d1/database {\"name\":\"tenants-0\"}", "POST /d1/database {\"name\":\"sessions\"}"]
    );
    assert!(!project.read("wrangler.toml").contains("database_id = \"00000000-0000-4000-8000-0000000000"));

    project.cloudflare.fail(Some("POST /queues {\"queue_name\":\"webhook-events\""));
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
            "POST /storage/kv/namespaces { \"title\": \"cache\" }".to_owned(),
            "POST /storage/kv/namespaces { \"title\": \"portal-cache\" }".to_owned(),
            "POST /storage/kv/namespaces { \"title\": \"bodies\" }".to_owned(),
            queue("webhook-dead-letters"),
            queue("webhook-events"),
        ]
    );

    project.cloudflare.fail(None);
    project.stage().provision().unwrap();
    assert_eq!(project.cloudflare.changes(), [queue("webhook-events"), queue("webhook-retries")]);
    let tenants = project.cloudflare.account().databases["tenants-0"].id.clone();
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
        &["the D1 database tenants-0 of stage is not in the account", "write `<provision>`"],
    );
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
}
