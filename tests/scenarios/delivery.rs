//! Events that are published, and how they arrive.

use http::HeaderMap;
use serde_json::json;
use tests::endpoint::{Endpoint, Received};
use tests::event::{Event, array};
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::{World, run};

/// Sends another event and waits until it arrives. By then, everything that was sent before has arrived.
async fn everything_before(world: &World, tenant: &Tenant, endpoint: &Endpoint, path: &str) -> Vec<Received> {
    let last = tenant.event("KeyRemoved");
    world.publish(&last).await;
    let what = async || {
        let received = endpoint.received(path);
        received.iter().any(|one| one.text() == last.body).then_some(received)
    };
    let mut received = eventually(SOON, "the last event", what).await;
    received.retain(|one| one.text() != last.body);
    received
}

fn verifies(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    standardwebhooks::Webhook::new(secret).unwrap().verify(body, headers).is_ok()
}

#[test]
fn a_hundred_events_in_one_request_all_arrive() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let events: Vec<Event> = (0..100).map(|_| tenant.event("KeyAdded")).collect();
        world.publish_all(&events).await;
        let received = endpoint.at_least(100, "/").await;
        let mut bodies: Vec<&str> = received.iter().map(Received::text).collect();
        let mut sent: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
        bodies.sort_unstable();
        sent.sort_unstable();
        assert_eq!(bodies, sent);
        for event in &events {
            let _ = webhook.delivery_in("delivered", event).await;
        }
        assert_eq!(webhook.delivered_event_ids().await.len(), 100);
    });
}

#[test]
fn the_summary_counts_what_was_delivered_this_hour() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        let dashboard = world.admin().get(&format!("/tenants/{}/dashboard", tenant.org_id)).await.expect(200);
        let summary = &dashboard["deliveries"];
        let delivered = summary["hours"].as_array().unwrap().iter().filter(|hour| hour["delivered"] == 1);
        assert_eq!((delivered.count(), &summary["counted"]), (1, &json!(1)), "{summary}");
    });
}

#[test]
fn an_event_sent_twice_arrives_once() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let event = tenant.event("KeyAdded");
        world.publish_all(&[event.clone(), event.clone()]).await;
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        world.publish(&event).await;
        let received = everything_before(world, &tenant, &endpoint, "/").await;
        assert_eq!(received.len(), 1);
    });
}

#[test]
fn a_poisonous_message_stops_nothing_and_ends_among_the_dead_letters() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let event = tenant.event("KeyAdded");
        let message = &event.body;
        let poison = format!("poison for {}", tenant.org_id);
        // Messages by another Worker of the account, and a message that the Queue hands over twice.
        let messages = json!([poison, message, message]);
        let _ = world.gateway().post("/queues/webhook-events", &messages).await.expect(202);
        let _ = webhook.delivery_in("delivered", &event).await;
        assert_eq!(everything_before(world, &tenant, &endpoint, "/").await.len(), 1);
        let listed = eventually(SOON * 3, "the dead letter", async || {
            let letters = world.admin().get("/dead-letters?limit=200").await.expect(200);
            letters.to_string().contains(&poison).then_some(())
        });
        listed.await;
    });
}

#[test]
fn a_large_event_arrives_byte_for_byte_and_a_larger_one_is_refused() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let large = Event::of_size("KeyAdded", &tenant.org_id, 900_000);
        world.publish(&large).await;
        let received = endpoint.at_least(1, "/").await;
        assert!(received[0].body == large.body.as_bytes(), "byte for byte");
        assert!(verifies(&webhook.secret, &received[0].headers, &received[0].body));

        let too_large = Event::of_size("KeyAdded", &tenant.org_id, 1_048_576);
        let refused = world.event_bridge().post_text("/events", &too_large.body).await.expect(413);
        assert_eq!(refused["error"], "payload_too_large");
        let both = array(&[tenant.event("KeyAdded"), too_large]);
        let _ = world.event_bridge().post_text("/events", &both).await.expect(413);
        assert_eq!(
            everything_before(world, &tenant, &endpoint, "/").await.len(),
            1,
            "and nothing of the array"
        );
    });
}

