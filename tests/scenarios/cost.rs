//! Costs on the real database, as the Workers' own log lines count them.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::testing::prices::Operations;
use tests::client::Answer;
use tests::endpoint::Endpoint;
use tests::event::Event;
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::{World, run};

const EVENTS: usize = 100;

fn count(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_else(|| panic!("{field} in {line}"))
}

/// Of the stack that all scenarios share.
const SHARDS: u64 = 4;

#[test]
fn an_admins_request_takes_two_round_trips_at_most() {
    run(|world| async move {
        let (admin, tenant) = (world.admin(), Tenant::register(world).await);
        let org = &tenant.org_id;
        let key = tenant.api_key().await;
        let partner = world.partner(&key);
        let webhook = tenant.webhook("http://localhost:9999/cost").await;
        let path = &webhook.path;
        let url = json!({"url": "http://localhost:9999/changed"});
        let answers: Vec<Answer> = vec![
            admin.post("/tenants/costs/register", &json!({"orgName": "C", "ownerEmail": "o@c.com"})).await,
            admin.get("/tenants").await,
            admin.get(&format!("/tenants/{org}")).await,
            admin.get(&format!("/tenants/{org}/dashboard")).await,
            admin.patch(&format!("/tenants/{org}"), &json!({"orgName": "D"})).await,
            admin.get(&format!("/tenants/{org}/transitions")).await,
            admin.post("/api-keys", &json!({"orgId": "costs"})).await,
            admin.post(&format!("/api-keys/{org}/rotate"), &json!({"graceSeconds": 60})).await,
            admin.get(&format!("/api-keys?orgId={org}")).await,
            admin.post(&format!("/tenants/{org}/webhooks"), &url).await,
            admin.get(&format!("/tenants/{org}/webhooks")).await,
            admin.get(path).await,
            admin.put(path, &url).await,
            admin.post_nothing(&format!("{path}/rotate-secret")).await,
            admin.get(&format!("{path}/deliveries")).await,
            admin.post_nothing(&format!("{path}/verify")).await,
            admin.post_nothing(&format!("{path}/test")).await,
            admin.post(&format!("{path}/redeliver"), &json!({"since": "2026-01-01T00:00:00.000Z"})).await,
            admin.get("/webhook-health").await,
            admin.get("/dead-letters").await,
            partner.get("/api-keys/self").await,
            partner.get("/webhooks").await,
            partner.patch(&format!("/webhooks/{}", webhook.id), &url).await,
            admin.delete(path).await,
            admin.delete("/api-keys/costs").await,
            admin.delete("/tenants/costs").await,
        ];
        for answer in answers {
            assert!(answer.status < 300, "{answer:?}");
            let line = world.log().request("admin-api", answer.request_id()).await;
            // What spans tenants asks each shard once, side by side.
            let spans =
                ["/tenants", "/webhook-health", "/dead-letters"].iter().any(|path| line["path"] == *path);
            assert!(count(&line, "d1RoundTrips") <= if spans { SHARDS } else { 2 }, "{line}");
        }
    });
}

#[test]
fn what_is_refused_at_the_door_costs_no_database() {
    run(|world| async move {
        let refused = world.admin_api().get("/tenants").await;
        let _ = refused.expect(401);
        let line = world.log().request("admin-api", refused.request_id()).await;
        assert_eq!(count(&line, "d1RoundTrips"), 0);
        let refused = world.delivery().post_text("/events", "{}").await;
        let _ = refused.expect(401);
        let line = world.log().request("webhook-delivery", refused.request_id()).await;
        assert_eq!(count(&line, "d1RoundTrips"), 0);
    });
}

/// The log lines about whole batches of new events.
fn event_batches(world: &World) -> Vec<Value> {
    let lines = world.log().lines("webhook-delivery", "batch").into_iter();
    lines.filter(|line| line["queue"] == "webhook-events").collect()
}

/// What a million events cost that are each delivered once, at the first attempt, with the log and the bodies of a day: as
/// this batch of a hundred events counted, for five tenants in four shards.
fn of_a_million(line: &Value, requests: f64) -> Operations {
    let per_event = |name: &str| f64::from(u32::try_from(count(line, name)).unwrap()) / EVENTS as f64;
    let million = 1_000_000.0;
    Operations {
        // Their requests, and a batch's.
        requests: (requests + 0.01) * million,
        // Not counted here. docs/bench.md: 0.7 ms for the delivery, and less for taking the event in.
        cpu_milliseconds: 1.2 * million,
        queue_operations: 3.0 * million,
        // And the deletion later: three statements look at the row and its place in the index, in slices; one row is
        // written, and one for the bodies of a shard's batch.
        rows_read: (per_event("d1RowsRead") + 8.0) * million,
        rows_written: (per_event("d1RowsWritten") + 1.0 + 0.04) * million,
        // A webhook's outcome in a batch.
        data_points: 0.05 * million,
        // `batch` and `delivered`.
        log_lines: 0.02 * million,
        ..Operations::default()
    }
}

#[test]
fn a_hundred_events_take_three_round_trips_and_two_rows_each() {
    run(|world| async move {
        let endpoint = Endpoint::start();
        let tenants = join_all((0..5).map(|_| Tenant::register(world))).await;
        for tenant in &tenants {
            let _ = tenant.webhook(&endpoint.url("/healthy")).await;
        }
        let event = |place: usize| tenants[place % tenants.len()].event("KeyAdded");
        // Other scenarios send events as well, and the Queue may put one of theirs into a batch with ours. Such a batch does
        // not count, and the scenario sends the next.
        let mut sent = 0;
        let line = loop {
            let events: Vec<Event> = (0..EVENTS).map(event).collect();
            let before = event_batches(world).len();
            world.publish_all(&events).await;
            sent += EVENTS;
            let received = endpoint.at_least(sent, "/healthy").await;
            assert_eq!(received.len(), sent);
            let logged = eventually(SOON, "the batch's line", async || {
                let lines = event_batches(world).split_off(before);
                let messages: u64 = lines.iter().map(|line| count(line, "messages")).sum();
                (messages >= EVENTS as u64).then_some(lines)
            });
            let whole = logged.await.into_iter().find(|line| line["messages"] == EVENTS);
            if let Some(line) = whole {
                break line;
            }
            assert!(sent < 5 * EVENTS, "no batch of {EVENTS} in {sent} events");
        };
        assert_eq!(line["acknowledged"], EVENTS);
        // Two for each delivery; in each shard one for the bodies of all, and two for an event type that is new there.
        assert!(count(&line, "d1RowsWritten") <= 2 * EVENTS as u64 + SHARDS * 3, "{line}");
        for (way, most, requests) in
            [("a hundred in one request", 4.5, 0.01), ("each in a request of its own", 4.7, 1.0)]
        {
            let dollars = of_a_million(&line, requests);
            println!("a million events, {way}: {:.2} $: {:.3?}", dollars.total(), dollars.dollars());
            assert!(dollars.total() <= most, "{way}: {:.3?}", dollars.dollars());
        }
        for line in event_batches(world) {
            assert!(count(&line, "d1RoundTrips") <= 3 * SHARDS, "whatever is in it: {line}");
        }
        assert_eq!(world.log().lines("webhook-delivery", "metrics not written"), Vec::<Value>::new());
    });
}
