//! Two shards become four while events and changes come in: nothing is lost, nothing is there twice.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use local::d1::Wrangler;
use local::split::Databases;
use local::stack::StackOptions;
use rusqlite::Connection;
use serde_json::{Value, json};
use tests::endpoint::{Behavior, Endpoint};
use tests::event::{Event, array};
use tests::page::Page;
use tests::poll::eventually;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// Tenants, spread over the buckets.
const TENANTS: usize = 12;
const MINUTE: Duration = Duration::from_secs(60);

/// One tenant with a webhook and a key.
struct Given {
    tenant: Tenant,
    webhook: Webhook,
    key: String,
}

/// Sends events as EventBridge does: again until they are taken.
async fn publish(world: &World, events: &[Event]) {
    let sent = async || {
        let answer = world.event_bridge().post_text("/events", &array(events)).await;
        (answer.status == 202).then_some(())
    };
    eventually(MINUTE, "an array taken in", sent).await;
}

/// Everything that the Admin API says of the tenants.
async fn snapshot(world: &World, all: &[Given]) -> BTreeMap<String, Value> {
    let mut said = BTreeMap::new();
    for Given { tenant, webhook, key } in all {
        let org = &tenant.org_id;
        for path in [
            format!("/tenants/{org}"),
            format!("/tenants/{org}/webhooks"),
            format!("/api-keys?orgId={org}"),
            format!("/tenants/{org}/transitions?limit=200"),
            format!("{}/deliveries?limit=200&state=delivered", webhook.path),
        ] {
            said.insert(path.clone(), world.admin().get(&path).await.expect(200));
        }
        let own = world.partner(key).get("/webhooks").await.expect(200);
        said.insert(format!("{org}'s own webhooks"), own);
    }
    for path in ["/tenants?limit=200", "/dead-letters", "/webhook-health"] {
        said.insert(path.to_owned(), world.admin().get(path).await.expect(200));
    }
    said
}

async fn all_delivered(world: &World, all: &[Given], events: &[Event]) {
    let delivered = async || {
        let mut ids = BTreeSet::new();
        for given in all {
            ids.extend(given.webhook.delivered_event_ids().await);
        }
        world.stack().trigger_cron().unwrap();
        events.iter().all(|event| ids.contains(&event.id)).then_some(())
    };
    eventually(MINUTE * 2, "all deliveries on record", delivered).await;
}

/// Wrangler, which breaks off at the given command.
fn breaking_off(wrangler: Wrangler<'static>, at: usize) -> Wrangler<'static> {
    let commands = Cell::new(0);
    Box::new(move |words: &[&str]| -> Result<String> {
        commands.set(commands.get() + 1);
        if commands.get() == at {
            bail!("broken off at {words:?}");
        }
        wrangler(words)
    })
}

/// Rows whose webhook or tenant is in another shard, in all databases.
fn rows_of_others(world: &World) -> u64 {
    let mut directories: Vec<PathBuf> = world.stores().into();
    let mut rows = 0;
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sqlite") {
                let connection = Connection::open(path).unwrap();
                let sql = "SELECT (SELECT COUNT(*) FROM deliveries WHERE webhook NOT IN (SELECT sequence FROM webhooks)) \
                           + (SELECT COUNT(*) FROM transitions WHERE org_id NOT IN (SELECT org_id FROM tenants)) \
                           + (SELECT COUNT(*) FROM bodies WHERE org_id NOT IN (SELECT org_id FROM tenants)) \
                           + (SELECT COUNT(*) FROM moved_webhooks) + (SELECT COUNT(*) FROM moved_tenants)";
                rows += connection.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap_or_default();
            }
        }
    }
    rows
}

