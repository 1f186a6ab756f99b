//! The Queues' consumer: each batch goes to the use case of its queue, and every message is settled by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use shared::courier::Settlement::{self, Acknowledge, Retry};
use shared::event::message::EventMessage;
use shared::ports::Statement;
use shared::testing::Reply;
use webhook_delivery::consume::ConsumedQueue::{DeadLetters, Events, Retries};
use webhook_delivery::consume::{ConsumedQueue, consume, postpone};
use webhook_delivery::cron;

use crate::support::{TestApp, envelope};

const URL: &str = "https://hooks.acme-corp.com/in";

/// The Worker with a tenant that has one webhook.
async fn with_a_webhook() -> TestApp {
    let app = TestApp::default();
    let acme = app.tenant("acme-corp").await;
    app.webhook(&acme, URL, &[]).await;
    app
}

fn event(id: &str) -> String {
    EventMessage::Envelope(envelope(id).to_string().into()).encode().to_string()
}

/// The ids of the events that endpoints were sent since the last call.
fn sent(app: &TestApp) -> Vec<String> {
    let requests = app.endpoints.take();
    let id = |headers: &[(String, String)]| {
        headers.iter().find(|(name, _)| name == "webhook-id").map(|(_, value)| value.clone())
    };
    requests.iter().filter_map(|request| id(&request.headers)).collect()
}

fn dead_letters(app: &TestApp) -> Vec<Value> {
    app.database.query(Statement::new("SELECT queue, body FROM dead_letters ORDER BY id"))
}

