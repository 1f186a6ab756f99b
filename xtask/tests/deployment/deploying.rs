//! `cargo xtask deploy`.
use std::fs;

use serde_json::json;

use crate::project::{ADDED_MIGRATIONS, Project, WORKERS};
use crate::{assert_says, cloudflare, ready, sentence};

fn deploy(project: &Project) -> anyhow::Result<()> {
    project.stage().deploy(|| Ok(()), false)
}

/// The version of a Worker that takes all requests.
fn deployed(project: &Project, worker: &str) -> String {
    project.cloudflare.account().workers[worker].deployments.last().unwrap().clone()
}

/// Runs the wrangler command with this beginning out of a text, whether or not it succeeds. Returns the calls of the command
/// that change something.
fn run_printed(project: &Project, printed: &str, beginning: &str) -> Vec<String> {
    let commands = printed.split('`').filter_map(|part| part.strip_prefix("npx wrangler "));
    let words = commands.into_iter().find(|words| words.starts_with(beginning)).unwrap();
    project.cloudflare.changes();
    project.wrangler(words.split(' '));
    project.cloudflare.changes()
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_deployment_goes_on_after_a_failure() {
    let project = ready("deploy");
    // The first of the migrations that the test has added fails: those before it are there.
    project.cloudflare.fail_with("POST /d1/database/d1-tenants-0/query", ADDED_MIGRATIONS[0]);
    let said = sentence(deploy(&project));
    let mut applied = project.migrations("migrations");
    applied.retain(|name| !ADDED_MIGRATIONS.contains(&name.as_str()));
    for part in ["stage is half deployed", &format!("{} of tenants-0 applied", applied.join(", "))] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains(ADDED_MIGRATIONS[1]), "{said}");
    assert!(!project.cloudflare.changes().iter().any(|call| call.contains("/workers/")));

    project.cloudflare.fail(Some("POST /workers/scripts/admin-api/versions"));
    assert_says(
        deploy(&project),
        &[
            "stage is half deployed",
            &format!("{} of tenants-0 applied", ADDED_MIGRATIONS.join(", ")),
            "0001_sessions.sql of sessions applied",
            "webhook-delivery new",
            "go on with `cargo xtask deploy --env stage`",
            "admin-api is not deployed",
            "This is not possible today",
        ],
    );
    let calls = project.cloudflare.changes();
    let migrated = calls.iter().rposition(|call| call.contains("/query")).unwrap();
    let uploaded = calls.iter().position(|call| call.contains("/versions")).unwrap();
    assert!(migrated < uploaded, "{calls:#?}");

    project.cloudflare.fail(None);
    deploy(&project).unwrap();
    let uploads: Vec<String> =
        project.cloudflare.changes().into_iter().filter(|call| call.ends_with("/versions")).collect();
    assert_eq!(uploads, WORKERS.map(|name| format!("POST /workers/scripts/{name}/versions")));
    let account = project.cloudflare.account();
    assert_eq!(account.databases["tenants-0"].applied().len(), project.migrations("migrations").len());
    assert_eq!(account.consumers.len(), 3);
    assert_eq!(account.consumers["webhook-events"]["dead_letter_queue"], "webhook-dead-letters");
    assert_eq!(account.consumers["webhook-retries"]["settings"]["retry_delay"], 30);
    assert_eq!(account.workers["webhook-delivery"].crons[0]["cron"], "* * * * *");
    let bindings = account.workers["admin-api"].deployed().unwrap().bindings.clone();
    let bound = |name: &str| bindings.iter().find(|binding| binding["name"] == name).unwrap().clone();
    assert_eq!(bound("ENVIRONMENT")["text"], "stage");
    assert_eq!(bound("DATABASE_0")["id"], account.databases["tenants-0"].id);
    assert_eq!(bound("VERSION")["type"], "version_metadata");
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_version_that_is_not_well_stops_it_and_the_way_back_stays_the_same() {
    let project = ready("health");
    project.migrate();
    deploy(&project).unwrap();
    let old = WORKERS.map(|worker| deployed(&project, worker));

    project.commit();
    project.ill.lock().unwrap().push("admin-api".to_owned());
    project.slow.lock().unwrap().insert("webhook-delivery".to_owned(), 1);
    // Nothing answers for longer than a new version of a known address may take: the address may be new.
    project.silent.lock().unwrap().insert("webhook-delivery".to_owned(), 4);
    let said = sentence(deploy(&project));
    let reason = "it answers 503 at https://admin-api.spk-stage.workers.dev/health";
    assert!(said.contains(&format!("admin-api is deployed but not well ({reason})")), "{said}");
    // The command shows the Worker's own log.
    let calls = run_printed(&project, &said, "tail");
    assert!(calls.iter().any(|call| call.starts_with("POST /workers/scripts/admin-api/tails")), "{calls:?}");

    // Another run of the same commit, in which the version before goes on answering, and is well.
    project.ill.lock().unwrap().clear();
    project.slow.lock().unwrap().insert("admin-api".to_owned(), 9);
    let said = sentence(deploy(&project));
    let reason = "another version still answers at https://admin-api.spk-stage.workers.dev/health";
    assert!(said.contains(&format!("admin-api is deployed but not well ({reason})")), "{said}");
    for worker in ["admin-api", "webhook-delivery"] {
        run_printed(
            &project,
            &said,
            &format!("rollback {}", old[WORKERS.iter().position(|name| *name == worker).unwrap()]),
        );
    }
    assert_eq!(WORKERS.map(|worker| deployed(&project, worker)), old);
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn what_is_new_after_a_failure_is_found_out_and_said() {
    let project = ready("failures");
    project.migrate();
    // wrangler uploads a version, deploys it, and sets schedule and consumers: only the first run changes nothing.
    project.cloudflare.fail(Some("POST /workers/scripts/webhook-delivery/deployments"));
    assert_says(deploy(&project), &["nothing was changed", "webhook-delivery is not deployed"]);
    for call in ["PUT /workers/scripts/webhook-delivery/schedules", "PUT /queues/"] {
        project.cloudflare.fail(Some(call));
        let said = sentence(deploy(&project));
        for part in [
            "stage is half deployed",
            "webhook-delivery new",
            "webhook-delivery is deployed, but its custom domain, its schedule or its queues' consumers are not set",
        ] {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        // The script without content that the upload of secrets made is no version to go back to.
        assert!(!said.contains("rollback"), "{said}");
    }
    project.cloudflare.fail(None);
    let silent = || {
        project.cloudflare.fail_with("", "/workers/scripts/webhook-delivery/deployments");
        Ok(())
    };
    assert_says(
        project.stage().deploy(silent, false),
        &["it is not known whether webhook-delivery is new (`npx wrangler deployments status --env stage"],
    );
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn nothing_is_changed_before_everything_is_checked() {
    let mut project = ready("check");
    project.cloudflare.account().workers.get_mut("admin-api").unwrap().secrets.remove("ADMIN_API_KEY");
    assert_says(
        deploy(&project),
        &["ADMIN_API_KEY of admin-api is not uploaded to stage", "run `cargo xtask secrets --env stage`"],
    );

    // A Worker that does not exist yet has no secrets.
    let admin_api = project.cloudflare.account().workers.remove("admin-api").unwrap();
    assert_says(
        deploy(&project),
        &[
            "ADMIN_API_KEY of admin-api, SERVICE_JWT_SECRET of admin-api",
            "run `cargo xtask secrets --env stage`",
        ],
    );
    project.cloudflare.account().workers.insert("admin-api".to_owned(), admin_api);

    let move_tenants = |jurisdiction: Option<&str>| {
        project.cloudflare.account().databases.get_mut("tenants-0").unwrap().jurisdiction =
            jurisdiction.map(str::to_owned);
    };
    move_tenants(Some("us"));
    assert_says(deploy(&project), &["tenants-0 of stage is in the jurisdiction us, and should be in eu"]);
    move_tenants(Some("eu"));
    project.cloudflare.account().subdomain = Some("acme".to_owned());
    assert_says(deploy(&project), &["subdomain is acme, and should be spk-stage"]);
    project.cloudflare.account().subdomain = Some("spk-stage".to_owned());

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
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn custom_domains_follow_the_one_setting() {
    let project = ready("domains");
    project.migrate();
    deploy(&project).unwrap();
    let domains = "[stage.domains]\nadmin-api = \"api.example.com\"\npartner-portal = \"partners.example.com\"\nwebhook-delivery = \"events.example.com\"\n";
    fs::write(project.root.join("environments.toml"), project.read("environments.toml") + domains).unwrap();
    project.commit();
    project.cloudflare.changes();
    assert_says(
        deploy(&project),
        &["nothing was changed", "run `cargo xtask addresses --env stage --write`, and commit"],
    );
    let addresses = project.stage().addresses(true).unwrap();
    assert!(addresses.contains("\"webhook-delivery\": \"https://events.example.com\""), "{addresses}");
    project.commit();
    // Nobody can watch a version at a domain that is not there yet.
    let gradually = || project.stage().deploy(|| Ok(()), true);
    assert_says(
        gradually(),
        &["nothing was changed", "https://events.example.com/health does not answer", "without --gradual"],
    );
    assert_eq!(project.cloudflare.changes(), Vec::<String>::new());

    // A token without the zone's permissions.
    project.cloudflare.fail(Some("PUT /workers/scripts/webhook-delivery/domains/records"));
    assert_says(
        deploy(&project),
        &[
            "webhook-delivery is deployed, but its custom domain, its schedule or its queues' consumers are not set",
        ],
    );
    project.cloudflare.fail(None);
    let bound = || {
        let domains = project.cloudflare.account().domains.clone();
        let expected = [
            ("api.example.com", "admin-api"),
            ("events.example.com", "webhook-delivery"),
            ("partners.example.com", "partner-portal"),
        ];
        assert_eq!(domains, expected.map(|(host, worker)| (host.to_owned(), worker.to_owned())).into());
    };
    deploy(&project).unwrap();
    bound();
    project.commit();
    gradually().unwrap();
    bound();
    let account = project.cloudflare.account();
    let bindings = &account.workers["partner-portal"].deployed().unwrap().bindings;
    let origin = bindings.iter().find(|binding| binding["name"] == "PORTAL_ORIGIN").unwrap();
    assert_eq!(origin["text"], "https://partners.example.com");
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn a_gradual_deployment_gives_a_tenth_first_and_goes_back_by_itself() {
    let project = ready("gradual");
    project.migrate();
    deploy(&project).unwrap();
    let old = WORKERS.map(|worker| deployed(&project, worker));
    project.commit();
    project.cloudflare.changes();
    // Connections break, and Workers Logs fail to answer now and then: that says nothing about the version.
    let logs = "workers/observability";
    let busy = |times| {
        let cloudflare = project.cloudflare.clone();
        move || {
            cloudflare.account().busy = Some((logs.to_owned(), times));
            Ok(())
        }
    };
    project.silent.lock().unwrap().insert("webhook-delivery".to_owned(), 1);
    project.stage().deploy(busy(7), true).unwrap();
    assert_eq!(project.cloudflare.account().busy, Some((logs.to_owned(), 0)));
    let shares: Vec<String> = project
        .cloudflare
        .changes()
        .into_iter()
        .filter(|call| call.starts_with("POST /workers/scripts/admin-api/deployments"))
        .collect();
    assert_eq!(shares.len(), 2, "{shares:#?}");
    assert!(
        shares[0].contains("10") && shares[0].contains("90") && shares[0].contains(&old[1]),
        "{shares:#?}"
    );
    assert!(shares[1].contains("100") && !shares[1].contains(&old[1]), "{shares:#?}");

    let good = WORKERS.map(|worker| deployed(&project, worker));
    project.commit();
    project.ill.lock().unwrap().push("webhook-delivery".to_owned());
    assert_says(
        project.stage().deploy(|| Ok(()), true),
        &["webhook-delivery is at", "again", "webhook-delivery.spk-stage.workers.dev/health answered 503"],
    );
    assert_eq!(WORKERS.map(|worker| deployed(&project, worker)), good);

    // /health is well, and the new version logs errors or answers 5xx.
    project.ill.lock().unwrap().clear();
    for (line, said) in [
        (json!({"message": "outcomes not written", "level": "error"}), "logged 1 × `outcomes not written`"),
        (json!({"message": "request", "status": 503}), "logged 1 × `request`"),
    ] {
        let harmless = json!({"message": "request", "status": 499, "level": "info"});
        project.cloudflare.account().lines =
            [line, harmless].map(|line| ("webhook-delivery".to_owned(), line)).into();
        assert_says(project.stage().deploy(|| Ok(()), true), &["webhook-delivery is at", "again", said]);
        assert_eq!(WORKERS.map(|worker| deployed(&project, worker)), good);
    }
    project.cloudflare.account().lines.clear();

    // Workers Logs fail to answer for good.
    assert_says(
        project.stage().deploy(busy(usize::MAX), true),
        &[
            "webhook-delivery is at",
            "again",
            "Cloudflare's API does not answer as it should",
            "3 times in a row",
        ],
    );
    assert_eq!(WORKERS.map(|worker| deployed(&project, worker)), good);
    project.cloudflare.account().busy = None;

    project.cloudflare.changes();
    project.cloudflare.account().forbidden = Some("/workers/observability".to_owned());
    assert_says(
        project.stage().deploy(|| Ok(()), true),
        &["nothing was changed", "CLOUDFLARE_API_TOKEN lacks Workers Observability: Read"],
    );
    assert!(!project.cloudflare.changes().iter().any(|call| call.contains("/workers/")));
}
