//! A large fleet costs a request no more than a small one: by the rows that D1 reads, which the Workers' log lines count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use local::fleet::LARGE_FLEET;
use local::stack::StackOptions;
use rusqlite::Connection;
use serde_json::{Value, json};
use shared::cursor::Cursor;
use tests::client::{Answer, Client};
use tests::endpoint::Endpoint;
use tests::event::Event;
use tests::poll::{SOON, eventually};
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// Routes that ask no database, or nothing of tenants.
const WITHOUT_TENANTS: [&str; 5] = [
    "GET /health",
    "GET /docs",
    "GET /event-types",
    "GET /openapi.json",
    "GET /partner-webhooks.openapi.json",
];
/// Deliveries before anything is counted: more than any answer shows.
const DELIVERIES: usize = 25;

/// What is put beside the large fleet to page through: a webhook of each hundredth tenant that fails, and dead letters.
const TROUBLES: &str = "
UPDATE webhooks SET consecutive_failures = 3, failing_since = 1 WHERE sequence % 500 = 0;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO dead_letters (id, queue, digest, body, reason, received_at, ends_at)
SELECT printf('00000000-0000-4000-8000-%012x', i), 'webhook-events', i, '{}', 'poison', i, 9000000000000 FROM n;";

fn database(world: &World) -> Connection {
    let mut directories: Vec<PathBuf> = world.stores().into();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sqlite") {
                let connection = Connection::open(&path).unwrap();
                if connection.prepare("SELECT 1 FROM deliveries").is_ok() {
                    connection.busy_timeout(Duration::from_secs(60)).unwrap();
                    return connection;
                }
            }
        }
    }
    panic!("a database of tenants");
}

fn rows_read(line: &Value) -> u64 {
    line["d1RowsRead"].as_u64().unwrap_or_else(|| panic!("rows in {line}"))
}

/// The rows read for each request, by the route and what is asked of it.
struct Costs<'a> {
    world: &'a World,
    rows: BTreeMap<String, u64>,
}

impl Costs<'_> {
    /// Notes an answer of a route, which must have this status, and returns the answer.
    async fn of(&mut self, route: &str, what: &str, status: u16, answer: Answer) -> Answer {
        assert_eq!(answer.status, status, "{route}: {answer:?}");
        let line = self.world.log().request("admin-api", answer.request_id()).await;
        self.rows.insert(format!("{route} {what}").trim_end().to_owned(), rows_read(&line));
        answer
    }

    async fn get(&mut self, client: &Client, route: &str, query: &str, path: &str) {
        let answer = client.get(&format!("{path}{query}")).await;
        let _ = self.of(&format!("GET {route}"), query, 200, answer).await;
    }
}

/// A tenant whose first webhook is the first of the database: the large fleet gives that webhook half of its deliveries.
struct Seen {
    tenant: Tenant,
    webhook: Webhook,
    key: String,
}

/// Counts what reads the tenant's data costs, and an event's batch.
async fn reads(costs: &mut Costs<'_>, seen: &Seen, endpoint: &Endpoint) {
    let world = costs.world;
    let Seen { tenant, webhook, key } = seen;
    let (org, path) = (&tenant.org_id, &webhook.path);
    let event = tenant.event("KeyAdded");
    let batches = world.log().lines("webhook-delivery", "batch").len();
    delivered(world, endpoint, &event).await;
    let batch = eventually(SOON, "the batch's line", async || {
        let lines = world.log().lines("webhook-delivery", "batch").split_off(batches);
        lines.into_iter().find(|line| line["queue"] == "webhook-events")
    });
    costs.rows.insert("an event's batch".to_owned(), rows_read(&batch.await));

    let admin = world.admin();
    for query in ["?limit=2", "?search=tenant-&limit=2", "?ownerEmail=owner@example.org"] {
        costs.get(&admin, "/tenants", query, "/tenants").await;
    }
    let own = format!("/tenants/{org}");
    for (rest, query) in
        [("", ""), ("/dashboard", ""), ("/transitions", "?limit=2"), ("/members", ""), ("/webhooks", "")]
    {
        costs.get(&admin, &format!("/tenants/{{orgId}}{rest}"), query, &format!("{own}{rest}")).await;
    }
    let found = admin.get(&format!("{own}/deliveries?eventId={}", event.id)).await;
    let _ = costs.of("GET /tenants/{orgId}/deliveries", "", 200, found).await;
    let of_webhook = "/tenants/{orgId}/webhooks/{webhookId}";
    for (rest, query) in
        [("", ""), ("/secret", ""), ("/deliveries", "?limit=2"), ("/deliveries", "?limit=2&state=failed")]
    {
        costs.get(&admin, &format!("{of_webhook}{rest}"), query, &format!("{path}{rest}")).await;
    }
    let delivery = format!("{path}/deliveries/{}", event.id);
    costs.get(&admin, &format!("{of_webhook}/deliveries/{{eventId}}"), "", &delivery).await;
    for (route, query) in [
        ("/api-keys", format!("?orgId={org}")),
        ("/webhook-health", String::new()),
        ("/dead-letters", String::new()),
    ] {
        let answer = admin.get(&format!("{route}{query}")).await;
        let _ = costs.of(&format!("GET {route}"), "", 200, answer).await;
    }
    for route in ["/api-keys/self", "/webhooks"] {
        costs.get(&world.partner(key), route, "", route).await;
    }
    let tested = admin.post_nothing(&format!("{path}/test")).await;
    let _ = costs.of(&format!("POST {of_webhook}/test"), "", 202, tested).await;
}

