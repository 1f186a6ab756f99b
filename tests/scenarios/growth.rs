//! A large fleet costs a request no more than a small one: by the rows that D1 reads, which the Workers' log lines count.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use local::fleet::LARGE_FLEET;
use local::stack::StackOptions;
use rusqlite::Connection;
use serde_json::Value;
use tests::endpoint::Endpoint;
use tests::poll::{SOON, eventually};
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

fn database(world: &World) -> PathBuf {
    let mut directories: Vec<PathBuf> = world.stores().into();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sqlite")
                && Connection::open(&path).unwrap().prepare("SELECT 1 FROM deliveries").is_ok()
            {
                return path;
            }
        }
    }
    panic!("a database of tenants");
}

fn rows_read(line: &Value) -> u64 {
    line["d1RowsRead"].as_u64().unwrap_or_else(|| panic!("rows in {line}"))
}

/// The rows that each request reads, and an event's batch.
async fn costs(
    world: &World,
    tenant: &Tenant,
    webhook: &Webhook,
    key: &str,
    endpoint: &Endpoint,
) -> BTreeMap<String, u64> {
    let (org, path) = (&tenant.org_id, &webhook.path);
    let event = tenant.event("KeyAdded");
    let seen = endpoint.received("/").len();
    let batches = world.log().lines("webhook-delivery", "batch").len();
    world.publish(&event).await;
    endpoint.at_least(seen + 1, "/").await;
    let batch = eventually(SOON, "the batch's line", async || {
        let lines = world.log().lines("webhook-delivery", "batch").split_off(batches);
        lines.into_iter().find(|line| line["queue"] == "webhook-events")
    });
    let mut costs = BTreeMap::from([("an event's batch".to_owned(), rows_read(&batch.await))]);
    let gets = [
        "/tenants?limit=2".to_owned(),
        format!("/tenants?search={org}"),
        format!("/tenants?ownerEmail=owner@{org}.com"),
        format!("/tenants/{org}"),
        format!("/tenants/{org}/transitions"),
        format!("/api-keys?orgId={org}"),
        format!("/tenants/{org}/webhooks"),
        path.clone(),
        format!("{path}/deliveries?limit=2"),
        format!("{path}/deliveries?limit=2&state=failed"),
        format!("{path}/deliveries/{}", event.id),
        "/webhook-health".to_owned(),
        "/dead-letters".to_owned(),
    ];
    for get in gets {
        let answer = world.admin().get(&get).await;
        let _ = answer.expect(200);
        costs.insert(
            get.replace(&event.id, "…"),
            rows_read(&world.log().request("admin-api", answer.request_id()).await),
        );
    }
    let own = world.partner(key).get("/webhooks").await;
    costs.insert(
        "a partner's webhooks".to_owned(),
        rows_read(&world.log().request("admin-api", own.request_id()).await),
    );
    let tested = world.admin().post_nothing(&format!("{path}/test")).await;
    costs.insert(
        "a test event".to_owned(),
        rows_read(&world.log().request("admin-api", tested.request_id()).await),
    );
    costs
}

#[test]
fn a_large_fleet_costs_a_request_no_more_than_a_small_one() {
    let world = World::start(StackOptions::on_free_ports("test-growth").unwrap().fresh());
    run_alone(async {
        let endpoint = Endpoint::start();
        let tenant = Tenant::register(&world).await;
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let key = tenant.api_key().await;
        // As many rows as the pages show, so that both show the same.
        let other = Tenant::register(&world).await;
        let third = Tenant::register(&world).await;
        let _ = (other.webhook(&endpoint.url("/other")).await, third.webhook(&endpoint.url("/other")).await);
        for _ in 0..25 {
            world.publish(&tenant.event("KeyAdded")).await;
        }
        endpoint.at_least(25, "/").await;
        let small = costs(&world, &tenant, &webhook, &key, &endpoint).await;

        let connection = Connection::open(database(&world)).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection.execute_batch(LARGE_FLEET).unwrap();
        drop(connection);

        let large = costs(&world, &tenant, &webhook, &key, &endpoint).await;
        println!("rows read, small and large: {small:?} {large:?}");
        for (what, before) in small {
            let after = large[&what];
            assert!(after as f64 <= before as f64 * 1.1 + 1.0, "{what}: {before} rows grew to {after}");
        }
    });
}
