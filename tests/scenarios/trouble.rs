//! Endpoints in trouble do not delay the deliveries to others.

use std::time::Duration;

use local::clock::now;
use local::stack::StackOptions;
use serde_json::Value;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::poll::eventually;
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

/// The time-out of an attempt on this stack: a third of the usual one, so that the scenario ends sooner.
const LIMIT: Duration = Duration::from_secs(5);
/// The time that a busy machine adds.
const SLACK: Duration = Duration::from_secs(3);
/// The time within which healthy endpoints receive their events.
const PROMPT: Duration = Duration::from_secs(2);

async fn webhook(world: &World, endpoint: &Endpoint, path: &str, behavior: Behavior) -> (Webhook, Event) {
    let tenant = Tenant::register(world).await;
    endpoint.behave(path, behavior);
    let webhook = tenant.webhook(&endpoint.url(path)).await;
    (webhook, tenant.event("KeyAdded"))
}

/// The first attempt of a delivery, once it has ended.
async fn first_attempt((webhook, event): &(Webhook, Event)) -> Value {
    let tried =
        |delivery: &Value| delivery["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty());
    webhook.delivery_when("a first attempt", event, tried).await["attempts"][0].clone()
}

#[test]
fn an_endpoint_in_trouble_fails_in_time_and_alone() {
    let options = StackOptions::on_free_ports("test-trouble").unwrap().shards(4).fresh();
    let options = options.set("webhook-delivery", "ATTEMPT_TIMEOUT_SECONDS", &LIMIT.as_secs().to_string());
    let world = World::start(options);
    run_alone(async {
        let endpoint = Endpoint::start();
        let target = endpoint.url("/target");
        let webhook = async |path, behavior| webhook(&world, &endpoint, path, behavior).await;
        let hanging = webhook("/hang", Behavior::Hang).await;
        let dripping = webhook("/drip", Behavior::Drip).await;
        let endless = webhook("/endless", Behavior::Endless(500)).await;
        let endless_success = webhook("/endless-success", Behavior::Endless(200)).await;
        let resetting = webhook("/reset", Behavior::Reset).await;
        let found = webhook("/found", Behavior::redirect(302, &target)).await;
        let moved = webhook("/moved", Behavior::redirect(308, &target)).await;
        let mut healthy = Vec::new();
        for path in ["/healthy-1", "/healthy-2", "/healthy-3", "/healthy-4"] {
            healthy.push(webhook(path, Behavior::status(204)).await);
        }
        // The isolate is warm, as it is in production, so that only the batch is measured.
        let _ = world.delivery().get("/health").await.expect(200);

        let troubled = [&hanging, &dripping, &endless, &endless_success, &resetting, &found, &moved];
        let events: Vec<Event> =
            troubled.into_iter().chain(&healthy).map(|(_, event)| event.clone()).collect();
        let sent = now();
        world.publish_all(&events).await;

        for number in 1..=4 {
            let received = endpoint.at_least(1, &format!("/healthy-{number}")).await;
            let took = received[0].at - sent;
            assert!(took < PROMPT, "a healthy endpoint waited {took:?}");
        }
        let attempt = first_attempt(&hanging).await;
        assert_eq!(attempt["error"], "timed out");
        let took = Duration::from_millis(attempt["durationMilliseconds"].as_u64().unwrap());
        assert!(took >= LIMIT && took < LIMIT + SLACK, "{took:?}");
        // The status decides, however slowly the body comes.
        assert_eq!(first_attempt(&dripping).await["status"], 200);
        let attempt = first_attempt(&endless).await;
        assert_eq!((&attempt["status"], &attempt["error"]), (&500.into(), &"answered 500".into()));
        assert_eq!(attempt["excerpt"].as_str().unwrap().len(), 1024, "of an answer, 1 KiB is read");
        // After a 2xx, the body does not matter.
        assert_eq!(first_attempt(&endless_success).await["status"], 200);
        let attempt = first_attempt(&resetting).await;
        assert_eq!(attempt["status"], Value::Null);
        assert!(attempt["error"].as_str().unwrap().starts_with("connection failed"), "{attempt}");
        for ((webhook, event), status) in [(&found, 302), (&moved, 308)] {
            let tried = |delivery: &Value| delivery["attempts"][0]["status"] == status;
            let delivery = webhook.delivery_when("a redirect", event, tried).await;
            assert_eq!(delivery["state"], "pending");
        }
        for (webhook, event) in &healthy {
            let _ = webhook.delivery_in("delivered", event).await;
        }
        assert!(endpoint.received("/target").is_empty(), "redirects are not followed");

        // A failed delivery is tried again.
        let (webhook, event) = &resetting;
        endpoint.behave("/reset", Behavior::status(200));
        let delivered = eventually(Duration::from_secs(60), "the endpoint that recovered", async || {
            webhook.delivery(event).await.filter(|delivery| delivery["state"] == "delivered")
        });
        let attempts = delivered.await["attempts"].as_array().unwrap().len();
        assert_eq!(endpoint.received("/reset").len(), attempts, "one request an attempt");
    });
}