/// Counts what changes to a new tenant cost, from its registration to its end.
async fn changes(costs: &mut Costs<'_>, org: &str, endpoint: &Endpoint) {
    let (world, admin) = (costs.world, costs.world.admin());
    let own = format!("/tenants/{org}");
    let owner = json!({"orgName": "New", "ownerEmail": "owner@example.org"});
    let answer = admin.post(&format!("{own}/register"), &owner).await;
    let _ = costs.of("POST /tenants/{orgId}/register", "", 201, answer).await;
    let change = json!({"orgName": "Newer", "ownerEmail": "next@example.org"});
    let _ = costs.of("PATCH /tenants/{orgId}", "", 200, admin.patch(&own, &change).await).await;
    let member = format!("{own}/members/person@example.org");
    let route = "/tenants/{orgId}/members/{email}";
    let answer = admin.send(http::Method::PUT, &member, None).await;
    let _ = costs.of(&format!("PUT {route}"), "", 201, answer).await;
    let _ = costs.of(&format!("DELETE {route}"), "", 200, admin.delete(&member).await).await;
    let answer = admin.post("/api-keys", &json!({"orgId": org})).await;
    let _ = costs.of("POST /api-keys", "", 201, answer).await;
    let answer = admin.post_nothing(&format!("/api-keys/{org}/rotate")).await;
    let rotated = costs.of("POST /api-keys/{orgId}/rotate", "", 201, answer).await;
    let key = rotated.json()["apiKey"].as_str().unwrap().to_owned();

    let answer = admin.post(&format!("{own}/webhooks"), &json!({"url": endpoint.url("/")})).await;
    let created = costs.of("POST /tenants/{orgId}/webhooks", "", 201, answer).await;
    let id = created.json()["webhookId"].as_str().unwrap().to_owned();
    let (path, route) = (format!("{own}/webhooks/{id}"), "/tenants/{orgId}/webhooks/{webhookId}");
    let event = Event::new("KeyAdded", org);
    delivered(world, endpoint, &event).await;
    let kept = eventually(SOON, "a delivery", async || {
        let answer = admin.get(&format!("{path}/deliveries/{}", event.id)).await;
        (answer.status == 200).then_some(())
    });
    kept.await;
    let answer = admin.put(&path, &json!({"events": ["KeyAdded"], "auth": {"type": "bearerToken"}})).await;
    let _ = costs.of(&format!("PUT {route}"), "", 200, answer).await;
    let since = json!({"since": "2026-01-01T00:00:00.000Z"});
    for (rest, name, status, body) in [
        ("/rotate-secret".to_owned(), "/rotate-secret", 200, None),
        ("/verify".to_owned(), "/verify", 202, None),
        ("/enable".to_owned(), "/enable", 409, None),
        ("/redeliver".to_owned(), "/redeliver", 202, Some(&since)),
        (format!("/deliveries/{}/redeliver", event.id), "/deliveries/{eventId}/redeliver", 202, None),
    ] {
        let target = format!("{path}{rest}");
        let answer = match body {
            Some(body) => admin.post(&target, body).await,
            None => admin.post_nothing(&target).await,
        };
        let _ = costs.of(&format!("POST {route}{name}"), "", status, answer).await;
    }
    let answer =
        world.partner(&key).patch(&format!("/webhooks/{id}"), &json!({"url": endpoint.url("/x")})).await;
    let _ = costs.of("PATCH /webhooks/{webhookId}", "", 200, answer).await;
    let answer = admin.post_nothing("/dead-letters/00000000-0000-4000-8000-00000000dead/requeue").await;
    let _ = costs.of("POST /dead-letters/{id}/requeue", "", 404, answer).await;
    let _ = costs.of(&format!("DELETE {route}"), "", 200, admin.delete(&path).await).await;
    let answer = admin.delete(&format!("/api-keys/{org}")).await;
    let _ = costs.of("DELETE /api-keys/{orgId}", "", 200, answer).await;
    let _ = costs.of("DELETE /tenants/{orgId}", "", 200, admin.delete(&own).await).await;
}

