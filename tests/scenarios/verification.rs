//! A webhook's life: moved, verified, gone, enabled again.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::endpoint::{Behavior, Endpoint};
use tests::poll::{SOON, eventually};
use tests::tenant::Tenant;
use tests::world::run;

#[test]
fn a_moved_webhook_is_challenged_and_then_gets_what_waited() {
    run(|world| async move {
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        let key = tenant.api_key().await;
        let webhook = tenant.webhook(&endpoint.url("/old")).await;

        // The partner itself moves the webhook to an endpoint that is not ready at once.
        endpoint.behave_in_turn("/new", [Behavior::status(503)], Behavior::status(200));
        let path = format!("/webhooks/{}", webhook.id);
        let moved = world.partner(&key).patch(&path, &json!({"url": endpoint.url("/new")})).await.expect(200);
        assert_eq!(moved, json!({"success": true, "aggregateId": tenant.org_id, "version": 2}));
        assert_eq!(webhook.now().await["status"], "pending");
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;

        let verified = webhook.in_status("active").await;
        assert!(verified["verifiedAt"].is_string());
        let _ = webhook.delivery_in("delivered", &event).await;
        let received = endpoint.received("/new");
        for request in &received {
            let signature = standardwebhooks::Webhook::new(&webhook.secret).unwrap();
            signature.verify(&request.body, &request.headers).unwrap();
        }
        let (challenges, events) = received.split_at(received.len() - 1);
        assert!(challenges.len() >= 2, "one failed, one succeeded");
        for challenge in challenges {
            let envelope: Value = serde_json::from_str(challenge.text()).unwrap();
            assert_eq!(envelope["source"], "spk.webhooks");
            assert_eq!(envelope["detail-type"], "Webhook Verification");
            assert_eq!(envelope["detail"]["partnerId"], tenant.org_id);
            assert_eq!(envelope["detail"]["webhookId"], webhook.id);
            assert!(envelope["detail"]["challenge"].is_string());
        }
        assert_eq!(events[0].text(), event.body, "byte for byte, once it is verified");
        assert!(endpoint.received("/old").is_empty());

        // Another tenant's webhook is as unknown as one that does not exist.
        let other = Tenant::register(world).await.api_key().await;
        let body = json!({"url": endpoint.url("/stolen")});
        let without_id = |answer: Value| (answer["error"].clone(), answer["message"].clone());
        let refused = without_id(world.partner(&other).patch(&path, &body).await.expect(404));
        let missing = "/webhooks/00000000-0000-4000-8000-000000000000";
        assert_eq!(without_id(world.partner(&other).patch(missing, &body).await.expect(404)), refused);
    });
}

#[test]
fn of_many_verifications_at_once_only_that_of_the_latest_url_counts() {
    run(|world| async move {
        let (admin, tenant, endpoint) = (&world.admin(), Tenant::register(world).await, Endpoint::start());
        let webhook = &tenant.webhook(&endpoint.url("/first")).await;
        endpoint.behave("/slow", Behavior::slow(Duration::from_secs(3)));
        endpoint.behave("/down", Behavior::status(503));
        let change = async |path: &str| {
            let body = json!({"url": endpoint.url(path)});
            let _ = admin.put(&webhook.path, &body).await.expect(200);
        };
        let verify = format!("{}/verify", webhook.path);
        let many = async || {
            for answer in join_all((0..20).map(|_| admin.post_nothing(&verify))).await {
                assert_eq!(answer.status, 202, "{}", answer.text);
            }
        };

        // The endpoint of the first URL says yes after the URL has changed again.
        change("/slow").await;
        many().await;
        let _ = eventually(SOON, "a challenge", async || endpoint.received("/slow").pop()).await;
        change("/down").await;
        many().await;
        let _ = eventually(SOON, "a challenge", async || endpoint.received("/down").pop()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let after = webhook.now().await;
        assert_eq!((&after["status"], &after["verifiedAt"]), (&json!("pending"), &json!(null)), "{after}");

        // And of as many challenges of one URL, any says that the webhook is active, once.
        change("/ready").await;
        many().await;
        let verified = webhook.in_status("active").await["verifiedAt"].clone();
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        let events = endpoint.received("/ready");
        assert_eq!(events.iter().filter(|request| request.header("webhook-id") == event.id).count(), 1);
        let challenges = events.len() - 1;
        assert!((1..=21).contains(&challenges), "{challenges} challenges");
        assert!(verified.is_string());
    });
}

#[test]
fn a_webhook_that_is_gone_is_disabled_and_its_deliveries_can_be_sent_again() {
    run(|world| async move {
        let (admin, tenant, endpoint) = (world.admin(), Tenant::register(world).await, Endpoint::start());
        endpoint.behave("/", Behavior::status(410));
        let webhook = tenant.webhook(&endpoint.url("/")).await;
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let failed = webhook.delivery_in("failed", &event).await;
        assert_eq!(failed["body"], event.body, "kept, to be sent again");
        let _ = webhook.in_status("disabled").await;
        let later = tenant.event("KeyAdded");
        world.publish(&later).await;
        let _ = webhook.delivery_in("dead", &later).await;
        let troubled = admin.get("/webhook-health?limit=200").await.expect(200).to_string();
        assert!(troubled.contains(&webhook.id));

        // The endpoint is back: the webhook is enabled and verified, and everything of that time is redelivered.
        endpoint.behave("/", Behavior::status(200));
        let _ = admin.post_nothing(&format!("{}/enable", webhook.path)).await.expect(200);
        let _ = webhook.in_status("active").await;
        let one = format!("{}/deliveries/{}/redeliver", webhook.path, event.id);
        let _ = admin.post_nothing(&one).await.expect(202);
        let _ = webhook.delivery_in("delivered", &event).await;
        let range = json!({"since": "2020-01-01T00:00:00.000Z"});
        let answer = admin.post(&format!("{}/redeliver", webhook.path), &range).await.expect(202);
        assert_eq!(answer["count"], 1);
        let _ = webhook.delivery_in("delivered", &later).await;
        let tested =
            admin.post(&format!("{}/test", webhook.path), &json!({"eventType": "LockCreated"})).await;
        let id = tested.expect(202)["eventId"].as_str().unwrap().to_owned();
        let sample = eventually(SOON, "the test event", async || {
            endpoint.received("/").into_iter().find(|request| request.header("webhook-id") == id)
        });
        let sample: Value = serde_json::from_str(sample.await.text()).unwrap();
        assert_eq!(
            (&sample["detail-type"], &sample["detail"]["test"]),
            (&json!("LockCreated"), &json!(true))
        );
    });
}
