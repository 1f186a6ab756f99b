//! Settings that are missing or malformed: nothing works, everybody is told, and nothing is lost.

use std::time::Duration;

use local::stack::StackOptions;
use serde_json::json;
use tests::browser::Browser;
use tests::client::Client;
use tests::endpoint::{Behavior, Endpoint};
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::{World, run_alone};

const STACK: &str = "test-misconfigured";
const MALFORMED: &str = "a-value-that-nobody-should-see";

fn options() -> StackOptions {
    // A delivery is overdue sooner, so that the cron run finds it sooner.
    let options = StackOptions::on_free_ports(STACK).unwrap();
    options.set("webhook-delivery", "ATTEMPT_TIMEOUT_SECONDS", "2")
}

/// Requires 503 for each client and path.
async fn assert_refuses(clients: [Client; 2], paths: &[&str]) {
    for client in clients {
        for path in paths {
            for answer in [client.get(path).await, client.post(path, &json!({})).await] {
                let refused = answer.expect(503);
                assert_eq!(refused["error"], "misconfigured", "{path}");
                assert!(!answer.text.contains("KEY") && !answer.text.contains("SECONDS"), "{}", answer.text);
            }
        }
    }
}

/// Requires that the log names each of these settings, and has no value of a secret.
async fn assert_logged(world: &World, worker: &str, settings: &[(&str, &str)]) {
    let line =
        eventually(SOON, "the log line", async || world.log().lines(worker, "misconfigured").pop()).await;
    for (name, fault) in settings {
        assert_eq!(line["faults"][name], *fault, "{line}");
    }
    assert_eq!(line["faults"].as_object().unwrap().len(), settings.len(), "{line}");
    // wrangler prints variables (not secrets) at its start, so only the Workers' own lines count.
    let text = world.log().text_of(worker);
    for secret in [
        "ADMIN_API_KEY",
        "AUTH0_CLIENT_SECRET",
        "EVENTS_API_KEY",
        "SERVICE_JWT_SECRET",
        "SESSION_KEY",
        "WEBHOOK_SECRETS_KEY",
    ] {
        assert!(!text.contains(&world.secret(secret)), "the value of {secret} is in the log");
    }
    assert!(!text.contains(MALFORMED));
}

#[test]
fn a_misconfigured_worker_refuses_everything_and_loses_nothing() {
    run_alone(async {
        // Given a delivery that has failed for good, of a webhook that is well again.
        let endpoint = Endpoint::start();
        endpoint.behave("/", Behavior::status(410));
        let world = World::start(options().fresh());
        let tenant = Tenant::register(&world).await;
        let (webhook, event) = (tenant.webhook(&endpoint.url("/")).await, tenant.event("KeyAdded"));
        world.publish(&event).await;
        let _ = webhook.delivery_in("failed", &event).await;
        endpoint.behave("/", Behavior::status(200));
        let _ = world.admin().post_nothing(&format!("{}/enable", webhook.path)).await.expect(200);
        let _ = webhook.in_status("active").await;
        drop(world);

        // When delivery's settings are wrong, it takes nothing in,
        let wrong = options()
            .remove("webhook-delivery", "EVENTS_API_KEY")
            .set("webhook-delivery", "WEBHOOK_SECRETS_KEY", MALFORMED)
            .set("webhook-delivery", "RETRY_BASE_SECONDS", " ")
            .set("webhook-delivery", "ENVIRONMENT", "changeme")
            .remove("partner-portal", "SESSION_KEY");
        let world = World::start(wrong);
        let clients = [world.event_bridge(), world.delivery()];
        assert_refuses(clients, &["/events", "/health", "/", "/no/such/path"]).await;
        let faults = [
            ("EVENTS_API_KEY", "is missing"),
            ("RETRY_BASE_SECONDS", "is blank"),
            ("ENVIRONMENT", "is a placeholder"),
        ];
        let line = world.log().lines("webhook-delivery", "misconfigured").pop().unwrap();
        let fault = line["faults"]["WEBHOOK_SECRETS_KEY"].as_str().unwrap_or_default().to_owned();
        let all: Vec<_> = faults.into_iter().chain([("WEBHOOK_SECRETS_KEY", fault.as_str())]).collect();
        assert!(!fault.is_empty());
        assert_logged(&world, "webhook-delivery", &all).await;

        // the portal shows a plain page and sends nobody to sign in,
        for path in ["/", "/login", "/dashboard", "/health", "/no/such/path"] {
            let page = world.portal().get(path).await;
            assert_eq!(page.status, 503, "{path}: {}", page.text);
            assert!(!page.text.contains("SESSION_KEY") && !page.headers.contains_key("location"));
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && page.headers["cache-control"] == "no-store");
            assert_eq!(world.portal().post(path, &json!({})).await.status, 503, "{path}");
        }
        assert_logged(&world, "partner-portal", &[("SESSION_KEY", "is missing")]).await;
        let browser = Browser::start(&world).await;
        browser.open("/dashboard").await;
        browser.sees("h1", "not available").await;
        browser.look("problem-misconfigured").await;
        drop(browser);

        // and what is on the Queue stays there.
        endpoint.behave("/", Behavior::status(200));
        let tenant_path = webhook.path.clone();
        let redeliver = format!("{tenant_path}/deliveries/{}/redeliver", event.id);
        let _ = world.admin().post_nothing(&redeliver).await.expect(202);
        let unsettled = eventually(SOON, "a batch that the consumer has not acknowledged", async || {
            world.log().text().contains("QUEUE webhook-retries 0/1").then_some(())
        });
        unsettled.await;
        let lines = world.log().lines("webhook-delivery", "misconfigured");
        assert!(lines.iter().any(|line| line["queue"] == "webhook-retries"), "the log says why");
        assert!(!world.log().text().contains("QUEUE webhook-retries 1/1"));
        assert_eq!(endpoint.received("/").len(), 2);
        drop(world);

        // Once the settings are right again, the event is delivered. The local Queue has lost its messages by now, unlike a
        // real one, but the database has the schedule. Meanwhile, the Admin API is misconfigured.
        let wrong = options()
            .set("admin-api", "ADMIN_API_KEY", "")
            .set("admin-api", "SERVICE_JWT_SECRET", "short")
            .set("admin-api", "AUTH0_ISSUER", MALFORMED);
        let world = World::start(wrong);
        assert_refuses(
            [world.admin(), world.admin_api()],
            &["/tenants", "/health", "/webhooks", "/no/such/path"],
        )
        .await;
        let faults = [
            ("ADMIN_API_KEY", "is blank"),
            ("SERVICE_JWT_SECRET", "is shorter than 32 bytes"),
            ("AUTH0_ISSUER", "must start with https://"),
        ];
        assert_logged(&world, "admin-api", &faults).await;
        let redelivered = eventually(Duration::from_secs(60), "the redelivery", async || {
            world.stack().trigger_cron().unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            endpoint.received("/").into_iter().nth(2)
        });
        assert_eq!(redelivered.await.text(), event.body);
    });
}
