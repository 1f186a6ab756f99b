//! What failed, until it ends.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Settlement::Acknowledge;
use super::{THREE_DAYS, event, message, row, run_retries};
use crate::app::change_webhook::RequestedChange;
use crate::delivery::DeliveryState;
use crate::error::Error;
use crate::testing::{Fixture, Reply, Simulation, admins};
use crate::webhook::WebhookStatus;
use crate::webhook::url::WebhookUrl;

const URL: &str = "https://hooks.example.com/in";

#[tokio::test]
async fn an_endpoint_that_fails_twice_gets_three_attempts_with_one_id() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::Status(500), Reply::Hang]);

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert_eq!(run_retries(&fixture).await, 1);
    assert_eq!(run_retries(&fixture).await, 1);
    assert_eq!(run_retries(&fixture).await, 0);

    let ids: Vec<_> = fixture.endpoints.take().iter().map(|request| request.headers[2].1.clone()).collect();
    assert_eq!(ids, ["e-1", "e-1", "e-1"]);
    let (delivery, body) =
        fixture.app.get_delivery(&admins(&acme), &created.webhook_id, &event("e-1")).await.unwrap();
    assert_eq!(delivery.state, DeliveryState::Delivered);
    let statuses: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(500), None, Some(200)]);
    assert_eq!(delivery.attempts[1].error.as_deref(), Some("timed out"));
    assert!(body.is_some(), "kept for a day");
    let webhook = fixture.app.get_webhook(&admins(&acme), &created.webhook_id).await.unwrap();
    assert_eq!((webhook.consecutive_failures, webhook.last_error_message.as_deref()), (0, Some("timed out")));
    assert_eq!(webhook.last_delivered_at, delivery.ended_at);
}

#[tokio::test]
async fn an_endpoint_that_never_answers_ends_dead_within_three_days_and_can_be_redelivered() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.always(URL, Reply::Status(503));
    let began = fixture.clock_now();

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    assert!(Simulation::new(&fixture).run(THREE_DAYS * 2).await);

    let (delivery, body) =
        fixture.app.get_delivery(&admins(&acme), &created.webhook_id, &event("e-1")).await.unwrap();
    assert_eq!(delivery.state, DeliveryState::Dead);
    assert_eq!(delivery.reason.as_deref(), Some("the endpoint did not recover in time"));
    assert_eq!(delivery.attempts.len(), 100, "the last hundred are kept");
    let took = delivery.ended_at.unwrap().since(began);
    assert!((THREE_DAYS..THREE_DAYS + Duration::from_secs(180)).contains(&took), "{took:?}");
    assert!(body.unwrap().contains("\"e-1\""));

    fixture.endpoints.always(URL, Reply::Status(200));
    fixture.endpoints.take();
    fixture.app.redeliver(&admins(&acme), &created.webhook_id, &event("e-1")).await.unwrap();
    assert_eq!(
        fixture.app.redeliver(&admins(&acme), &created.webhook_id, &event("e-1")).await,
        Err(Error::DeliveryPending)
    );
    assert!(Simulation::new(&fixture).run(THREE_DAYS).await);
    assert_eq!(row(&fixture, &created.webhook_id, "e-1")["stage"], "delivered");
    fixture.clock.advance(Duration::from_secs(86_400));
    fixture.courier.clean().await.unwrap();
    assert_eq!(
        fixture.app.redeliver(&admins(&acme), &created.webhook_id, &event("e-1")).await,
        Err(Error::BodyNotKept)
    );
    assert_eq!(
        fixture.app.redeliver(&admins(&acme), &created.webhook_id, &event("e-2")).await,
        Err(Error::DeliveryNotFound)
    );
}

#[tokio::test]
async fn a_refusal_is_tried_again_and_a_410_is_final_and_disables_the_webhook() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::Status(404), Reply::Status(302), Reply::Status(410)]);

    for (id, stage, reason) in [
        ("e-1", "scheduled", Value::Null),
        ("e-2", "scheduled", Value::Null),
        ("e-3", "failed", json!("answered 410")),
    ] {
        fixture.deliver_events(&[message(id, "KeyAdded", "acme-corp")]).await;
        let delivery = row(&fixture, &created.webhook_id, id);
        assert_eq!((&delivery["stage"], &delivery["reason"]), (&json!(stage), &reason));
        assert_ne!(delivery["body"], Value::Null);
    }

    let webhook = fixture.app.get_webhook(&admins(&acme), &created.webhook_id).await.unwrap();
    assert_eq!((webhook.status, webhook.consecutive_failures), (WebhookStatus::Disabled, 3));
    // What arrives meanwhile is kept.
    fixture.endpoints.take();
    fixture.deliver_events(&[message("e-4", "KeyAdded", "acme-corp")]).await;
    assert!(fixture.endpoints.take().is_empty());
    let kept = row(&fixture, &created.webhook_id, "e-4");
    assert_eq!((&kept["stage"], &kept["reason"]), (&json!("dead"), &json!("webhook disabled")));
    assert_ne!(kept["body"], Value::Null);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::RetryAfter(429, "120".into())]);

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    let delay = fixture.retries.take()[0].delay;
    assert!((Duration::from_secs(119)..=Duration::from_secs(130)).contains(&delay), "{delay:?}");
}

#[tokio::test]
async fn a_message_handed_over_twice_or_early_sends_nothing_more() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::RetryAfter(503, "60".into())]);
    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    let retry = fixture.retries.take().remove(0);
    fixture.endpoints.take();

    assert_eq!(fixture.deliver_retries(std::slice::from_ref(&retry.body)).await, [Acknowledge]);
    assert!(fixture.endpoints.take().is_empty(), "not due yet");
    fixture.clock.advance(retry.delay);
    let twice = [retry.body.clone(), retry.body.clone()];
    assert_eq!(fixture.deliver_retries(&twice).await, [Acknowledge, Acknowledge]);
    assert_eq!(fixture.deliver_retries(&twice).await, [Acknowledge, Acknowledge]);

    assert_eq!(fixture.endpoints.take().len(), 1);
    assert_eq!(row(&fixture, &created.webhook_id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn the_current_url_is_used_and_a_deleted_webhook_ends_the_delivery() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.endpoints.reply(URL, &[Reply::Status(500), Reply::Status(500)]);
    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;
    fixture.deliver_events(&[message("e-2", "KeyAdded", "acme-corp")]).await;
    let retries = fixture.retries.take();
    fixture.clock.advance(Duration::from_secs(60));
    fixture.endpoints.take();

    let url = WebhookUrl::parse("https://hooks.example.com/new", &fixture.app.url_rules).unwrap();
    fixture.app.change_webhook(&admins(&acme), &created.webhook_id, RequestedChange::url(url)).await.unwrap();
    fixture.deliver_retries(std::slice::from_ref(&retries[0].body)).await;
    assert!(fixture.endpoints.take().is_empty(), "it waits for the verification");
    assert_eq!(row(&fixture, &created.webhook_id, "e-1")["stage"], "held");

    fixture.app.delete_webhook(&admins(&acme), &created.webhook_id).await.unwrap();
    let ended = row(&fixture, &created.webhook_id, "e-2");
    assert_eq!((&ended["stage"], &ended["reason"]), (&json!("failed"), &json!("webhook deleted")));
}
