//! The pages' commands that copy whole databases, with the real wrangler against the stand-in: `docs/leaving.md`, and the splitting of
//! shards in `docs/scaling.md`.
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::project::{ADDED_MIGRATIONS, FILES, Project};
use crate::{assert_says, cloudflare, ready};

/// Tenants, each with the first byte of its digest.
const TENANTS: [(&str, u8); 2] = [("acme", 3), ("zenith", 200)];

/// A page of `docs/`, from a heading to the next one.
fn section(page: &str, heading: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(file).unwrap();
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The commands of ours in a text, in its order, without `cargo xtask`.
fn commands(text: &str) -> Vec<String> {
    let found = text.split("cargo xtask ").skip(1);
    found.map(|rest| rest.split(['`', '#', '\n']).next().unwrap().trim().to_owned()).collect()
}

/// Runs a command of ours.
fn run(project: &Project, command: &str) -> Result<()> {
    let stage = project.stage();
    let (name, words) = command.split_once(" --env stage").unwrap();
    match (name, words.split_whitespace().collect::<Vec<_>>().as_slice()) {
        ("export", ["--to", folder]) => stage.export(&project.root.join(folder)),
        ("restore", ["--from", folder]) => stage.restore(&project.root.join(folder), false),
        ("provision", ["--new-account"]) => stage.provision_new_account(),
        ("secrets", []) => stage.secrets(false),
        ("deploy", []) => stage.deploy(|| Ok(()), false),
        ("split-shards", []) => stage.split_shards(),
        other => anyhow::bail!("the test does not know {other:?}"),
    }
}

fn add_tenants(project: &Project) {
    for (org_id, bucket) in TENANTS {
        let sql = format!(
            "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by, bucket) \
             VALUES ('{org_id}', 'It''s; -- \"{org_id}\"', 'owner@example.com', 0, 'admin', {bucket}); \
             UPDATE shard SET tenants = tenants + 1"
        );
        project.cloudflare.account().databases["tenants-0"].run(&sql).unwrap();
    }
}

/// The first column of the rows that a query of a database gives.
fn column(project: &Project, database: &str, sql: &str) -> Vec<Value> {
    let rows = project.cloudflare.account().databases[database].run(sql).unwrap().concat();
    rows.into_iter().map(|row| row.as_object().unwrap().values().next().unwrap().clone()).collect()
}

/// Everything that a database has.
fn contents(project: &Project, database: &str) -> Vec<Vec<Value>> {
    let tables =
        column(project, database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    let read = |table: &Value| {
        let table = table.as_str().unwrap();
        project.cloudflare.account().databases[database]
            .run(&format!("SELECT * FROM \"{table}\""))
            .unwrap()
            .concat()
    };
    tables.iter().map(read).collect()
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn an_export_is_restored_in_a_new_account_by_the_pages_commands() {
    let project = ready("leaving");
    project.migrate();
    add_tenants(&project);
    let databases = ["tenants-0", "sessions"];
    let before = databases.map(|name| contents(&project, name));
    for command in commands(&section("leaving.md", "## Exporting")) {
        run(&project, &command).unwrap();
    }
    // Into databases that hold tenants, nothing is restored.
    let restoring = commands(&section("leaving.md", "## Restoring"));
    let [provision, restore, secrets, deploy] = restoring.as_slice() else { panic!("{restoring:?}") };
    assert_says(
        run(&project, restore),
        &["tenants-0 of stage holds tenants (2): nothing was changed", "--overwrite"],
    );

    // The account is gone: the files name it, and the token is of another.
    for file in FILES {
        project.replace(file, cloudflare::ACCOUNT, "fedcba9876543210fedcba9876543210");
    }
    {
        let mut account = project.cloudflare.account();
        account.databases.clear();
        account.namespaces.clear();
        account.queues.clear();
        account.workers.clear();
    }
    run(&project, provision).unwrap();
    project.commit();
    run(&project, restore).unwrap();
    assert!(
        databases.map(|name| contents(&project, name)) == before,
        "a restored database is another than before"
    );
    // A migration that is newer than the copy.
    let newer = "0999_newer.sql";
    fs::write(project.root.join("migrations").join(newer), "CREATE TABLE newer (id INTEGER);").unwrap();
    project.commit();
    run(&project, secrets).unwrap();
    run(&project, deploy).unwrap();
    let applied = project.cloudflare.account().databases["tenants-0"].applied();
    assert_eq!(applied.last().map(String::as_str), Some(newer));
    assert!(ADDED_MIGRATIONS.iter().all(|name| applied.iter().any(|other| other == name)), "{applied:?}");
    assert_eq!(
        column(&project, "tenants-0", "SELECT org_id FROM tenants"),
        TENANTS.map(|(org_id, _)| org_id)
    );

    run_overwriting(&project);
}

/// Puts the copy in place of a database that holds tenants.
fn run_overwriting(project: &Project) {
    let folder = project.root.join("export");
    project.cloudflare.account().databases["tenants-0"].run("DELETE FROM tenants WHERE bucket = 3").unwrap();
    project.stage().restore(&folder, true).unwrap();
    assert_eq!(column(project, "tenants-0", "SELECT org_id FROM tenants"), TENANTS.map(|(org_id, _)| org_id));
    fs::remove_file(folder.join("sessions.sql")).unwrap();
    assert_says(project.stage().restore(&folder, true), &["sessions.sql is missing: nothing was changed"]);
}

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn shards_are_split_by_the_pages_commands() {
    let project = ready("split");
    project.migrate();
    add_tenants(&project);
    let splitting = commands(&section("scaling.md", "## Splitting shards"));
    let [split, deploy] = splitting.as_slice() else { panic!("{splitting:?}") };
    // The command breaks off where the copy is to be imported, and is run again.
    project.cloudflare.fail(Some("POST /d1/database/d1-tenants-0/export"));
    assert_says(run(&project, split), &["tenants-0 cannot be exported", "This is not possible today"]);
    project.cloudflare.fail(None);
    assert_eq!(column(&project, "tenants-0", "SELECT splitting FROM shard"), [1]);
    // The run breaks off once more when one of two shards is open again.
    let second = project.cloudflare.account().databases["tenants-1"].id.clone();
    project.cloudflare.fail_with(&format!("POST /d1/database/{second}/query"), "SET splitting = 0");
    assert_says(run(&project, split), &["This is not possible today"]);
    let open = ["tenants-0", "tenants-1"].map(|name| column(&project, name, "SELECT splitting FROM shard"));
    assert_eq!(open, [[0], [1]]);
    project.cloudflare.fail(None);
    run(&project, split).unwrap();
    for (place, (org_id, _)) in TENANTS.iter().enumerate() {
        let name = format!("tenants-{place}");
        assert_eq!(column(&project, &name, "SELECT org_id FROM tenants"), [*org_id]);
        let mark = "SELECT number || ' of ' || shards || ', ' || splitting || ', ' || tenants FROM shard";
        assert_eq!(column(&project, &name, mark), [format!("{place} of 2, 0, 1")]);
    }
    project.commit();
    run(&project, deploy).unwrap();
    let account = project.cloudflare.account();
    for worker in ["admin-api", "webhook-delivery"] {
        let bindings = &account.workers[worker].deployed().unwrap().bindings;
        let bound = |name: &str| bindings.iter().find(|binding| binding["name"] == name).unwrap();
        assert_eq!(bound("SHARDS")["text"], "2");
        assert_eq!(bound("DATABASE_1")["id"], account.databases["tenants-1"].id);
    }
}
