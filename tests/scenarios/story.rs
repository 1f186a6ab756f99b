//! The story: a partner is onboarded, and an event arrives.

use http::HeaderMap;
use serde_json::{Value, json};
use tests::client::Client;
use tests::endpoint::{Behavior, Endpoint, Received};
use tests::event::Event;
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::run;

/// Checks the signature over the very bytes, with the Standard Webhooks project's own library, as a partner would.
fn assert_signed(secret: &str, headers: &HeaderMap, body: &[u8]) {
    standardwebhooks::Webhook::new(secret).unwrap().verify(body, headers).unwrap();
}

fn assert_is(received: &Received, event: &Event, secret: &str) {
    assert_eq!(received.method, "POST");
    assert_eq!(received.text(), event.body, "byte for byte");
    assert_eq!(received.header("webhook-id"), event.id);
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("user-agent"), "SmartphoneKey-Webhooks/1");
    assert_signed(secret, &received.headers, &received.body);
}

/// Onboards a tenant: a 404 with its code and message, then 201, then 409. Returns the API key.
async fn onboard(admin: &Client) -> String {
    let key = json!({"orgId": "acme-corp", "orgName": "ACME Corporation"});
    let refused = admin.post("/api-keys", &key).await.expect(404);
    assert_eq!(refused["success"], false);
    assert_eq!(refused["error"], "tenant_not_registered");
    assert_eq!(refused["message"], "Tenant not registered");
    assert!(refused["requestId"].is_string());

    let tenant = json!({"orgName": "ACME Corporation", "ownerEmail": "first-owner@acme-corp.com"});
    let registered = admin.post("/tenants/acme-corp/register", &tenant).await.expect(201);
    assert_eq!(registered, json!({"success": true, "aggregateId": "acme-corp", "version": 1}));
    let again = admin.post("/tenants/acme-corp/register", &tenant).await.expect(409);
    assert_eq!(again["error"], "tenant_already_registered");

    let issued = admin.post("/api-keys", &key).await.expect(201);
    let api_key = issued["apiKey"].as_str().unwrap().to_owned();
    assert_eq!(api_key.len(), 40);
    assert!(api_key.chars().all(|character| character.is_ascii_alphanumeric()));
    assert_eq!(issued["orgId"], "acme-corp");
    assert_eq!(issued["orgName"], "ACME Corporation");
    assert_eq!(issued["createdBy"], "developer@smartphonekey.com");
    assert_eq!(issued.get("expiresAt"), Some(&Value::Null));
    let twice = admin.post("/api-keys", &key).await.expect(409);
    assert_eq!(twice["error"], "active_key_exists");
    api_key
}

