//! Nothing is acknowledged that is not safely queued: EventBridge tries again.

use serde_json::json;
use shared::event::message::EventMessage;

use crate::support::{TestApp, envelope, envelope_with};

#[tokio::test]
async fn a_queue_that_refuses_is_a_503_and_a_second_try_succeeds() {
    let app = TestApp::default();
    app.events.refuse(true);
    app.publish(&envelope("e-1")).await.is_problem(503, "unavailable");
    app.publish(&json!([envelope("e-1"), envelope("e-2")])).await.is_problem(503, "unavailable");
    app.events.refuse(false);
    assert!(app.queued().is_empty());
    app.publish(&json!([envelope("e-1"), envelope("e-2")])).await.accepted(2);
    assert_eq!(app.queued().len(), 2);
}

#[tokio::test]
async fn a_store_that_fails_is_a_503_for_large_events_only() {
    let app = TestApp::default();
    app.bodies.fail(true);
    let large = envelope_with("/detail/data", Some(json!("x".repeat(200_000))));
    app.publish(&large).await.is_problem(503, "unavailable");
    app.publish(&json!([envelope("e-0"), large])).await.is_problem(503, "unavailable");
    assert!(app.queued().is_empty(), "none of the array is taken");
    app.publish(&envelope("e-0")).await.accepted(1);
    app.queued();
    app.bodies.fail(false);
    app.publish(&json!([envelope("e-0"), large])).await.accepted(2);
    assert!(matches!(app.queued()[..], [EventMessage::Envelope(_), EventMessage::StoredAt(_)]));
}

#[tokio::test]
async fn the_database_is_not_needed() {
    let app = TestApp::default();
    app.database.fail(Some("overloaded"));
    app.publish(&envelope("e-1")).await.accepted(1);
}

#[tokio::test]
async fn the_answer_carries_no_internals_and_the_log_does() {
    let app = TestApp::default();
    app.events.refuse(true);
    let answer = app.publish(&envelope("e-1")).await;
    assert!(!answer.text.contains("queue") && !answer.text.contains("refused"), "{}", answer.text);
    let line = app.log.lines().pop().unwrap();
    assert_eq!((&line["status"], &line["error"]), (&json!(503), &json!("unavailable")));
    assert_eq!(line["detail"], "queue: refused");
    assert_eq!(line["requestId"], answer.body["requestId"]);
}
