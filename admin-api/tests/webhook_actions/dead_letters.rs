//! `GET /dead-letters` and `POST /dead-letters/{id}/requeue`

use serde_json::{Value, json};
use shared::event::message::{EventMessage, RetryMessage, WebhookKey};
use shared::ports::Statement;
use shared::shared_text::SharedText;
use shared::tenant::OrgId;
use shared::webhook::id::WebhookId;

use crate::support::TestApp;

/// One that is nothing of ours, one of the events queue, one of the retries queue.
fn letters() -> [SharedText; 3] {
    let envelope = json!({
        "id": "e-1", "source": "spk.api", "detail-type": "KeyAdded", "time": "2026-04-02T10:00:00Z",
        "detail": {"partnerId": "acme-corp"},
    });
    let webhook = WebhookKey {
        org_id: OrgId::parse("acme-corp").unwrap(),
        webhook_id: WebhookId::parse("0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e").unwrap(),
    };
    [
        "nonsense".into(),
        EventMessage::Envelope(envelope.to_string().into()).encode(),
        RetryMessage::Tend(webhook).encode(),
    ]
}

async fn given_letters() -> TestApp {
    let app = TestApp::default();
    for letter in letters() {
        let messages = crate::support::delivery::messages(&app.clock, &[letter]);
        app.delivery().couriers().keep_dead_letters(&messages).await;
        app.wait(1);
    }
    app
}

/// The id of the letter that came as the `number`th, from 1 on.
fn letter_id(app: &TestApp, number: usize) -> String {
    let rows = app.database.query(Statement::new("SELECT id FROM dead_letters ORDER BY sequence"));
    rows[number - 1]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn they_are_listed_newest_first_with_their_reason() {
    let app = given_letters().await;
    let answer = app.admin().get("/dead-letters").await;
    let listed = answer.is(200).body["deadLetters"].as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(|letter| letter["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        (ids, &answer.body["nextCursor"]),
        ([3, 2, 1].map(|number| letter_id(&app, number)).to_vec(), &Value::Null)
    );
    let queues: Vec<_> = listed.iter().map(|letter| letter["queue"].as_str().unwrap()).collect();
    assert_eq!(queues, ["webhook-retries", "webhook-events", "webhook-events"]);
    assert_eq!((&listed[2]["body"], &listed[2]["requeuedAt"]), (&json!("nonsense"), &Value::Null));
    assert!(listed[2]["reason"].as_str().unwrap().contains("undecodable"), "{}", answer.text);
    assert_eq!(listed[2]["receivedAt"], "2026-04-02T10:00:00.000Z");

    let first = app.admin().get("/dead-letters?limit=2").await;
    let second =
        app.admin().get(&format!("/dead-letters?limit=2&cursor={}", first.text_at("nextCursor"))).await;
    assert_eq!(
        (&second.body["deadLetters"][0]["id"], &second.body["nextCursor"]),
        (&json!(letter_id(&app, 1)), &Value::Null)
    );
    for (query, field) in [("limit=0", "limit"), ("cursor=3", "cursor"), ("state=dead", "state")] {
        app.admin().get(&format!("/dead-letters?{query}")).await.names_field(field);
    }
}

#[tokio::test]
async fn each_goes_back_to_its_own_queue() {
    let app = given_letters().await;
    let [_, event, retry] = letters();
    let requeued =
        app.admin().request("POST", &format!("/dead-letters/{}/requeue", letter_id(&app, 2))).send().await;
    assert_eq!(requeued.is(202).body, json!({"success": true, "id": letter_id(&app, 2)}));
    let taken: Vec<_> = app.events.take().into_iter().map(|message| message.body).collect();
    assert_eq!(taken, [event]);
    assert!(app.retries.take().is_empty());
    app.admin()
        .request("POST", &format!("/dead-letters/{}/requeue", letter_id(&app, 3)))
        .send()
        .await
        .is(202);
    let taken: Vec<_> = app.retries.take().into_iter().map(|message| message.body).collect();
    assert_eq!(taken, [retry]);
    assert!(app.events.take().is_empty());

    let listed = app.admin().get("/dead-letters").await;
    let times: Vec<_> = listed.body["deadLetters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|letter| letter["requeuedAt"].is_string())
        .collect();
    assert_eq!(times, [true, true, false]);
    // Once more, should the first have been in vain.
    app.admin()
        .request("POST", &format!("/dead-letters/{}/requeue", letter_id(&app, 2)))
        .send()
        .await
        .is(202);
    assert_eq!(app.events.take().len(), 1);
}

#[tokio::test]
async fn a_queue_that_refuses_is_a_503_and_leaves_no_mark() {
    let app = given_letters().await;
    let before = app.database.dump();
    app.events.refuse(true);
    app.retries.refuse(true);
    for id in [2, 3] {
        let answer = app
            .admin()
            .request("POST", &format!("/dead-letters/{}/requeue", letter_id(&app, id)))
            .send()
            .await;
        answer.is_problem(503, "unavailable");
    }
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn one_that_is_not_there_is_not_found() {
    let app = given_letters().await;
    for id in [
        "0",
        "4",
        "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e",
        "-1",
        "01x",
        "2.0",
        "e",
        "9007199254740992",
        "99999999999999999999",
        "%20",
        "2%20OR%201=1",
    ] {
        let answer = app.admin().request("POST", &format!("/dead-letters/{id}/requeue")).send().await;
        answer.is_problem(404, "dead_letter_not_found");
    }
    assert!(app.events.take().is_empty() && app.retries.take().is_empty());
}
