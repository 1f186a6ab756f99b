//! A large fleet costs a request no more than a small one: by the rows that D1 reads, which the Workers' log lines count.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use local::stack::StackOptions;
use rusqlite::Connection;
use serde_json::Value;
use tests::endpoint::Endpoint;
use tests::poll::{SOON, eventually};
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// 100,000 tenants with a key and five webhooks each; 1,000,000 deliveries, half of them of the tenant that asks.
const FILL: &str = "
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by, webhook_count, bucket)
SELECT printf('filling-%06d', i), 'Filling ' || i, 'owner-' || (i / 10) || '@example.com', 1900000000000 + i, 'admin', 5, 0 FROM n;
UPDATE shard SET tenants = tenants + 100000;
INSERT INTO api_keys (digest, org_id, org_name, prefix, suffix, created_at, created_by)
SELECT printf('%064x', sequence), org_id, org_name, 'aaaaaaaa', 'bbbb', created_at, 'admin' FROM tenants WHERE org_id LIKE 'filling-%';
INSERT INTO webhooks (id, org_id, url, events, secret, auth_type, created_at, updated_at, status)
SELECT printf('00000000-0000-4000-8000-%012x', t.sequence * 8 + k.value), t.org_id, 'http://localhost:1/', '[\"*\"]', '1.a.b', 'none', 1, 1, 'active'
FROM tenants t, json_each('[0,1,2,3,4]') k WHERE t.org_id LIKE 'filling-%';
INSERT INTO event_types (name) VALUES ('KeyAdded') ON CONFLICT DO NOTHING;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO deliveries (webhook, event, event_type, stage, created_at, waited, status, milliseconds)
SELECT CASE WHEN i % 2 = 0 THEN (SELECT sequence FROM webhooks WHERE org_id NOT LIKE 'filling-%' ORDER BY sequence LIMIT 1) ELSE i END,
  unhex(printf('%032x', i * 7919)), (SELECT number FROM event_types WHERE name = 'KeyAdded'), 0,
  1700000000000 + i * 1000, 1, 200, 20 FROM n;
COMMIT;
";

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
        connection.execute_batch(FILL).unwrap();
        drop(connection);

        let large = costs(&world, &tenant, &webhook, &key, &endpoint).await;
        println!("rows read, small and large: {small:?} {large:?}");
        for (what, before) in small {
            let after = large[&what];
            assert!(after as f64 <= before as f64 * 1.1 + 1.0, "{what}: {before} rows grew to {after}");
        }
    });
}
