//! What each statement of the store costs: how SQLite runs it, and that no backlog makes it dearer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::actor::Actor;
use crate::api_key::ApiKey;
use crate::delivery::progress::{Origin, Progress};
use crate::delivery::standing::{Stage, Standing};
use crate::environment::Environment;
use crate::event::id::EventId;
use crate::event::message::{DeliveryKey, WebhookKey};
use crate::page::Page;
use crate::ports::Statement;
use crate::tenant::{EmailAddress, OrgId, OrgName};
use crate::testing::SqliteDatabase;
use crate::time::Timestamp;
use crate::transition::{Aggregate, TransitionKind};
use crate::webhook::filter::EventFilter;
use crate::webhook::health::{Change, Condition, HealthPolicy};
use crate::webhook::id::WebhookId;
use crate::webhook::url::WebhookUrl;

const WEBHOOK: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";
const PAGE: Page = Page { limit: 50, offset: 0 };

/// One of each statement, by module and function, all about one tenant with one webhook, and asked for by this actor.
fn all(actor: &Actor) -> BTreeMap<&'static str, Vec<Statement>> {
    let org = &OrgId::parse("acme-corp").unwrap();
    let id = &WebhookId::parse(WEBHOOK).unwrap();
    let webhook = &WebhookKey { org_id: org.clone(), webhook_id: *id };
    let event = &EventId::parse("held-5").unwrap();
    let key = &DeliveryKey { org_id: org.clone(), webhook_id: *id, event_id: event.clone() };
    let fresh_event = &EventId::parse("fresh").unwrap();
    let now = Timestamp::from_milliseconds(50_000_000);
    let tenant = &TenantScope::new(actor.clone(), org.clone());
    let another_tenant = &TenantScope::new(actor.clone(), OrgId::parse("another").unwrap());
    let name = &OrgName::parse("ACME").unwrap();
    let owner = &EmailAddress::parse("owner@acme-corp.com").unwrap();
    let person = &EmailAddress::parse("colleague@acme-corp.com").unwrap();
    let api_key = &ApiKey::parse("3f9a1b2c4d5e6f708192a3b4c5d6e7f80a1b7d4e").unwrap();
    let digest = &api_key.digest();
    let url =
        &WebhookUrl::parse("https://hooks.example.com/in", &Environment::Prod.webhook_url_rules()).unwrap();
    let events = &EventFilter::everything();
    let auth = &webhooks::StoredAuthentication {
        authentication: crate::webhook::authentication::Authentication::None,
        sealed_token: None,
    };
    let another = &WebhookId::from_random_bytes([7; 16]);
    let new_webhook =
        webhooks::NewWebhook { id: another, url, events, sealed_secret: "1.a.b", auth, at: now, most: 20 };
    let change = webhooks::WebhookChange { events: Some(events), ..webhooks::WebhookChange::default() };
    let new_key = api_keys::NewApiKey {
        key: api_key,
        org_name: None,
        at: now,
        by: "admin@smartphonekey.com",
        expires_at: None,
    };
    let transition =
        || transitions::NewTransition { kind: TransitionKind::WebhookChanged, at: now, details: json!({}) };
    let progress = |origin| Progress {
        key: key.clone(),
        event_type: "KeyAdded".into(),
        standing: Standing::held(now, 1),
        attempt: None,
        origin,
        body: Some("{}".into()),
    };
    let fresh = progress(Origin::Fresh { at: now });
    let leased = progress(Origin::Leased { until: now });
    let told = health::NewNotice { id: "n".into(), change: Change::Failing, details: json!({}), at: now };
    let condition = health::NewCondition {
        webhook: webhook.clone(),
        based_on: 0,
        stamp: 1,
        condition: Condition::verified(now, &HealthPolicy::default()),
        delivered_at: None,
        failed: None,
        verified_at: None,
        told: Some(told),
    };
    let conditions = &[condition];
    let stages = vec![Stage::Failed, Stage::Dead];
    let range = &redelivery::Range { since: Timestamp::from_milliseconds(0), until: now, stages };
    let place = &(i64::MAX >> 11, String::new());
    let values = sealing::Values { secret: "s".into(), previous_secrets: "[]".into(), auth_token: None };
    let anew = sealing::SealedAnew { id: *id, was: values.clone(), becomes: values };
    let rotation = secrets::Rotation {
        sealed: "1.b.d",
        overlap_until: Some(now),
        based_on: Some("1.b.c"),
        repeated: &["1.b.a".to_owned()],
        at: now,
    };
    let slice = deliveries::Slice { limit: 100, offset: 0 };
    let people: [&[&str]; 3] = [&[], &["a@b.c"], &["a@b.c", "d@e.f"]];
    let one = |statement: Statement| vec![statement];
    BTreeMap::from([
        ("api_keys::insert", one(api_keys::insert(tenant, &new_key))),
        ("api_keys::release_expired", one(api_keys::release_expired(tenant, now))),
        ("api_keys::end_all", one(api_keys::end_all(tenant, now))),
        ("api_keys::by_digest", one(api_keys::by_digest(digest))),
        ("api_keys::count", one(api_keys::count(tenant))),
        ("api_keys::page", one(api_keys::page(tenant, PAGE))),
        ("dead_letters::insert", one(dead_letters::insert("x", None, now))),
        ("dead_letters::newest", one(dead_letters::newest(None, 50))),
        ("dead_letters::select", one(dead_letters::select(1))),
        ("dead_letters::requeued", one(dead_letters::requeued(1, now))),
        ("deliveries::existing", one(deliveries::existing(&[("acme-corp", event)]))),
        ("deliveries::write", deliveries::write(&[fresh.clone(), leased.clone()])),
        ("deliveries::write_rows", deliveries::write_rows(&[fresh.clone(), leased.clone()])),
        (
            "deliveries::keep_bodies",
            deliveries::keep_bodies(std::slice::from_ref(&fresh)).into_iter().map(|(_, keep)| keep).collect(),
        ),
        ("deliveries::keep_leases", one(deliveries::keep_leases(std::slice::from_ref(&leased), now))),
        ("deliveries::keep_body", one(deliveries::keep_body(org, event, "{}", now))),
        ("deliveries::keep_body_of", one(deliveries::keep_body_of(tenant, id, event, "{}", now))),
        ("deliveries::lease", one(deliveries::lease(&[key], now, now, now))),
        ("deliveries::leased_bodies", one(deliveries::leased_bodies(&[key], now))),
        ("deliveries::take_overdue", one(deliveries::take_overdue(now, now, slice))),
        ("deliveries::end_expired", one(deliveries::end_expired(now, slice))),
        (
            "delivery_log::newest",
            vec![
                delivery_log::newest(tenant, id, &[], Timestamp::from_milliseconds(0), place, 50),
                delivery_log::newest(
                    tenant,
                    id,
                    &[Stage::Failed, Stage::Dead],
                    Timestamp::from_milliseconds(0),
                    place,
                    50,
                ),
            ],
        ),
        ("delivery_log::select", one(delivery_log::select(tenant, id, event))),
        ("redelivery::redeliver", one(redelivery::redeliver(tenant, id, event, now))),
        (
            "deliveries::insert_scheduled",
            one(deliveries::insert_scheduled(tenant, id, fresh_event, "KeyAdded", now)),
        ),
        ("delivery_summary::by_hour", one(delivery_summary::by_hour(tenant, id, now, now, 100))),
        ("health::write", one(health::write(conditions))),
        ("health::tell", health::tell(conditions).into_iter().collect()),
        ("members::insert", one(members::insert(tenant, person, now))),
        ("members::insert_owner", one(members::insert_owner(tenant, now))),
        ("members::delete_owner", one(members::delete_owner(tenant, person))),
        ("members::delete", one(members::delete(tenant, person))),
        ("members::delete_all", one(members::delete_all(tenant))),
        ("members::all", one(members::all(tenant))),
        ("members::select", one(members::select(tenant, person))),
        ("notices::note_failing", one(notices::note_failing(now, now))),
        ("notices::failing_told", one(notices::failing_told(now, 1))),
        ("notices::note_registered", one(notices::note_registered(tenant, json!({}), now))),
        ("notices::oldest", one(notices::oldest(20))),
        ("notices::delete", one(notices::delete(&[1]))),
        ("notices::waiting", one(notices::waiting(now))),
        ("redelivery::count", one(redelivery::count(tenant, id, range))),
        ("redelivery::hold_slice", one(redelivery::hold_slice(tenant, id, range, now, now))),
        ("redelivery::note_rest", one(redelivery::note_rest(tenant, id, range))),
        ("redelivery::noted", one(redelivery::noted(10))),
        ("redelivery::forget", one(redelivery::forget(1))),
        ("retention::next_webhook", one(retention::next_webhook(""))),
        ("retention::keep_last_delivered", one(retention::keep_last_delivered(id, now))),
        ("retention::delete_slice", one(retention::delete_slice(id, now))),
        ("retention::next_bodies", one(retention::next_bodies(0, now))),
        ("retention::delete_bodies", one(retention::delete_bodies(0, now))),
        ("retention::delete_dead_letters", one(retention::delete_dead_letters(now))),
        ("retention::delete_notices", one(retention::delete_notices(now))),
        ("rounds::position", one(rounds::position(rounds::CLEAN))),
        ("rounds::remember", one(rounds::remember(rounds::CLEAN, "x"))),
        ("sealing::stale", one(sealing::stale("1.b."))),
        ("sealing::count", one(sealing::count("1.b."))),
        ("sealing::replace", one(sealing::replace(&[anew]))),
        ("secrets::rotate", one(secrets::rotate(tenant, id, &rotation))),
        ("secrets::sealed", one(secrets::sealed(tenant, id))),
        ("targets::of_tenants", one(targets::of_tenants(&["acme-corp"]))),
        ("targets::of_deliveries", one(targets::of_deliveries(&[key]))),
        ("targets::by_ids", one(targets::by_ids(&[*id]))),
        ("tenants::insert", one(tenants::insert(another_tenant, name, owner, now))),
        ("tenants::registered", one(tenants::registered(tenant))),
        ("tenants::update", one(tenants::update(tenant, Some(name), None))),
        ("tenants::close", one(tenants::close(tenant, now))),
        ("tenants::select", one(tenants::select(tenant, now))),
        ("tenants::page", people.map(|people| tenants::page(people, PAGE, now)).into()),
        ("tenants::count", people.map(tenants::count).into()),
        ("tending::due", one(tending::due(&[*id], now, 500))),
        ("tending::release", one(tending::release(webhook, std::slice::from_ref(event), 0, now))),
        ("tending::bury", one(tending::bury(id, 0, now))),
        ("tending::end_deleted", one(tending::end_deleted(id, now))),
        ("tending::note_deleted", one(tending::note_deleted(&[*id], now))),
        ("tending::deleted", one(tending::deleted(100))),
        ("tending::forget_deleted", one(tending::forget_deleted(id))),
        ("tending::due_while_any_waits", one(tending::due_while_any_waits(&[*id], now, 1))),
        ("tending::overdue", one(tending::overdue(now, -1, 100))),
        ("tending::probe_now", one(tending::probe_now(tenant, id, now, 1))),
        (
            "transitions::append",
            [
                transitions::Guard::Tenant,
                transitions::Guard::WorkingApiKey(now),
                transitions::Guard::NewMember(person),
                transitions::Guard::AddedMember(owner),
                transitions::Guard::Webhook(id),
                transitions::Guard::WebhookSecret(id, "1.b.c"),
                transitions::Guard::DisabledWebhook(id),
            ]
            .map(|guard| transitions::append(tenant, transition(), &guard))
            .into(),
        ),
        ("transitions::latest_version", one(transitions::latest_version(tenant, Aggregate::Tenant))),
        ("transitions::newest", one(transitions::newest(tenant, None, 50))),
        ("webhook_trouble::page", one(webhook_trouble::page((0, 0), 50))),
        ("webhooks::insert", one(webhooks::insert(tenant, &new_webhook))),
        ("webhooks::update", one(webhooks::update(tenant, id, &change, now))),
        ("webhooks::verify_if_changed", one(webhooks::verify_if_changed(tenant, id, url, now, 1))),
        ("webhooks::verify", one(webhooks::verify(tenant, id, now, 1))),
        ("webhooks::enable", one(webhooks::enable(tenant, id, now, 1))),
        ("webhooks::delete", webhooks::delete(tenant, id, now)),
        ("webhooks::delete_all", webhooks::delete_all(tenant, now)),
        ("webhooks::select", one(webhooks::select(tenant, id))),
        ("webhooks::exists", one(webhooks::exists(tenant, id))),
        ("webhooks::count", one(webhooks::count(tenant))),
        ("webhooks::page", one(webhooks::page(tenant, PAGE))),
    ])
}

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
        if matches!(module.as_str(), "tests" | "mod") {
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
        || matches!(name, "tenants::page" | "tenants::count" | "dead_letters::newest")
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
                // Rows of a few stages, each sorted and cut by its own index, are merged.
                let merges = name == "delivery_log::newest" && step.contains("ORDER BY");
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
    for (stage, count, next) in [("delivered", delivered, "NULL"), ("held", held, "253402300799999")] {
        run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
             INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, next_attempt_at, ended_at, attempts) \
             SELECT '{WEBHOOK}', '{stage}-' || i, 'acme-corp', 'KeyAdded', '{stage}', 1000 + i * 7919 % 40000000, 0, 0, {next}, 1, '[]' FROM n",
            count - 1
        ));
    }
    run(&format!(
        "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, ended_at, attempts) \
         VALUES ('{WEBHOOK}', 'dead', 'acme-corp', 'KeyAdded', 'dead', 5, 0, 3, 5, '[]')"
    ));
    run(
        "INSERT INTO bodies (org_id, event_id, kept_since, body) SELECT org_id, event_id, 0, '{}' FROM deliveries WHERE stage <> 'delivered'",
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
    let (small, large) = (filled(12_000, 12_000), filled(100_000, 400_000));
    for (name, statements) in all(&admin()) {
        for statement in statements {
            let (few, many) = (small.steps(&statement), large.steps(&statement));
            assert!(many <= few + few / 5 + 500, "{name}: {few} steps grew to {many}: {}", statement.sql);
        }
    }
}