#[test]
fn shards_are_doubled_while_events_and_changes_come_in() {
    let options = StackOptions::on_free_ports("test-split").unwrap().shards(2).fresh();
    let options = options.set("webhook-delivery", "RETRY_BASE_SECONDS", "1");
    let world = World::start(options.set("webhook-delivery", "RETRY_CAP_SECONDS", "2"));
    run_alone(async {
        let endpoint = Endpoint::start();
        let mut all = Vec::new();
        for index in 0..TENANTS {
            let tenant = Tenant::register(&world).await;
            let webhook = tenant.webhook(&endpoint.url(&format!("/{index}"))).await;
            let key = tenant.api_key().await;
            all.push(Given { tenant, webhook, key });
        }
        let busy = Tenant::register(&world).await;
        let event = |index: usize| all[index % TENANTS].tenant.event("KeyAdded");
        let mut sent: Vec<Event> = (0..60).map(event).collect();
        publish(&world, &sent).await;
        all_delivered(&world, &all, &sent).await;
        // One endpoint is down from here on: what it misses waits in its database, across the split.
        endpoint.behave("/0", Behavior::status(503));
        let missed: Vec<Event> = (0..3).map(|_| event(0)).collect();
        publish(&world, &missed).await;
        let held = async || {
            let pending =
                world.admin().get(&format!("{}/deliveries?state=pending", all[0].webhook.path)).await;
            (pending.json()["deliveries"].as_array().unwrap().len() == 3).then_some(())
        };
        eventually(MINUTE, "what the endpoint missed is on record", held).await;
        let before = snapshot(&world, &all[1..]).await;

        // The page's commands, one after the other.
        let commands = Page::read("scaling.md").own_commands("## Splitting shards");
        let mut commands = commands.iter().map(String::as_str);
        assert_eq!(commands.next(), Some("split-shards --env stage"));
        // Changes go on all the time; those that were answered with 200 have to be there afterwards.
        let mut renamed = 0;
        let (wrangler, folder) = world.stack().d1(4).unwrap();
        let broken = Databases::new(breaking_off(wrangler, 14), folder.clone()).split(2);
        assert!(broken.unwrap_err().to_string().contains("tenants-"), "broken off half-way");
        for _ in 0..3 {
            let path = format!("/tenants/{}", busy.org_id);
            let answer = world.admin().patch(&path, &json!({"orgName": format!("Name {renamed}")})).await;
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            renamed += usize::from(answer.status == 200);
        }
        let (wrangler, folder) = world.stack().d1(4).unwrap();
        assert!(!Databases::new(wrangler, folder).is_whole(0, 2).unwrap(), "a second run can tell");
        assert_eq!(renamed, 0, "nothing is written to a shard that is being split");
        // Taken in, and tried when the shards are open. The local Queue forgets what it holds when the stack restarts,
        // so these events are sent once more afterwards, as after an archive's replay.
        let meanwhile: Vec<Event> = (0..24).map(event).collect();
        publish(&world, &meanwhile).await;
        let (wrangler, folder) = world.stack().d1(4).unwrap();
        let databases = Databases::new(wrangler, folder);
        databases.split(2).unwrap();
        databases.open(4).unwrap();
        assert!(databases.is_whole(0, 4).unwrap());
        assert_eq!(world.admin().get("/tenants").await.status, 503, "two shards are no more");
        assert_eq!((commands.next(), commands.next()), (Some("deploy --env stage"), None));
        {
            let mut stack = world.stack();
            stack.set_shards(4);
            stack.restart().unwrap();
        }

        publish(&world, &meanwhile).await;
        sent.extend(meanwhile);
        let fresh: Vec<Event> = (0..60).map(event).collect();
        publish(&world, &fresh).await;
        let others = |events: &[Event]| -> Vec<Event> {
            events.iter().filter(|event| !event.body.contains(&all[0].tenant.org_id)).cloned().collect()
        };
        let after = snapshot(&world, &all[1..]).await;
        for (path, said) in &before {
            if path.contains("/deliveries?") {
                let ids = |page: &Value| -> Vec<Value> { page["deliveries"].as_array().unwrap().clone() };
                let left: Vec<Value> =
                    ids(said).into_iter().filter(|one| !ids(&after[path]).contains(one)).collect();
                assert!(left.is_empty(), "{path}: {left:?}");
            } else if !path.ends_with("/webhooks")
                && !path.contains("own webhooks")
                && path != "/webhook-health"
            {
                assert_eq!(&after[path], said, "{path}");
            }
        }
        all_delivered(&world, &all[1..], &others(&[sent.clone(), fresh.clone()].concat())).await;
        endpoint.behave("/0", Behavior::status(200));
        let _ = world.admin().post_nothing(&format!("{}/verify", all[0].webhook.path)).await.expect(202);
        sent.extend(fresh);
        sent.extend(missed);
        all_delivered(&world, &all, &sent).await;
        let mut arrived = BTreeMap::<String, usize>::new();
        for index in 1..TENANTS {
            for request in endpoint.received(&format!("/{index}")) {
                *arrived.entry(request.header("webhook-id").to_owned()).or_default() += 1;
            }
        }
        assert!(arrived.values().all(|count| *count == 1), "nothing arrives twice: {arrived:?}");

        let cleaned = async || {
            world.stack().trigger_cron().unwrap();
            (rows_of_others(&world) == 0).then_some(())
        };
        eventually(MINUTE, "each half has its own rows only", cleaned).await;
    });
}