async fn delivered(world: &World, endpoint: &Endpoint, event: &Event) {
    let seen = endpoint.received("/").len();
    world.publish(event).await;
    endpoint.at_least(seen + 1, "/").await;
}

/// Every route that the Admin API describes, but for those that ask no database.
async fn routes(world: &World) -> BTreeSet<String> {
    let document = world.admin_api().get("/openapi.json").await.expect(200);
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = ["get", "post", "put", "patch", "delete"];
    let all = paths.flat_map(|(path, operations)| {
        let present = methods.into_iter().filter(|method| operations.get(method).is_some());
        present.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    all.filter(|route| !WITHOUT_TENANTS.contains(&route.as_str())).collect()
}

/// Goes through pages of a list in the large fleet: a later page reads no more than an earlier one. Returns the rows that are
/// read for a page of 100.
async fn pages(world: &World, name: &str, list: &str) -> u64 {
    let mut path = list.to_owned();
    let mut read = Vec::new();
    for _ in 0..4 {
        let answer = world.admin().get(&path).await;
        let body = answer.expect(200);
        assert_eq!(body[name].as_array().unwrap().len(), 100, "{path}");
        read.push(rows_read(&world.log().request("admin-api", answer.request_id()).await));
        let first = list.split("&cursor=").next().unwrap();
        path = format!("{first}&cursor={}", body["nextCursor"].as_str().unwrap());
    }
    assert!(read[3] as f64 <= read[1] as f64 * 1.1, "{list}: {read:?}");
    read[3].max(read[0])
}

#[test]
fn a_large_fleet_costs_a_request_no_more_than_a_small_one() {
    let world = World::start(StackOptions::on_free_ports("test-growth").unwrap().fresh());
    run_alone(async {
        let endpoint = Endpoint::start();
        let tenant = Tenant::register(&world).await;
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let seen = Seen { key: tenant.api_key().await, webhook, tenant };
        // As many rows as the pages show, so that both show the same.
        for _ in 0..2 {
            let _ = Tenant::register(&world).await.webhook(&endpoint.url("/other")).await;
        }
        for _ in 0..DELIVERIES {
            world.publish(&seen.tenant.event("KeyAdded")).await;
        }
        endpoint.at_least(DELIVERIES, "/").await;
        let mut small = Costs { world: &world, rows: BTreeMap::new() };
        reads(&mut small, &seen, &endpoint).await;
        changes(&mut small, "before", &endpoint).await;

        let connection = database(&world);
        connection.execute_batch(LARGE_FLEET).unwrap();

        let mut large = Costs { world: &world, rows: BTreeMap::new() };
        reads(&mut large, &seen, &endpoint).await;
        changes(&mut large, "after", &endpoint).await;
        for (what, before) in &small.rows {
            let after = large.rows[what];
            println!("{what}: {before} rows, {after} in the large fleet");
            assert!(after as f64 <= *before as f64 * 1.1, "{what}: {before} rows grew to {after}");
        }
        let counted = small.rows.keys().filter_map(|what| {
            let mut words = what.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?))
        });
        let counted: BTreeSet<String> = counted.filter(|route| route.contains(" /")).collect();
        assert_eq!(counted, routes(&world).await, "every route is counted");

        connection.execute_batch(TROUBLES).unwrap();
        drop(connection);
        let late = Cursor(("filling-090000", 1_900_000_090_000_i64));
        for (name, list) in [
            ("tenants", "/tenants?limit=100".to_owned()),
            ("tenants", format!("/tenants?limit=100&cursor={late}")),
            ("tenants", "/tenants?limit=100&search=filling-09".to_owned()),
            ("tenants", "/tenants?limit=100&search=Filling%208".to_owned()),
            ("webhooks", "/webhook-health?limit=100".to_owned()),
            ("deadLetters", "/dead-letters?limit=100".to_owned()),
        ] {
            let rows = pages(&world, name, &list).await;
            assert!(rows <= 300, "{list} reads {rows} rows to show 100");
        }
        let log = format!("{}/deliveries?limit=100", seen.webhook.path);
        pages(&world, "deliveries", &log).await;
    });
}
