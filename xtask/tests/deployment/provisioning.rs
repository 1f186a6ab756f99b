//! `cargo xtask provision`.
use crate::project::{FILES, Project};
use crate::{assert_says, cloudflare};

/// The call that creates a Queue with the longest retention of messages.
fn queue(name: &str) -> String {
    format!(
        "POST /queues {{\"queue_name\":\"{name}\",\"jurisdiction\":\"eu\",\"settings\":{{\"message_retention_period\":1209600}}}}"
    )
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn provisioning_makes_what_is_missing_and_goes_on_where_it_stopped() {
    let project = Project::new("provision");
    let before = project.read("webhook-delivery/wrangler.toml");
    // Queues come first: the free plan refuses their retention.
    project.cloudflare.fail(Some("POST /queues {\"queue_name\":\"webhook-events\""));
    assert_says(
        project.stage().provision(),
        &[
            "stage is not provisioned yet",
            "Workers Paid",
            "This is not possible today",
            "run `cargo xtask provision --env stage` again",
        ],
    );
    assert_eq!(project.cloudflare.changes(), [queue("webhook-dead-letters"), queue("webhook-events")]);

    // Both databases are created, and the run breaks off before it knows their ids.
    project.cloudflare.fail_after("POST /d1/database {\"name\":\"sessions\"", "GET /d1/database");
    assert_says(project.stage().provision(), &["stage is not provisioned yet", "This is not possible today"]);
    assert_eq!(
        project.cloudflare.changes(),
        [
            queue("webhook-events"),
            queue("webhook-retries"),
            "POST /d1/database {\"name\":\"tenants-0\",\"jurisdiction\":\"eu\"}".to_owned(),
            "POST /d1/database {\"name\":\"sessions\",\"jurisdiction\":\"eu\"}".to_owned(),
        ]
    );
    assert!(!project.read("wrangler.toml").contains("database_id = \"00000000-0000-4000-8000-0000000000"));

    project.cloudflare.fail(None);
    project.stage().provision().unwrap();
    assert_eq!(
        project.cloudflare.changes(),
        [
            "POST /storage/kv/namespaces { \"title\": \"bodies\", \"jurisdiction\": \"eu\" }".to_owned(),
            "POST /storage/kv/namespaces { \"title\": \"cache\", \"jurisdiction\": \"eu\" }".to_owned(),
            "POST /storage/kv/namespaces { \"title\": \"portal-cache\", \"jurisdiction\": \"eu\" }"
                .to_owned(),
        ]
    );
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

/// What `provision` says of the account, after a change to it. The run changes neither account nor files.
fn refusal(project: &Project, change: impl FnOnce(&mut cloudflare::Account)) -> String {
    change(&mut project.cloudflare.account());
    let before = project.read("wrangler.toml");
    let said = crate::sentence(project.stage().provision());
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new(), "{said}");
    assert_eq!(project.read("wrangler.toml"), before);
    let checked = crate::sentence(project.stage().check_account());
    assert!(said.contains(&checked), "`--check` says something else: {checked}");
    said
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn an_account_that_is_not_ready_is_refused_before_anything_is_created() {
    let project = Project::new("unready");
    let said = refusal(&project, |account| account.plan = "workers_free".to_owned());
    assert!(said.contains("is not on the Workers Paid plan"), "{said}");
    project.cloudflare.account().plan = "workers_paid".to_owned();

    for (path, permission) in [
        ("/d1/database", "D1: Edit"),
        ("/queues", "Queues: Edit"),
        ("/storage/kv", "Workers KV Storage: Edit"),
        ("/workers/scripts", "Workers Scripts: Edit"),
    ] {
        let said = refusal(&project, |account| account.forbidden = Some(path.to_owned()));
        assert!(said.contains(&format!("CLOUDFLARE_API_TOKEN lacks {permission}:")), "{said}");
    }
    project.cloudflare.account().forbidden = None;

    let said = refusal(&project, |account| account.subdomain = Some("acme".to_owned()));
    assert!(said.contains("subdomain is acme, and should be spk-stage"), "{said}");
    let said = refusal(&project, |account| {
        account.subdomain = None;
        account.is_subdomain_taken = true;
    });
    assert!(said.contains("spk-stage is taken by another account"), "{said}");
    let said = refusal(&project, |account| account.is_subdomain_taken = false);
    assert!(said.contains("spk-stage can be had"), "{said}");
    project.cloudflare.account().subdomain = Some("spk-stage".to_owned());

    for status in [200, 403, 429, 500, 502] {
        let said = refusal(&project, |account| account.unwell = Some(status));
        assert!(said.contains("Cloudflare's API does not answer as it should"), "{status}: {said}");
    }
    project.cloudflare.account().unwell = None;

    let mut project = project;
    project.set("CLOUDFLARE_ACCOUNT_ID", "ffffffffffffffffffffffffffffffff");
    let said = refusal(&project, |_| ());
    assert!(said.contains("Cloudflare has no account ffffffffffffffffffffffffffffffff"), "{said}");
    project.set("CLOUDFLARE_ACCOUNT_ID", cloudflare::ACCOUNT);

    let project = project.provisioned();
    let said = refusal(&project, |account| {
        account.databases.get_mut("tenants-0").unwrap().jurisdiction = None;
    });
    assert!(said.contains("tenants-0 of stage is in the jurisdiction none, and should be in eu"), "{said}");

    project.cloudflare.account().databases.get_mut("tenants-0").unwrap().jurisdiction = Some("eu".to_owned());
    for (name, what) in [("cache", "KV namespace"), ("webhook-events", "Queue")] {
        let said = refusal(&project, |account| {
            account.jurisdictions.insert(name.to_owned(), "us".to_owned());
        });
        let expected = format!("the {what} {name} of stage is in the jurisdiction us, and should be in eu");
        assert!(said.contains(&expected), "{said}");
        project.cloudflare.account().jurisdictions.insert(name.to_owned(), "eu".to_owned());
    }
    let mut project = project;
    for (name, value, expected) in [
        (
            "CLOUDFLARE_API_TOKEN",
            "expired",
            "Cloudflare does not accept CLOUDFLARE_API_TOKEN for the account",
        ),
        ("CLOUDFLARE_API_TOKEN", "cut off…", "CLOUDFLARE_API_TOKEN has a character that no token has"),
        (
            "CLOUDFLARE_ACCOUNT_ID",
            "ffffffffffffffffffffffffffffffff",
            "is not the account that wrangler.toml names",
        ),
        ("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9/client/v4", "Cloudflare's API cannot be reached"),
    ] {
        let before = project.variables[name].clone();
        project.set(name, value);
        let said = refusal(&project, |_| ());
        assert!(said.contains(expected), "{said}");
        project.set(name, &before);
    }

    // A token that may not read bills: the first Queue tells, and no file is changed by then.
    let project = Project::new("unbilled");
    project.cloudflare.account().forbidden = Some("/subscriptions".to_owned());
    project.stage().check_account().unwrap();
    project.cloudflare.fail(Some("POST /queues"));
    let all = || FILES.map(|file| project.read(file));
    let before = all();
    assert_says(project.stage().provision(), &["needs the Workers Paid plan"]);
    assert!(all() == before, "a file was changed");

    // Where the API is busy for a moment, the command waits, and goes on.
    project.cloudflare.fail(None);
    for path in ["queues", "d1/database", "storage/kv", "workers/subdomain"] {
        project.cloudflare.account().busy = Some((path.to_owned(), 2));
        project.stage().check_account().unwrap();
    }
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_name_that_something_of_another_kind_has_is_free() {
    let project = Project::new("names");
    {
        let mut account = project.cloudflare.account();
        for name in ["tenants-0", "sessions", "webhook-events"] {
            account.namespaces.insert(name.to_owned(), format!("kv-{name}"));
        }
        for name in ["cache", "webhook-retries"] {
            let id = format!("d1-{name}");
            account.databases.insert(name.to_owned(), cloudflare::Database::new(id, None));
        }
        account.queues.insert("bodies".to_owned(), "queue-bodies".to_owned());
        account.workers.insert("webhook-dead-letters".to_owned(), cloudflare::Worker::default());
    }
    project.stage().provision().unwrap();
    let created = project.cloudflare.changes();
    assert_eq!(created.len(), 8, "{created:#?}");
    let account = project.cloudflare.account();
    let shared = project.read("wrangler.toml");
    for name in ["tenants-0", "sessions"] {
        assert!(shared.contains(&account.databases[name].id), "{name}");
    }
    assert!(project.read("webhook-delivery/wrangler.toml").contains(&account.namespaces["bodies"]));
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_token_of_two_accounts_touches_the_one_that_is_named() {
    let mut project = Project::new("two-accounts");
    let account = project.variables.remove("CLOUDFLARE_ACCOUNT_ID").unwrap();
    for said in [project.stage().provision(), project.stage().check_account()] {
        assert_says(said, &["CLOUDFLARE_ACCOUNT_ID is not set: set it to the account of stage"]);
    }
    assert!(project.cloudflare.account().calls.is_empty(), "nobody may choose an account but the operator");
    project.set("CLOUDFLARE_ACCOUNT_ID", &account);
    project.stage().provision().unwrap();
    // From now on the files name the account.
    project.variables.remove("CLOUDFLARE_ACCOUNT_ID");
    project.stage().provision().unwrap();
    project.set_secrets();
    project.stage().secrets(false).unwrap();
    let elsewhere = project.cloudflare.account().elsewhere.clone();
    assert!(elsewhere.is_empty(), "asked beside the account: {elsewhere:#?}");
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn what_is_on_a_later_page_is_there() {
    let project = Project::new("pages").provisioned();
    for number in 0..120 {
        let mut account = project.cloudflare.account();
        let name = format!("a-{number:03}");
        account.queues.insert(name.clone(), format!("queue-{name}"));
        account.namespaces.insert(name.clone(), format!("kv-{name}"));
        account.databases.insert(name.clone(), cloudflare::Database::new(name, None));
    }
    project.cloudflare.changes();
    project.stage().provision().unwrap();
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
    project.cloudflare.account().jurisdictions.insert("webhook-retries".to_owned(), "us".to_owned());
    assert_says(
        project.stage().provision(),
        &["the Queue webhook-retries of stage is in the jurisdiction us"],
    );
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn every_shard_is_created_and_every_address_written() {
    let project = Project::new("shards");
    for worker in ["admin-api", "webhook-delivery"] {
        project.replace(&format!("{worker}/wrangler.toml"), "SHARDS = \"1\"", "SHARDS = \"4\"");
    }
    let domains = "[stage.domains]\nadmin-api = \"api.example.com\"\npartner-portal = \"partners.example.com\"\nwebhook-delivery = \"events.example.com\"\n";
    let written = project.read("environments.toml") + domains;
    std::fs::write(project.root.join("environments.toml"), written).unwrap();
    // With custom domains nobody asks for the workers.dev subdomain.
    project.cloudflare.account().subdomain = None;
    project.stage().provision().unwrap();
    let account = project.cloudflare.account();
    let databases: Vec<&str> = account.databases.keys().map(String::as_str).collect();
    assert_eq!(databases, ["sessions", "tenants-0", "tenants-1", "tenants-2", "tenants-3"]);
    let portal = project.read("partner-portal/wrangler.toml");
    assert!(portal.contains("PORTAL_ORIGIN = \"https://partners.example.com\""), "{portal}");
    assert!(portal.contains("ADMIN_API_ORIGIN = \"https://api.example.com\""), "{portal}");
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn an_environment_moves_to_another_account() {
    const OLD: &str = "fedcba9876543210fedcba9876543210";
    let project = Project::new("moving").provisioned();
    for file in FILES {
        project.replace(file, cloudflare::ACCOUNT, OLD);
    }
    let all = || FILES.map(|file| project.read(file));
    let before = all();
    {
        let mut account = project.cloudflare.account();
        account.databases.clear();
        account.namespaces.clear();
        account.queues.clear();
        account.plan = "workers_free".to_owned();
    }
    assert_says(project.stage().provision(), &["is not the account that wrangler.toml names for stage"]);
    assert_says(project.stage().provision_new_account(), &["is not on the Workers Paid plan"]);
    assert!(all() == before, "a file has forgotten something");
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());

    // The run breaks off, and the next one goes on.
    project.cloudflare.account().plan = "workers_paid".to_owned();
    project.cloudflare.fail(Some("POST /storage/kv/namespaces"));
    assert_says(project.stage().provision_new_account(), &["This is not possible today"]);
    project.cloudflare.fail(None);
    project.stage().provision_new_account().unwrap();
    let tenants = project.cloudflare.account().databases["tenants-0"].id.clone();
    for (file, text) in FILES.iter().zip(all()) {
        assert!(
            !text.contains(OLD) && !text.contains("d1-tenants-0") && text.contains(cloudflare::ACCOUNT),
            "{file}"
        );
    }
    assert!(project.read("admin-api/wrangler.toml").contains(&tenants));
    project.cloudflare.changes();
    project.stage().provision_new_account().unwrap();
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
}