#[test]
fn a_malformed_event_is_named_and_nothing_of_its_array_is_taken() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let _ = tenant.webhook(&endpoint.url("/")).await;
        let good = tenant.event("KeyAdded");
        let parts = [
            (r#""partnerId":"#, r#""partner":"#, "detail.partnerId"),
            (r#""source":"spk.api","#, "", "source"),
            (r#""source":"spk.api""#, r#""source":"spk.other""#, "source"),
            (r#""time":"2026-04-02T10:00:00Z""#, r#""time":"yesterday""#, "time"),
            (r#""detail-type""#, r#""type""#, "detail-type"),
        ];
        for (from, to, named) in parts {
            let bad = Event { body: good.body.replace(from, to), ..good.clone() };
            assert_ne!(bad.body, good.body);
            let refused =
                world.event_bridge().post_text("/events", &array(&[good.clone(), bad])).await.expect(400);
            assert_eq!(refused["error"], "invalid_request");
            let fields = refused["fields"].as_object().unwrap();
            let (field, fault) = fields.iter().next().unwrap();
            assert!(field.starts_with("[1]"), "{refused}");
            assert!(format!("{field} {fault}").contains(named), "{refused} should name {named}");
        }
        for body in ["", "[]", "7", "{", "[null]", &array(&vec![good.clone(); 101])] {
            let _ = world.event_bridge().post_text("/events", body).await.expect(400);
        }
        assert_eq!(everything_before(world, &tenant, &endpoint, "/").await.len(), 0);
    });
}

#[test]
fn only_event_bridge_may_publish() {
    run(|world| async move {
        let body = Event::new("KeyAdded", "nobody").body;
        let _ = world.delivery().post_text("/events", &body).await.expect(401);
        let _ = world.delivery().with("x-events-key", "wrong").post_text("/events", &body).await.expect(401);
        let key = &world.credentials().admin_api_key;
        let _ = world.delivery().with("x-events-key", key).post_text("/events", &body).await.expect(401);
        let plain = world.event_bridge().with("content-type", "text/plain");
        let _ = plain.post_text("/events", &body).await.expect(415);
    });
}

#[test]
fn a_static_token_goes_with_every_request() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let token = "a-token-of-the-partners-choice";
        let bearer = json!({"type": "bearerToken", "token": token});
        let _ = tenant.webhook_with(&json!({"url": endpoint.url("/bearer"), "auth": bearer})).await;
        let header = json!({"type": "apiKeyHeader", "headerName": "X-Partner-Key"});
        let generated = tenant.webhook_with(&json!({"url": endpoint.url("/header"), "auth": header})).await;
        world.publish(&tenant.event("KeyAdded")).await;
        let received = endpoint.at_least(1, "/bearer").await;
        assert_eq!(received[0].header("authorization"), format!("Bearer {token}"));
        let received = endpoint.at_least(1, "/header").await;
        assert_eq!(received[0].header("x-partner-key"), generated.created["auth"]["token"]);
        assert!(!received[0].headers.contains_key("authorization"));
    });
}

#[test]
fn each_earlier_secret_signs_while_its_overlap_lasts() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let rotate = format!("{}/rotate-secret", webhook.path);
        let rotated = world.admin().post_nothing(&rotate).await.expect(200);
        let second = rotated["secret"].as_str().unwrap();
        world.publish(&tenant.event("KeyAdded")).await;
        let received = endpoint.at_least(1, "/").await;
        assert_eq!(received[0].header("webhook-signature").split(' ').count(), 2);
        for secret in [webhook.secret.as_str(), second] {
            assert!(verifies(secret, &received[0].headers, &received[0].body));
        }

        // The current secret ends at once, and the first goes on.
        let rotated = world.admin().post(&rotate, &json!({"overlapSeconds": 0})).await.expect(200);
        let third = rotated["secret"].as_str().unwrap();
        let shown = world.admin().get(&format!("{}/secret", webhook.path)).await.expect(200);
        assert_eq!(shown["secret"], third);
        assert_eq!(shown["previous"].as_array().unwrap().len(), 1);
        world.publish(&tenant.event("KeyAdded")).await;
        let received = endpoint.at_least(2, "/").await;
        let (headers, body) = (&received[1].headers, &received[1].body);
        assert_eq!(received[1].header("webhook-signature").split(' ').count(), 2);
        assert!(verifies(&webhook.secret, headers, body) && verifies(third, headers, body));
        assert!(!verifies(second, headers, body));
    });
}
