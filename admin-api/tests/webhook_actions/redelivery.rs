//! `POST …/redeliver` and `POST …/deliveries/{eventId}/redeliver`

use serde_json::{Value, json};
use shared::ports::Statement;
use shared::testing::Reply;

use super::{URL, given};
use crate::support::TestApp;

async fn single(app: &TestApp, path: &str, event_id: &str) -> crate::support::Answer {
    app.admin().request("POST", &format!("{path}/deliveries/{event_id}/redeliver")).send().await
}

async fn state(app: &TestApp, path: &str, event_id: &str) -> Value {
    app.admin().get(&format!("{path}/deliveries/{event_id}")).await.body["state"].clone()
}

#[tokio::test]
async fn a_failed_delivery_is_sent_again() {
    let (app, path) = given().await;
    let delivery = app.delivery();
    delivery.endpoints.reply(URL, &[Reply::Status(404)]);
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    delivery.give_up("e-1", "failed");
    app.retries.take();
    delivery.received();
    let failed = app.admin().get(&format!("{path}/deliveries/e-1")).await;
    assert_eq!((&failed.body["state"], &failed.body["reason"]), (&json!("failed"), &json!("answered 404")));
    assert!(failed.body["body"].as_str().unwrap().contains("\"e-1\""), "its body is kept and shown");

    assert_eq!(single(&app, &path, "e-1").await.is(202).body, json!({"success": true, "eventId": "e-1"}));
    single(&app, &path, "e-1").await.is_problem(409, "delivery_pending");
    delivery.retries().await;
    assert_eq!(delivery.received().len(), 1);
    let again = app.admin().get(&format!("{path}/deliveries/e-1")).await;
    assert_eq!((&again.body["state"], &again.body["body"]), (&json!("delivered"), &failed.body["body"]));
    let statuses: Vec<_> =
        again.body["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [404, 200]);

    app.database.query(Statement::new("DELETE FROM bodies"));
    single(&app, &path, "e-1").await.is_problem(409, "body_not_kept");
    single(&app, &path, "e-2").await.is_problem(404, "delivery_not_found");
    single(&app, &path, "%00").await.is_problem(404, "delivery_not_found");
}

#[tokio::test]
async fn what_is_being_tried_is_not_tried_again() {
    let (app, path) = given().await;
    let delivery = app.delivery();
    delivery.endpoints.reply(URL, &[Reply::Status(503)]);
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    let before = app.database.dump();
    single(&app, &path, "e-1").await.is_problem(409, "delivery_pending");
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn a_queue_that_refuses_does_not_undo_a_single_redelivery() {
    let (app, path) = given().await;
    let delivery = app.delivery();
    delivery.endpoints.reply(URL, &[Reply::Status(404)]);
    delivery.event("acme-corp", "e-1", "KeyAdded").await;
    delivery.give_up("e-1", "dead");
    app.retries.refuse(true);
    single(&app, &path, "e-1").await.is(202);
    app.retries.refuse(false);
    app.wait(60);
    delivery.sweep().await;
    delivery.retries().await;
    assert_eq!(state(&app, &path, "e-1").await, "delivered");
}

/// A failed, a dead and a delivered one, a minute apart from 10:00, and then one that is pending.
async fn given_history(app: &TestApp) {
    let delivery = app.delivery();
    delivery.endpoints.reply(URL, &[Reply::Status(404), Reply::Status(400)]);
    for id in ["e-1", "e-2", "e-3"] {
        delivery.event("acme-corp", id, "KeyAdded").await;
        app.wait(60);
    }
    delivery.give_up("e-1", "failed");
    delivery.give_up("e-2", "dead");
    delivery.endpoints.reply(URL, &[Reply::RetryAfter(503, "3000".into())]);
    delivery.event("acme-corp", "e-4", "KeyAdded").await;
    app.wait(60);
    app.retries.take();
}

#[tokio::test]
async fn a_range_is_counted_and_sent_again() {
    let (app, path) = given().await;
    given_history(&app).await;
    let redeliver = format!("{path}/redeliver");
    for (body, count) in [
        (json!({}), 2),
        (json!({"states": ["failed"]}), 1),
        (json!({"states": ["dead"]}), 1),
        (json!({"states": ["dead", "failed", "dead"]}), 2),
        (json!({"since": "2026-04-02T10:00:30Z"}), 1),
        (json!({"since": "2026-04-02T10:00:30Z", "until": "2026-04-02T10:00:40Z"}), 0),
        (json!({"until": "2026-04-02T10:00:30.000Z"}), 1),
        (json!({"since": "2026-04-02T10:00:00.000Z", "until": "2026-04-02T10:00:00.001Z"}), 1),
        (json!({"since": "2027-01-01T00:00:00Z"}), 0),
    ] {
        let answer = app.admin().post(&redeliver, body.clone()).await;
        assert_eq!(answer.is(202).body, json!({"count": count, "more": false}), "{body}");
        assert_eq!(app.retries.take().len(), usize::from(count > 0), "{body}");
        // As they were.
        app.database.query(Statement::new("UPDATE webhooks SET tend_at = NULL"));
        for (id, stage) in [("e-1", "failed"), ("e-2", "dead")] {
            app.delivery().give_up(id, stage);
        }
    }

    app.admin().post(&redeliver, json!({})).await.is(202);
    let delivery = app.delivery();
    delivery.retries().await;
    assert_eq!(delivery.received().len(), 2, "neither what was delivered nor what is pending");
    for (id, expected) in
        [("e-1", "delivered"), ("e-2", "delivered"), ("e-3", "delivered"), ("e-4", "pending")]
    {
        assert_eq!(state(&app, &path, id).await, expected, "{id}");
    }
    assert_eq!(
        app.admin().post(&redeliver, json!({})).await.is(202).body,
        json!({"count": 0, "more": false})
    );
}

#[tokio::test]
async fn a_range_must_make_sense() {
    let (app, path) = given().await;
    given_history(&app).await;
    let before = app.database.dump();
    for (body, field) in [
        (json!({"states": ["pending"]}), "states"),
        (json!({"states": ["failed", "pending"]}), "states"),
        (json!({"states": ["Failed"]}), "states"),
        (json!({"states": ["lost"]}), "states"),
        (json!({"states": []}), "states"),
        (json!({"states": "failed"}), "states"),
        (json!({"since": "2026-04-02T10:00:00Z", "until": "2026-04-02T10:00:00Z"}), "until"),
        (json!({"since": "2026-04-02T10:00:00Z", "until": "2026-04-02T09:00:00Z"}), "until"),
        (json!({"since": "yesterday"}), "since"),
        (json!({"since": ""}), "since"),
        (json!({"since": 1_775_124_000}), "since"),
        (json!({"since": "2026-04-02"}), "since"),
        (json!({"since": "2026-13-02T10:00:00Z"}), "since"),
        (json!({"until": "2026-04-02T25:00:00Z"}), "until"),
        (json!({"until": "-1"}), "until"),
        (json!({"from": "2026-04-02T10:00:00Z"}), "from"),
    ] {
        app.admin().post(&format!("{path}/redeliver"), body).await.names_field(field);
    }
    let all = json!({"since": "x", "states": ["x"], "from": 1, "to": 2});
    let all = app.admin().post(&format!("{path}/redeliver"), all).await;
    all.names_field("since").names_field("states").names_field("from").names_field("to");
    assert_eq!(app.database.dump(), before);
    assert!(app.retries.take().is_empty());
}

#[tokio::test]
async fn a_queue_that_refuses_does_not_undo_the_redelivery_of_a_range() {
    let (app, path) = given().await;
    given_history(&app).await;
    app.retries.refuse(true);
    app.admin().post(&format!("{path}/redeliver"), json!({})).await.is(202);
    app.retries.refuse(false);
    app.wait(60);
    let delivery = app.delivery();
    delivery.sweep().await;
    delivery.retries().await;
    for id in ["e-1", "e-2"] {
        assert_eq!(state(&app, &path, id).await, "delivered", "{id}");
    }
}

#[tokio::test]
async fn nothing_is_sent_again_to_a_disabled_webhook() {
    let (app, path) = given().await;
    given_history(&app).await;
    app.delivery().give_up("e-4", "dead");
    app.database.query(Statement::new("UPDATE webhooks SET status = 'disabled'"));
    let before = app.database.dump();
    single(&app, &path, "e-1").await.is_problem(409, "webhook_disabled");
    app.admin().post(&format!("{path}/redeliver"), json!({})).await.is_problem(409, "webhook_disabled");
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn what_was_delivered_is_sent_again_within_its_day() {
    let (app, path) = given().await;
    let delivery = app.delivery();
    for id in ["e-1", "e-2"] {
        delivery.event("acme-corp", id, "KeyAdded").await;
        app.wait(60);
    }
    delivery.received();
    app.retries.take();
    single(&app, &path, "e-1").await.is(202);
    delivery.retries().await;
    assert_eq!(delivery.received().len(), 1);
    let again = app.admin().get(&format!("{path}/deliveries/e-1")).await;
    assert_eq!(
        (&again.body["state"], &again.body["attempts"][1]["status"]),
        (&json!("delivered"), &json!(200))
    );

    let range = json!({"states": ["delivered"]});
    let answer = app.admin().post(&format!("{path}/redeliver"), range.clone()).await;
    assert_eq!(answer.is(202).body, json!({"count": 2, "more": false}));
    delivery.retries().await;
    delivery.retries().await;
    assert_eq!(delivery.received().len(), 2);
}