#[test]
fn a_partner_is_onboarded_and_receives_events() {
    run(|world| async move {
        let (admin, endpoint) = (world.admin(), Endpoint::start());
        let api_key = onboard(&admin).await;

        // A webhook for two event types.
        let webhook = json!({"url": endpoint.url("/acme"), "events": ["LockCreated", "KeyAdded"]});
        let created = admin.post("/tenants/acme-corp/webhooks", &webhook).await.expect(201);
        assert_eq!(created["success"], true);
        assert_eq!(created["aggregateId"], "acme-corp");
        assert_eq!(created["version"], 1);
        let (id, secret) = (created["webhookId"].as_str().unwrap(), created["secret"].as_str().unwrap());
        assert!(secret.starts_with("whsec_"));
        let listed = admin.get("/tenants/acme-corp/webhooks").await.expect(200);
        assert_eq!(
            (&listed["total"], &listed["limit"], &listed["offset"]),
            (&json!(1), &json!(50), &json!(0))
        );
        let shown = &listed["webhooks"][0];
        assert_eq!((&shown["id"], &shown["status"]), (&json!(id), &json!("active")));
        assert_eq!(shown["events"], json!(["LockCreated", "KeyAdded"]));
        assert!(!listed.to_string().contains(secret));

        // Events of these types arrive; those of another type or another tenant do not.
        let other = Tenant::register(world).await;
        let removed = Event::new("KeyRemoved", "acme-corp");
        let added = Event::new("KeyAdded", "acme-corp");
        for event in [&removed, &other.event("KeyAdded"), &added] {
            world.publish(event).await;
        }
        let received = endpoint.at_least(1, "/acme").await;
        assert_is(&received[0], &added, secret);
        let path = format!("/tenants/acme-corp/webhooks/{id}");
        let delivered = eventually(SOON, "the delivery's row", async || {
            let answer = admin.get(&format!("{path}/deliveries/{}", added.id)).await;
            (answer.status == 200).then(|| answer.json())
        });
        let delivered = delivered.await;
        assert_eq!((&delivered["state"], &delivered["eventType"]), (&json!("delivered"), &json!("KeyAdded")));
        assert_eq!(delivered["attempts"].as_array().unwrap().len(), 1);

        // Two failures, then success: three attempts of one delivery.
        endpoint.behave_in_turn(
            "/acme",
            [Behavior::status(500), Behavior::status(500)],
            Behavior::status(200),
        );
        let retried = Event::new("LockCreated", "acme-corp");
        world.publish(&retried).await;
        let received = endpoint.at_least(4, "/acme").await;
        for attempt in &received[1..] {
            assert_is(attempt, &retried, secret);
            assert_eq!(attempt.open_at_once, 1, "one attempt at a time");
        }
        let delivered = eventually(SOON, "delivered in the end", async || {
            let delivery = admin.get(&format!("{path}/deliveries/{}", retried.id)).await.expect(200);
            (delivery["state"] == "delivered").then_some(delivery)
        });
        let delivered = delivered.await;
        let statuses: Vec<_> =
            delivered["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [500, 500, 200]);
        assert_eq!(endpoint.received("/acme").len(), 4, "nothing that it did not ask for");

        // Changes.
        let nothing = admin.put(&path, &json!({})).await.expect(400);
        assert_eq!(nothing["error"], "invalid_request");
        let moved = admin.put(&path, &json!({"url": endpoint.url("/moved")})).await.expect(200);
        assert_eq!(moved, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
        let shown = admin.get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["url"]), (&json!("pending"), &json!(endpoint.url("/moved"))));
        let deleted = admin.delete(&path).await.expect(200);
        assert_eq!(deleted, json!({"success": true, "aggregateId": "acme-corp", "version": 3}));
        assert_eq!(admin.get(&path).await.expect(404)["error"], "webhook_not_found");

        // The key is shown masked.
        let listed = admin.get("/tenants?ownerEmail=FIRST-OWNER@acme-corp.com").await.expect(200);
        assert_eq!(listed["total"], 1);
        let shown = &listed["tenants"][0]["apiKey"];
        assert_eq!(shown["prefix"], api_key[..8]);
        assert_eq!(shown["masked"], format!("{}…{}", &api_key[..8], &api_key[36..]));
        assert!(!listed.to_string().contains(&api_key));
    });
}

#[test]
fn the_local_inbox_shows_what_arrives_and_misbehaves_as_told() {
    run(|world| async move {
        let (inbox, tenant) = (world.inbox(), Tenant::register(world).await);
        let behavior = json!({"status": 503, "retryAfter": 1, "times": 1});
        let _ = inbox.put(&format!("/{}/behavior", tenant.org_id), &behavior).await.expect(200);
        let webhook = tenant.webhook(&format!("{}/{}", world.credentials().inbox_url, tenant.org_id)).await;
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;

        let delivered = webhook.delivery_in("delivered", &event).await;
        assert_eq!(delivered["attempts"].as_array().unwrap().len(), 2);
        let shown = inbox.get(&format!("/{}.json", tenant.org_id)).await.expect(200);
        let messages = shown["messages"].as_array().unwrap();
        let statuses: Vec<_> = messages.iter().map(|message| &message["answered"]["status"]).collect();
        assert_eq!(statuses, [503, 200]);
        for message in messages {
            assert_eq!(message["body"], event.body);
            let headers = message["headers"].as_object().unwrap();
            let pair = |(name, value): (&String, &Value)| {
                (name.parse::<http::HeaderName>().unwrap(), value.as_str().unwrap().parse().unwrap())
            };
            let headers: HeaderMap = headers.iter().map(pair).collect();
            assert_signed(&webhook.secret, &headers, event.body.as_bytes());
        }
    });
}
