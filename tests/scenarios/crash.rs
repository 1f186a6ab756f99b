//! The runtime dies in the middle of deliveries, and nothing that was written down is lost.

use std::time::Duration;

use futures_util::future::join_all;
use local::stack::StackOptions;
use tests::endpoint::{Behavior, Endpoint};
use tests::event::Event;
use tests::poll::{SOON, eventually};
use tests::tenant::{Tenant, Webhook};
use tests::world::{World, run_alone};

const TENANTS: usize = 5;
/// Fewer events than open a circuit, since this scenario is about retries.
const EVENTS_EACH: usize = 4;

/// Whether all these events are delivered.
async fn delivered(webhook: &Webhook, events: &[Event]) -> bool {
    let ids = webhook.delivered_event_ids().await;
    events.iter().all(|event| ids.contains(&event.id))
}

#[test]
fn a_crash_in_the_middle_of_retries_loses_nothing() {
    let options = StackOptions::on_free_ports("test-crash").unwrap().shards(4).fresh();
    // A dead consumer's leases end after the time of eight attempts, so the time of an attempt is short here.
    let options = options.set("webhook-delivery", "ATTEMPT_TIMEOUT_SECONDS", "2");
    let world = World::start(options);
    run_alone(async {
        let endpoint = Endpoint::start();
        let mut webhooks: Vec<(Webhook, Vec<Event>)> = Vec::new();
        for number in 0..TENANTS {
            let tenant = Tenant::register(&world).await;
            let path = format!("/{number}");
            endpoint.behave_in_turn(
                &path,
                vec![Behavior::status(503); EVENTS_EACH],
                Behavior::slow(Duration::from_millis(300)),
            );
            let webhook = tenant.webhook(&endpoint.url(&path)).await;
            webhooks.push((webhook, (0..EVENTS_EACH).map(|_| tenant.event("KeyAdded")).collect()));
        }
        let events: Vec<Event> = webhooks.iter().flat_map(|(_, events)| events.clone()).collect();
        world.publish_all(&events).await;
        // Each delivery has failed once, and its row says when the next attempt is.
        for (webhook, events) in &webhooks {
            for event in events {
                let _ = webhook
                    .delivery_when("a delivery", event, |delivery| !delivery["attempts"].is_null())
                    .await;
            }
        }

        // The runtime dies while at least one retry is being answered by its endpoint.
        let retries = async || {
            let counts = (0..TENANTS).map(|number| endpoint.received(&format!("/{number}")).len());
            Some(counts.sum::<usize>()).filter(|count| *count > TENANTS * EVENTS_EACH)
        };
        eventually(SOON, "a retry", retries).await;
        world.stack().kill_hard();
        world.stack().restart().unwrap();

        // The Queue's messages went with the runtime. The cron run finds what is due in the database.
        let all = eventually(Duration::from_secs(90), "all deliveries", async || {
            world.stack().trigger_cron().unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let done =
                join_all(webhooks.iter().map(async |(webhook, events)| delivered(webhook, events).await));
            done.await.into_iter().all(|done| done).then_some(())
        });
        all.await;
        for (number, (_, events)) in webhooks.iter().enumerate() {
            let received = endpoint.received(&format!("/{number}"));
            for event in events {
                let attempts: Vec<_> =
                    received.iter().filter(|one| one.header("webhook-id") == event.id).collect();
                assert!(attempts.len() >= 2, "a failure and a success");
                assert!(attempts.iter().all(|attempt| attempt.text() == event.body));
            }
        }
    });
}
