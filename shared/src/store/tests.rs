//! What each statement of the store costs: how SQLite runs it, and that no backlog makes it dearer; and that a tenant is none
//! to strangers.

mod pages;
mod statements;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use statements::all;

use super::MEMBERS_TENANT;
use crate::actor::Actor;
use crate::delivery::standing::Stage;
use crate::ports::Statement;
use crate::testing::SqliteDatabase;

const WEBHOOK: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";

fn admin() -> Actor {
    Actor::person("admin@smartphonekey.com")
}

/// A member of the tenant, at the portal.
fn member() -> Actor {
    Actor::through_portal("a@b.c")
}

/// The public functions of the store that make statements, as its files have them.
fn in_the_files() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if matches!(module.as_str(), "tests" | "mod" | "columns") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for function in text.split("\npub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            if head.contains("Statement") {
                found.insert(format!("{module}::{}", head.split(['(', '<']).next().unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_statement_is_looked_at_here() {
    let listed: BTreeSet<String> = all(&admin()).keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, in_the_files());
}

/// Tables that grow without end.
const GROWING: [&str; 8] =
    ["deliveries", "bodies", "webhooks", "transitions", "api_keys", "tenants", "members", "dead_letters"];

/// Statements that read a table as a whole, and why they may.
fn may_scan(name: &str) -> bool {
    // While a sealing key is being rotated, once a minute.
    name.starts_with("sealing::")
        // A list of everything, in the order of its primary key, or its length.
        || matches!(name, "dead_letters::newest")
}

#[test]
fn every_statement_searches_an_index_and_neither_scans_nor_sorts() {
    let database = SqliteDatabase::migrated();
    for (name, statements) in all(&admin()).into_iter().chain(all(&member())) {
        for statement in statements {
            let plan = database.plan(&statement);
            for step in &plan {
                let scans = GROWING.iter().any(|table| {
                    step == &format!("SCAN {table}") || step.starts_with(&format!("SCAN {table} "))
                });
                let scans = scans && !step.contains("USING INDEX") && !step.contains("USING COVERING INDEX");
                assert!(!scans || may_scan(name), "{name}: {plan:?}");
                // Rows of a few stages, each sorted and cut by its own index, are merged. The oldest of the few thousand that
                // are counted is picked.
                let merges = matches!(name, "delivery_log::newest" | "delivery_summary::by_hour");
                assert!(!step.contains("TEMP B-TREE FOR ORDER BY") || merges, "{name}: {plan:?}");
            }
        }
    }
}

/// A tenant with one webhook that holds `held` deliveries back, delivered `delivered`, and had one failure.
fn filled(held: u32, delivered: u32) -> SqliteDatabase {
    let database = SqliteDatabase::migrated();
    let run = |sql: &str| drop(database.query(Statement::new(sql.to_owned())));
    run(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES ('acme-corp', 'ACME', 'a@b.c', 0, '')",
    );
    run("INSERT INTO members (org_id, email, added_at, added_by, tenant_created_at) \
         SELECT org_id, owner_email, 0, '', 0 FROM tenants");
    run(&format!(
        "INSERT INTO webhooks (id, org_id, url, events, secret, auth_type, created_at, updated_at, status, circuit_opened_at, tend_at) \
         VALUES ('{WEBHOOK}', 'acme-corp', 'https://hooks.example.com/in', '[\"*\"]', '1.b.c', 'none', 0, 0, 'active', 1, 1)"
    ));
    run("INSERT INTO event_types (name) VALUES ('KeyAdded')");
    let history = "'{\"endedAt\":5,\"reason\":\"status\",\"attempts\":[]}'";
    for (stage, count, next, attempt) in [
        (Stage::Delivered, delivered, "NULL", "1, 200, 20, NULL"),
        (Stage::Held, held, "253402300799999", "NULL, NULL, NULL, NULL"),
    ] {
        let (name, number) = (stage.as_str(), stage.number());
        run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
             INSERT INTO deliveries (webhook, event, event_type, stage, created_at, next_attempt_at, waited, status, milliseconds, history) \
             SELECT 1, '{name}-' || i, 1, {number}, 1000 + i * 7919 % 40000000, {next}, {attempt} FROM n",
            count - 1
        ));
    }
    run(&format!(
        "INSERT INTO deliveries (webhook, event, event_type, stage, created_at, failures, history) VALUES (1, 'dead', 1, 5, 5, 3, {history})"
    ));
    run(
        "INSERT INTO bodies (org_id, event, kept_until, length, body) SELECT 'acme-corp', event, 0, 2, '{}' FROM deliveries \
         WHERE stage <> 0",
    );
    database
}

/// What a statement gives back, and what the database holds after it.
fn ran(statement: &Statement) -> (Vec<serde_json::Value>, String) {
    let database = filled(3, 3);
    let rows = database.query(statement.clone());
    (rows, database.dump())
}

#[test]
fn a_tenant_is_none_to_a_person_who_is_no_member() {
    let untouched = filled(3, 3).dump();
    let (admins, members) = (all(&admin()), all(&member()));
    let (mut of_tenants, mut wrote) = (0, 0);
    for (name, statements) in all(&Actor::through_portal("stranger@b.c")) {
        for (index, statement) in statements.iter().enumerate() {
            if !statement.sql.contains(MEMBERS_TENANT) {
                continue;
            }
            of_tenants += 1;
            let (rows, dump) = ran(statement);
            let none = rows.iter().all(|row| row.get("total") == Some(&json!(0)));
            assert!(none, "{name}: {rows:?}");
            assert_eq!(dump, untouched, "{name}");
            // To a member it is the tenant that it is to an admin.
            let (rows, dump) = ran(&admins[name][index]);
            let (members_rows, members_dump) = ran(&members[name][index]);
            assert_eq!(rows, members_rows, "{name}");
            assert_eq!(dump == untouched, members_dump == untouched, "{name}");
            wrote += u32::from(dump != untouched);
        }
    }
    assert!(of_tenants >= 40 && wrote >= 15, "{of_tenants} statements, {wrote} of which wrote");
}

/// By the steps of SQLite's virtual machine, not by the clock.
#[test]
fn no_statement_grows_with_a_backlog_or_a_history() {
    // Large enough for every bounded look to reach its bound.
    let (small, large) = (filled(12_000, 48_000), filled(100_000, 400_000));
    for (name, statements) in all(&admin()) {
        for statement in statements {
            let (few, many) = (small.steps(&statement), large.steps(&statement));
            assert!(many <= few + few / 5 + 500, "{name}: {few} steps grew to {many}: {}", statement.sql);
        }
    }
}