#[tokio::test]
async fn each_queue_has_its_own_use_case() {
    let app = with_a_webhook().await;
    app.endpoints.reply(URL, &[Reply::Status(500)]);
    assert_eq!(app.consume(Events, &[event("e-1")]).await, [Acknowledge]);
    assert_eq!(sent(&app), ["e-1"]);

    let retries: Vec<String> =
        app.retries.take().into_iter().map(|message| message.body.to_string()).collect();
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.consume(Retries, &retries).await, vec![Acknowledge; retries.len()]);
    assert_eq!(sent(&app), ["e-1"]);

    assert_eq!(app.consume(DeadLetters, &[event("e-2")]).await, [Acknowledge]);
    assert!(sent(&app).is_empty());
    assert_eq!(dead_letters(&app)[0]["body"], event("e-2"));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_disturb_its_batch_mates() {
    // A body that is no text arrives as the empty text.
    let unreadable = ["", "{}", "[1", "null", r#"{"version":2,"envelope":"{}"}"#];
    for place in 0..=2 {
        for bad in unreadable {
            let app = with_a_webhook().await;
            let mut messages = vec![event("e-1"), event("e-2")];
            messages.insert(place, bad.to_owned());
            let settlements = app.consume(Events, &messages).await;
            let mut expected = vec![Acknowledge; 2];
            expected.insert(place, Retry(Duration::from_secs(2)));
            assert_eq!(settlements, expected, "{bad:?} at {place}");
            assert_eq!(BTreeSet::from_iter(sent(&app)), BTreeSet::from(["e-1".into(), "e-2".into()]));
        }
    }
}

#[tokio::test]
async fn among_retries_and_dead_letters_too_each_message_has_its_settlement() {
    let app = with_a_webhook().await;
    app.endpoints.reply(URL, &[Reply::Status(500)]);
    app.consume(Events, &[event("e-1")]).await;
    sent(&app);
    app.clock.advance(Duration::from_secs(60));
    let mut messages = vec![String::new()];
    messages.extend(app.retries.take().into_iter().map(|message| message.body.to_string()));
    let settlements = app.consume(Retries, &messages).await;
    assert_eq!(settlements[0], Retry(Duration::from_secs(2)));
    assert_eq!(settlements[1..], vec![Acknowledge; messages.len() - 1]);
    assert_eq!(sent(&app), ["e-1"]);

    let messages = [String::new(), "{}".to_owned(), event("e-2")];
    assert_eq!(app.consume(DeadLetters, &messages).await, [Acknowledge; 3]);
    assert_eq!(dead_letters(&app).len(), 3, "what nobody can read is kept, too");
}

#[tokio::test]
async fn an_unknown_queue_is_an_error_in_the_log_and_none_of_its_messages_is_acknowledged() {
    for name in [
        "webhook-events-",
        "webhook-events-two",
        "webhook-events2",
        "WEBHOOK-EVENTS",
        "webhook-events ",
        "events",
        "",
    ] {
        let app = with_a_webhook().await;
        app.database.take_round_trips();
        let messages = [event("e-1"), String::new(), event("e-2")];
        let settlements = consume(app.delivery.clone(), name, &app.messages(&messages)).await;
        assert_eq!(settlements, [Retry(Duration::from_secs(60)); 3], "{name:?}");
        assert!(sent(&app).is_empty() && dead_letters(&app).is_empty());
        assert_eq!(app.database.take_round_trips(), 0);
        let lines = app.log.lines();
        let said = lines.iter().find(|line| line["message"] == "unknown queue").expect("a line");
        assert_eq!((&said["level"], &said["queue"]), (&json!("error"), &json!(name)));
        assert_eq!(said["messages"], 3);
    }
}

#[tokio::test]
async fn a_database_that_is_away_has_every_message_handed_over_again() {
    let app = with_a_webhook().await;
    app.endpoints.reply(URL, &[Reply::Status(500)]);
    app.consume(Events, &[event("e-1")]).await;
    let retries: Vec<String> =
        app.retries.take().into_iter().map(|message| message.body.to_string()).collect();
    app.clock.advance(Duration::from_secs(60));
    app.database.fail(Some("overloaded"));
    let is_retry = |settlement: &Settlement| matches!(settlement, Retry(_));
    for (queue, messages) in
        [(Events, vec![event("e-2"), event("e-3")]), (Retries, retries), (DeadLetters, vec![event("e-4")])]
    {
        let settlements = app.consume(queue, &messages).await;
        assert_eq!(settlements.len(), messages.len(), "{queue:?}");
        assert!(!messages.is_empty() && settlements.iter().all(is_retry), "{queue:?}: {settlements:?}");
    }
}

#[tokio::test]
async fn a_batch_has_one_line_that_says_what_it_cost() {
    let app = with_a_webhook().await;
    app.consume(Events, &[event("e-1"), event("e-2"), String::new()]).await;
    let lines = app.log.lines();
    let batches: Vec<_> = lines.iter().filter(|line| line["message"] == "batch").collect();
    let [line] = batches[..] else { panic!("{batches:?}") };
    assert_eq!(line["queue"], "webhook-events");
    assert_eq!((&line["messages"], &line["acknowledged"]), (&json!(3), &json!(2)));
    assert_eq!(line["d1RoundTrips"], 2);
    for counted in ["milliseconds", "d1RowsRead", "d1RowsWritten"] {
        assert!(line[counted].is_u64(), "{counted} of {line}");
    }
}

#[test]
fn while_the_configuration_is_not_sound_every_message_waits() {
    for name in ["webhook-events", "webhook-retries", "anything"] {
        assert_eq!(postpone(name), Retry(Duration::from_secs(60)), "{name}");
    }
    // The last queue of all: a hundred retries then last a day.
    assert_eq!(postpone("webhook-dead-letters"), Retry(Duration::from_secs(900)));
}

/// Every queue that wrangler.toml makes the Worker a consumer of, in all environments.
#[test]
fn the_consumed_queues_are_those_of_the_configuration() {
    let configuration = include_str!("../wrangler.toml");
    let consumers = configuration.split("queues.consumers]]\n").skip(1);
    let name = |section: &'static str| section.strip_prefix("queue = \"")?.split('"').next();
    let configured: Vec<&str> =
        consumers.map(|section| name(section).expect("a queue comes first")).collect();
    let known: BTreeSet<&str> = ConsumedQueue::ALL.map(ConsumedQueue::name).into();
    assert_eq!(configured.len(), 5 * known.len(), "locally and in four environments");
    assert_eq!(BTreeSet::from_iter(configured), known);
    for queue in ConsumedQueue::ALL {
        assert_eq!(ConsumedQueue::named(queue.name()), Some(queue));
    }
}

#[tokio::test]
async fn a_cron_run_that_fails_says_so_in_the_log_and_goes_on() {
    let app = with_a_webhook().await;
    app.drive(cron::run(app.delivery.clone()));
    assert!(!app.log.dump().contains("cron run failed"));
    app.database.fail(Some("overloaded"));
    app.drive(cron::run(app.delivery.clone()));
    let failed = app.log.lines().into_iter().filter(|line| line["message"] == "cron run failed");
    // The look at what is filling up, the sweep and the cleaning; sealing anew asks for nothing while no key is being rotated.
    let failed: Vec<Value> = failed.collect();
    assert_eq!(failed.len(), 3);
    assert!(failed.iter().all(|line| line["level"] == "error" && line["detail"].is_string()));
}
