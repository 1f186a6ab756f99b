//! `docs/leaving.md`: databases are exported, lost and restored, and events go on.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use local::d1::D1;
use local::export;
use local::stack::StackOptions;
use local::workspace::{files_below, root};
use rusqlite::types::Value;
use rusqlite::{Connection, Row};
use serde_json::json;
use tests::endpoint::{Behavior, Endpoint};
use tests::page::Page;
use tests::poll::eventually;
use tests::tenant::Tenant;
use tests::world::{World, run_alone};

const DATABASES: [&str; 3] = ["tenants-0", "tenants-1", "sessions"];

/// The rows of each table in each database, sorted.
type Rows = BTreeMap<(String, String), Vec<String>>;

fn d1(world: &World) -> PathBuf {
    let [d1, _] = world.stores();
    d1
}

fn rows(world: &World) -> Rows {
    let mut all = Rows::new();
    for file in files_below(&d1(world), &[]) {
        if file.extension().is_none_or(|extension| extension != "sqlite") {
            continue;
        }
        let connection = Connection::open(&file).unwrap();
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'")
            .unwrap();
        let tables: Vec<String> =
            tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for table in tables {
            let mut query = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let width = query.column_count();
            let row = |row: &Row<'_>| (0..width).map(|column| row.get(column)).collect();
            let read = query.query_map([], row).unwrap();
            let mut read: Vec<String> =
                read.map(|row: Result<Vec<Value>, _>| format!("{:?}", row.unwrap())).collect();
            read.sort();
            let file = file.file_name().unwrap().to_string_lossy().into_owned();
            let _ = all.insert((file, table), read);
        }
    }
    all
}

#[test]
fn lost_databases_are_restored_from_an_export_and_events_go_on() {
    let options = StackOptions::on_free_ports("test-leaving").unwrap().shards(2).fresh();
    let world = World::start(options.set("webhook-delivery", "RETRY_BASE_SECONDS", "1"));
    run_alone(async {
        let endpoint = Endpoint::start();
        let mut tenants = Vec::new();
        for index in 0..6 {
            let tenant = Tenant::register(&world).await;
            let webhook = tenant.webhook(&endpoint.url(&format!("/{index}"))).await;
            let key = tenant.api_key().await;
            let event = tenant.event("KeyAdded");
            world.publish(&event).await;
            let _ = webhook.delivery_in("delivered", &event).await;
            tenants.push((tenant, webhook, key));
        }
        // One event is still on its way, with its body.
        endpoint.behave("/0", Behavior::status(404));
        let undelivered = tenants[0].0.event("KeyRemoved");
        world.publish(&undelivered).await;
        let _ = tenants[0]
            .1
            .delivery_when("a first attempt", &undelivered, |delivery| delivery["attempts"] != json!([]))
            .await;
        let _ = world.portal().get("/login").await;

        world.stack().stop();
        let before = rows(&world);
        let filled = |table: &str| before.iter().any(|((_, name), rows)| name == table && !rows.is_empty());
        for table in
            ["tenants", "webhooks", "api_keys", "deliveries", "bodies", "delivered_bodies", "transitions"]
        {
            assert!(filled(table), "{table} has rows to lose");
        }
        let (wrangler, _) = world.stack().d1(2).unwrap();
        let folder = root().join("target/tests/leaving");
        let _ = fs::remove_dir_all(&folder);
        let page = Page::read("leaving.md");
        for command in page.commands("## Exporting") {
            let to = command.strip_prefix("cargo xtask export --env stage --to ").expect("the export");
            fs::create_dir_all(folder.join(to)).unwrap();
            for name in DATABASES {
                wrangler.export(name, &folder.join(to).join(format!("{name}.sql"))).unwrap();
            }
        }
        fs::remove_dir_all(d1(&world)).unwrap();
        let mut done = Vec::new();
        for command in page.commands("## Restoring") {
            let (_, words) = command.split_once("cargo xtask ").expect("a command of ours");
            if let Some(from) = words.strip_prefix("restore --env stage --from ") {
                for name in DATABASES {
                    assert_eq!(export::rows(&wrangler, name, "tenants").unwrap(), 0, "{name} is lost");
                    export::restore(&wrangler, name, &folder.join(from).join(format!("{name}.sql"))).unwrap();
                }
                let after = rows(&world);
                assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
                for (table, rows) in &before {
                    assert!(&after[table] == rows, "{table:?} is another than before");
                }
                // A second time, over what is there, as a file is restored that is too large for one import.
                let file = folder.join(from).join("tenants-0.sql");
                let size = fs::metadata(&file).unwrap().len();
                export::restore_in_parts(&wrangler, DATABASES[0], &file, size / 3).unwrap();
                assert!(rows(&world) == before, "a restored database is another than before");
            }
            done.push(words.split(' ').next().unwrap().to_owned());
        }
        // `deploy` begins with the migrations, and so does the stack.
        assert_eq!(done, ["provision", "restore", "secrets", "deploy"]);
        world.stack().restart().unwrap();

        endpoint.behave("/0", Behavior::status(200));
        for (tenant, webhook, key) in &tenants {
            let _ = world.partner(key).get("/webhooks").await.expect(200);
            let event = tenant.event("KeyAdded");
            world.publish(&event).await;
            let _ = webhook.delivery_in("delivered", &event).await;
        }
        // The cron run wakes what is overdue for half a minute.
        let delivered = async || {
            world.stack().trigger_cron().unwrap();
            tenants[0].1.delivery(&undelivered).await.filter(|delivery| delivery["state"] == "delivered")
        };
        let _ = eventually(Duration::from_secs(120), "what was on its way arrives", delivered).await;
    });
}
