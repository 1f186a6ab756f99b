//! The procedures of `docs/operations.md`, played as the page says.

use std::fs;

use http::Method;
use local::workspace::root;
use serde_json::{Value, json};
use tests::endpoint::{Behavior, Endpoint};
use tests::page::{Page, Script};
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::run;
use xtask::smoke::Smoke;

/// SQS by its documentation: a message that was received is hidden from others until it is deleted, and an empty queue
/// prints nothing. Each message is a file `ID.body`.
const AWS: &str = r#"#!/usr/bin/env bash
case "$2" in
  get-queue-url) echo "https://sqs.eu-central-1.amazonaws.com/123456789012/$4" ;;
  receive-message)
    for BODY in "$QUEUE"/*.body; do
      [ -e "$BODY" ] || exit 0
      mv "$BODY" "$BODY.hidden"
      ID=$(basename "$BODY" .body)
      jq -n --arg id "$ID" --rawfile body "$BODY.hidden" \
        '{Messages: [{MessageId: $id, ReceiptHandle: ("handle-" + $id), Body: $body,
          MessageAttributes: {ERROR_CODE: {StringValue: "SDK_CLIENT_ERROR", DataType: "String"}}}]}'
      exit 0
    done ;;
  delete-message) HANDLE="${@: -1}"; rm "$QUEUE/${HANDLE#handle-}.body.hidden" ;;
  *) exit 2 ;;
esac
"#;

/// The command that prints the origin of an environment's Worker, as the pages have it.
fn origin(environment: &str, worker: &str) -> String {
    format!(r#"$(cargo xtask addresses --env {environment} | jq -r '."{worker}"')"#)
}

/// The method and the path of a request on the page, `METHOD /path`, for this tenant and this webhook.
fn filled(request: &str, tenant: &Tenant, webhook: &str) -> (Method, String) {
    let (method, path) = request.split_once(' ').unwrap();
    (method.parse().unwrap(), path.replace("{orgId}", &tenant.org_id).replace("{id}", webhook))
}

#[test]
fn dead_letters_are_requeued_as_the_page_says() {
    run(|world| async move {
        let tenant = Tenant::register(world).await;
        let poison = json!([format!("poison for {}", tenant.org_id)]);
        let _ = world.gateway().post("/queues/webhook-events", &poison).await.expect(202);
        let letters = async || {
            let listed = world.admin().get("/dead-letters?limit=200").await.expect(200);
            listed["deadLetters"].as_array().unwrap().clone()
        };
        let letter =
            async || letters().await.into_iter().find(|letter| letter.to_string().contains(&tenant.org_id));
        let found = eventually(SOON * 3, "the dead letter", letter).await;
        assert_eq!(found["requeuedAt"], Value::Null);

        let script = Script::new("requeue", Page::read("operations.md").block("**Dead letters.**"))
            .at(&origin("stage", "admin-api"), &world.credentials().admin_api_localhost_url)
            .variable("ADMIN_API_KEY", &world.credentials().admin_api_key)
            .variable("TOKEN", &world.credentials().admin_jwt);
        let printed = tokio::task::spawn_blocking(move || script.run()).await.unwrap();

        let id = found["id"].as_str().unwrap();
        let requeued = async || {
            let letter = letters().await.into_iter().find(|letter| letter["id"] == id);
            letter.is_none_or(|letter| letter["requeuedAt"] != Value::Null).then_some(())
        };
        eventually(SOON, &format!("the letter requeued: {printed:?}"), requeued).await;
    });
}

#[test]
fn what_eventbridge_could_not_deliver_is_replayed_as_the_page_says() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let [single, first, second] = [(); 3].map(|()| tenant.event("KeyAdded"));
        let queue = root().join("target/tests/replay-queue");
        let _ = fs::remove_dir_all(&queue);
        fs::create_dir_all(&queue).unwrap();
        let document = json!({"failedMessages": [
            {"event": serde_json::from_str::<Value>(&first.body).unwrap()}, {"payload": second.body},
        ]});
        for (id, body) in
            [("1", single.body.clone()), ("2", r#"{"no": "event"}"#.to_owned()), ("3", document.to_string())]
        {
            fs::write(queue.join(format!("{id}.body")), body).unwrap();
        }

        let block = Page::read("operations.md").block("**EventBridge's destination is failing.**");
        let script = Script::new("replay", block)
            .at(&origin("stage", "webhook-delivery"), &world.credentials().delivery_localhost_url)
            .variable("EVENTS_API_KEY", &world.credentials().events_key)
            .variable("QUEUE", &queue.to_string_lossy())
            .program("aws", AWS);
        let printed = tokio::task::spawn_blocking(move || script.run()).await.unwrap();

        for event in [&single, &first, &second] {
            let _ = webhook.delivery_in("delivered", event).await;
        }
        let left: Vec<_> = fs::read_dir(&queue).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["2.body.hidden"], "the refused message stays: {printed:?}");
        let line: Value = serde_json::from_str(&printed.output).expect("one line, of the refused message");
        assert_eq!(line, json!(["2", {"ERROR_CODE": "SDK_CLIENT_ERROR"}, null]));
    });
}

#[test]
fn a_disabled_webhook_is_enabled_and_sent_what_it_missed_as_the_page_says() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        endpoint.behave("/", Behavior::status(410));
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.in_status("disabled").await;
        let before = endpoint.received("/").len();
        endpoint.behave("/", Behavior::status(200));

        let since = json!({"since": "2026-01-01T00:00:00Z"});
        let mut statuses = Vec::new();
        let requests =
            Page::read("operations.md").requests("**A partner's webhook is disabled or failing.**");
        for request in requests {
            let (method, path) = filled(&request, &tenant, &webhook.id);
            let body = path.ends_with("/redeliver").then(|| since.to_string().into_bytes());
            if path.ends_with("/redeliver") {
                let _ = webhook.in_status("active").await;
            }
            let mut shown = request.rsplit('/').next().unwrap().to_owned();
            // `verify` is for a webhook whose circuit is open, as the page says.
            if shown != "verify" {
                let answer = world.admin().send(method, &path, body).await;
                shown += &format!(" {}", answer.status);
            }
            statuses.push(shown);
        }
        let expected = ["webhook-health 200", "verify", "{orgId} 200", "enable 200", "redeliver 202"];
        assert_eq!(statuses, expected);
        let _ = webhook.delivery_in("delivered", &event).await;
        assert!(endpoint.received("/").len() > before);
    });
}

#[test]
fn a_partner_who_leaves_gets_nothing_more_as_the_page_says() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let _ = tenant.webhook(&endpoint.url("/")).await;
        let key = tenant.api_key().await;
        let requests = Page::read("operations.md").requests("**A partner leaves.**");
        assert_eq!(requests.len(), 3, "{requests:?}");
        for request in requests {
            let (method, path) = filled(&request, &tenant, "");
            let answer = world.admin().send(method, &path, None).await;
            assert_eq!(answer.status, 200, "{request}: {}", answer.text);
        }
        assert_eq!(world.partner(&key).get("/webhooks").await.status, 401);
        let (left, other) = (tenant.event("KeyAdded"), Tenant::register(world).await);
        let webhook = other.webhook(&endpoint.url("/other")).await;
        let last = other.event("KeyAdded");
        world.publish_all(&[left, last.clone()]).await;
        let _ = webhook.delivery_in("delivered", &last).await;
        let all = endpoint.received("/");
        assert!(all.iter().all(|request| !request.text().contains("KeyAdded")), "{all:?}");
    });
}

#[test]
fn what_has_leaked_is_worth_nothing_at_once_as_the_page_says() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let leaked = tenant.api_key().await;
        let requests = Page::read("operations.md").requests("**A key has leaked.**");
        let expected = ["POST /api-keys/{orgId}/rotate", "POST /tenants/{orgId}/webhooks/{id}/rotate-secret"];
        assert_eq!(requests[..2], expected);
        let [(_, rotate_key), (_, rotate_secret)] =
            [0, 1].map(|index| filled(&requests[index], &tenant, &webhook.id));
        let key = world.admin().post(&rotate_key, &json!({"graceSeconds": 0})).await.expect(201);
        assert_eq!(world.partner(&leaked).get("/webhooks").await.status, 401);
        let _ = world.partner(key["apiKey"].as_str().unwrap()).get("/webhooks").await.expect(200);
        let rotated = world.admin().post(&rotate_secret, &json!({"overlapSeconds": 0})).await.expect(200);
        assert_ne!(rotated["secret"], json!(webhook.secret));
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        let received = endpoint.at_least(1, "/").await;
        let signatures = received.last().unwrap().header("webhook-signature");
        assert_eq!(signatures.split(' ').count(), 1, "the old secret signs no more: {signatures}");
    });
}

#[test]
fn the_smoke_test_passes_and_leaves_nothing_behind() {
    run(|world| async move {
        let credentials = world.credentials();
        let smoke = |events_key: &str| Smoke {
            admin_api: credentials.admin_api_localhost_url.clone(),
            delivery: credentials.delivery_localhost_url.clone(),
            inbox: credentials.inbox_url.clone(),
            admin_api_key: credentials.admin_api_key.clone(),
            token: credentials.admin_jwt.clone(),
            events_key: events_key.to_owned(),
        };
        let (right, wrong) = (smoke(&credentials.events_key), smoke("no key"));
        let (passed, failed) =
            tokio::task::spawn_blocking(move || (right.run("19a1"), wrong.run("19a2"))).await.unwrap();
        passed.unwrap_or_else(|error| panic!("{error:#}"));
        let failure = format!("{:#}", failed.unwrap_err());
        assert!(failure.starts_with("the smoke test failed: the event was answered with 401"), "{failure}");
        for unique in ["19a1", "19a2"] {
            let _ = world.admin().get(&format!("/tenants/smoke-test-{unique}")).await.expect(404);
        }
    });
}

#[test]
fn the_admins_quick_start_works_as_the_page_says() {
    run(|world| async move {
        let endpoint = Endpoint::start();
        let script = Script::new("quick-start", Page::read("admins.md").block("## Quick start"))
            .at(&origin("prod", "admin-api"), &world.credentials().admin_api_localhost_url)
            .at("https://hooks.acme-corp.com/in", &endpoint.url("/in"))
            .at("/tenants/acme-corp/", "/tenants/quick-start/")
            .at(r#""orgId": "acme-corp""#, r#""orgId": "quick-start""#)
            .variable("ADMIN_API_KEY", &world.credentials().admin_api_key)
            .variable("TOKEN", &world.credentials().admin_jwt);
        let printed = tokio::task::spawn_blocking(move || script.run()).await.unwrap();
        let answers = serde_json::Deserializer::from_str(&printed.output).into_iter::<Value>();
        let answers: Vec<Value> = answers.map(|answer| answer.unwrap()).collect();
        let [tenant, key, webhook, test, deliveries] = &answers[..] else { panic!("{printed:?}") };
        assert_eq!(tenant["aggregateId"], "quick-start");
        assert!(key["apiKey"].is_string() && webhook["secret"].is_string(), "{printed:?}");
        assert!(test["eventId"].is_string() && deliveries["deliveries"].is_array(), "{printed:?}");
        let _ = endpoint.at_least(1, "/in").await;
    });
}
