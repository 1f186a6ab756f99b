//! A database that refuses, in the middle of deliveries: its reads, its writes, one row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local::clock::now;
use local::stack::StackOptions;
use rusqlite::Connection;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::{Event, array};
use tests::poll::eventually;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// Tables that are written while events are delivered.
const WRITTEN: [&str; 5] = ["deliveries", "bodies", "webhooks", "rounds", "notices"];
/// Between two arrays of events.
const PAUSE: Duration = Duration::from_secs(1);

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The file of the stack's database of tenants.
fn database(world: &World) -> PathBuf {
    let files = world.stores().into_iter().flat_map(|store| files_below(&store));
    let databases = files.filter(|file| file.extension().is_some_and(|extension| extension == "sqlite"));
    let mut tenants = databases.filter(|file| {
        let connection = Connection::open(file).unwrap();
        connection.prepare("SELECT 1 FROM deliveries").is_ok()
    });
    tenants.next().expect("a database with deliveries")
}

struct Trouble(PathBuf);

impl Trouble {
    /// Runs SQL beside the Workers.
    fn run(&self, sql: &str) {
        let connection = Connection::open(&self.0).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// From now on no row is written.
    fn refuse_writes(&self) {
        for table in WRITTEN {
            for change in ["INSERT", "UPDATE"] {
                self.run(&format!(
                    "CREATE TRIGGER refuse_{change}_{table} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                ));
            }
        }
    }

    fn take_writes(&self) {
        for table in WRITTEN {
            for change in ["INSERT", "UPDATE"] {
                self.run(&format!("DROP TRIGGER refuse_{change}_{table}"));
            }
        }
    }
}

/// Requests that carried each event.
fn requests(endpoint: &Endpoint, path: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in endpoint.received(path) {
        *counts.entry(request.header("webhook-id").to_owned()).or_default() += 1;
    }
    counts
}

async fn publish(world: &World, events: &[Event]) {
    let _ = world.event_bridge().post_text("/events", &array(events)).await.expect(202);
}

async fn all_delivered(world: &World, webhook: &Webhook, events: &[Event]) {
    let delivered = async || {
        world.stack().trigger_cron().unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ids = webhook.delivered_event_ids().await;
        events.iter().all(|event| ids.contains(&event.id)).then_some(())
    };
    eventually(Duration::from_secs(120), "all deliveries on record", delivered).await;
}

#[test]
fn a_database_that_refuses_costs_no_event_and_repeats_none_more_than_once() {
    let options = StackOptions::on_free_ports("test-outages").unwrap().fresh();
    let world = World::start(options.set("webhook-delivery", "ATTEMPT_TIMEOUT_SECONDS", "2"));
    let trouble = Trouble(database(&world));
    run_alone(async {
        let endpoint = Endpoint::start();
        let tenant = Tenant::register(&world).await;
        endpoint.behave("/", Behavior::status(200));
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let batch = || (0..5).map(|_| tenant.event("KeyAdded")).collect::<Vec<_>>();
        let mut events = Vec::new();
        let send_for = async |seconds: u64, events: &mut Vec<Event>| {
            let began = now();
            while began.elapsed() < Duration::from_secs(seconds) {
                let fresh = batch();
                publish(&world, &fresh).await;
                events.extend(fresh);
                tokio::time::sleep(PAUSE).await;
            }
        };

        // It reads, and cannot write.
        send_for(2, &mut events).await;
        trouble.refuse_writes();
        send_for(15, &mut events).await;
        trouble.take_writes();
        send_for(2, &mut events).await;
        all_delivered(&world, &webhook, &events).await;
        assert!(world.log().text().contains("outcomes not written"));

        // It cannot be read at all.
        trouble.run("ALTER TABLE webhooks RENAME TO webhooks_away");
        let before = endpoint.received("/").len();
        let fresh = batch();
        publish(&world, &fresh).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(endpoint.received("/").len(), before, "nothing is sent");
        trouble.run("ALTER TABLE webhooks_away RENAME TO webhooks");
        all_delivered(&world, &webhook, &fresh).await;
        events.extend(fresh);

        // One row cannot be written.
        let fresh = batch();
        trouble.run(&format!(
            "CREATE TRIGGER refuse_one BEFORE INSERT ON deliveries WHEN NEW.event IN ('{0}', unhex(replace('{0}', '-', ''))) \
             BEGIN SELECT RAISE(ABORT, 'not this one'); END",
            fresh[2].id
        ));
        publish(&world, &fresh).await;
        let others: Vec<Event> = fresh.iter().filter(|event| event.id != fresh[2].id).cloned().collect();
        all_delivered(&world, &webhook, &others).await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        trouble.run("DROP TRIGGER refuse_one");
        all_delivered(&world, &webhook, &fresh).await;
        events.extend(fresh);

        let requests = requests(&endpoint, "/");
        let twice = requests.values().filter(|count| **count > 1).count();
        let most = requests.values().max().unwrap();
        println!("{} events, {twice} of them sent twice, {most} requests per event at most", events.len());
        assert!(*most <= 2, "{requests:?}");
        assert_eq!(requests.len(), events.len());
    });
}
