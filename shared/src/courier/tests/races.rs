//! Two consumers, or a consumer and an admin, at the same moment: whatever one does between the other's round trips,
//! nothing is stranded, and nothing that is past counts against what is now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::{message, row};
use crate::event::message::{RetryMessage, WebhookKey};
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::testing::{Crash, Fixture, Reply, Simulation};
use crate::webhook::id::WebhookId;

const URL: &str = "https://hooks.example.com/in";

/// Runs this SQL just before the consumer's batch of this number, counted from 1.
fn meanwhile(fixture: &Fixture, batch: u32, sql: &'static str) {
    let (database, seen) = (fixture.database.clone(), Arc::new(AtomicU32::new(0)));
    fixture.database.crash(move || {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == batch {
            database.query(Statement::new(sql));
        }
        Crash::Never
    });
}

fn webhook_row(fixture: &Fixture, id: &WebhookId) -> Value {
    fixture.database.query(Statement::new("SELECT * FROM webhooks WHERE id = ?1").bind(id)).remove(0)
}

fn set(fixture: &Fixture, sql: &'static str) {
    fixture.database.query(Statement::new(sql));
}

async fn tend(fixture: &Fixture, id: &WebhookId) {
    let webhook = WebhookKey { org_id: OrgId::parse("acme-corp").unwrap(), webhook_id: *id };
    fixture.deliver_retries(&[RetryMessage::Tend(webhook).encode()]).await;
}

/// A disabled webhook that is due, with the delivery `e-1` that failed once.
async fn disabled_with_a_retry(fixture: &Fixture) -> WebhookId {
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(503)]);
    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    set(fixture, "UPDATE webhooks SET status = 'disabled', tend_at = 1");
    id
}

#[tokio::test]
async fn a_circuit_that_opens_while_the_held_are_released_keeps_its_probe() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    set(&fixture, "UPDATE webhooks SET tend_at = 1");
    // Between the lease and the slice another consumer writes its five time-outs.
    let opened =
        "UPDATE webhooks SET circuit_opened_at = 1775124000000, tend_at = 1775124030000, health_stamp = 7";
    meanwhile(&fixture, 2, opened);

    tend(&fixture, &id).await;

    let after = webhook_row(&fixture, &id);
    assert_eq!(after["tend_at"], 1_775_124_030_000_i64);
    fixture.database.crash(|| Crash::Never);
    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert!(Simulation::new(&fixture).run(Duration::from_secs(600)).await);
    assert_eq!(row(&fixture, &id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn a_webhook_enabled_while_its_deliveries_are_being_buried_keeps_the_rest() {
    let fixture = Fixture::default();
    let id = disabled_with_a_retry(&fixture).await;
    let enabled = "UPDATE webhooks SET status = 'pending', url_revision = url_revision + 1, health_stamp = 7";
    meanwhile(&fixture, 2, enabled);

    tend(&fixture, &id).await;

    assert_eq!(row(&fixture, &id, "e-1")["stage"], "scheduled");
    assert_eq!(webhook_row(&fixture, &id)["tend_at"], 1, "its challenge is still due");
}

#[tokio::test]
async fn what_an_endpoint_said_before_the_url_changed_does_not_count_against_the_new_one() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(410)]);
    // The request is on its way; the partner's new endpoint is verified before the old one says that it is gone.
    let moved = "UPDATE webhooks SET url = 'https://hooks.example.com/new', url_revision = url_revision + 1, health_stamp = 7";
    meanwhile(&fixture, 2, moved);

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    let after = webhook_row(&fixture, &id);
    assert_eq!((&after["status"], &after["consecutive_failures"]), (&json!("active"), &json!(0)));
    assert_eq!(row(&fixture, &id, "e-1")["stage"], "failed", "the delivery's own answer stands");
}

#[tokio::test]
async fn a_request_on_its_way_is_not_buried_under_the_feet_of_its_consumer() {
    let fixture = Fixture::default();
    let id = disabled_with_a_retry(&fixture).await;
    set(&fixture, "UPDATE delivery_log SET leased_until = 1775124060000");

    tend(&fixture, &id).await;

    let leased = row(&fixture, &id, "e-1");
    assert_eq!(
        (&leased["stage"], &leased["leased_until"]),
        (&json!("scheduled"), &json!(1_775_124_060_000_i64))
    );
    fixture.clock.advance(Duration::from_secs(61));
    tend(&fixture, &id).await;
    assert_eq!(row(&fixture, &id, "e-1")["reason"], "webhook disabled");
}

#[tokio::test]
async fn a_circuit_half_opened_for_want_of_deliveries_still_has_its_recovery_told() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    set(
        &fixture,
        "UPDATE webhooks SET circuit_opened_at = 1775123990000, failing_told = 1, consecutive_failures = 5, failing_since = 1775123990000, tend_at = 1",
    );
    tend(&fixture, &id).await;
    assert_eq!(webhook_row(&fixture, &id)["circuit_opened_at"], Value::Null);
    fixture.endpoints.reply(URL, &[Reply::Status(503)]);

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert_ne!(
        webhook_row(&fixture, &id)["circuit_opened_at"],
        Value::Null,
        "one more failure opens it again"
    );
    assert!(Simulation::new(&fixture).run(Duration::from_secs(600)).await);

    let told: Vec<_> =
        fixture.log.lines().iter().filter_map(|line| line["change"].as_str().map(str::to_owned)).collect();
    assert_eq!(told, ["recovered"], "it never was well in between");
}
