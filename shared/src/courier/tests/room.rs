//! Operators hear of a database that is filling up, and of events that wait on their Queue.

use std::time::Duration;

use serde_json::Value;

use crate::courier::Operators;
use crate::ports::{Backlog, Clock};
use crate::testing::{Fixture, Reply};
use crate::webhook::signing::SigningSecret;

const URL: &str = "https://ops.example.com/";

fn operators() -> Option<Operators> {
    let secret = SigningSecret::generate([3; 32]);
    Some(Operators { url: URL.into(), secret })
}

/// What operators were told by one more cron run.
fn told(fixture: &Fixture) -> Vec<Value> {
    fixture.drive(fixture.courier.watch_room(0, true)).unwrap();
    let received = fixture.endpoints.take();
    received.iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect()
}

fn backlog(fixture: &Fixture, messages: u64, age: u64) {
    let oldest = fixture.clock.now().minus(Duration::from_secs(age));
    fixture.events.set_backlog(Backlog { messages, oldest: Some(oldest) });
}

#[test]
fn operators_hear_once_an_hour_of_a_database_that_is_filling_up() {
    let mut fixture = Fixture::default();
    fixture.courier.operators = operators();
    fixture.database.set_size(7_000_000_000);
    assert_eq!(told(&fixture), Vec::<Value>::new());
    fixture.database.set_size(7_000_000_001);
    let first = told(&fixture);
    assert_eq!(first[0]["type"], "database.filling");
    assert_eq!(first[0]["data"]["bytes"], 7_000_000_001_u64);
    assert_eq!(fixture.log.lines().last().unwrap()["message"], "database is filling up");
    fixture.clock.advance(Duration::from_secs(3_599));
    assert_eq!(told(&fixture), Vec::<Value>::new());
    fixture.clock.advance(Duration::from_secs(1));
    assert_ne!(told(&fixture)[0]["data"]["id"], first[0]["data"]["id"]);
}

#[test]
fn operators_hear_of_many_events_that_wait_and_of_an_old_one() {
    for (messages, age, expected) in [(10_000, 300, 0), (10_001, 0, 1), (1, 301, 1), (0, 301, 0)] {
        let mut fixture = Fixture::default();
        fixture.courier.operators = operators();
        backlog(&fixture, messages, age);
        let told = told(&fixture);
        assert_eq!(told.len(), expected, "{messages} messages, {age} seconds: {told:?}");
        assert!(told.iter().all(|notice| notice["type"] == "queue.backlog"), "{told:?}");
    }
}

#[test]
fn who_did_not_hear_is_told_by_the_next_run_and_without_operators_the_log_has_it() {
    let fixture = Fixture::default();
    backlog(&fixture, 10_001, 0);
    assert_eq!(told(&fixture), Vec::<Value>::new());
    assert_eq!(fixture.log.lines().last().unwrap()["message"], "events wait on the queue");

    let mut fixture = Fixture::default();
    fixture.courier.operators = operators();
    backlog(&fixture, 10_001, 0);
    fixture.endpoints.reply(URL, &[Reply::Status(500)]);
    assert_eq!(told(&fixture).len(), 1);
    assert_eq!(fixture.log.lines().last().unwrap()["message"], "operators not told");
    assert_eq!(told(&fixture).len(), 1);
    assert_eq!(told(&fixture).len(), 0);
}

#[test]
fn a_run_that_is_not_for_the_queue_leaves_the_queue_alone() {
    let mut fixture = Fixture::default();
    fixture.courier.operators = operators();
    fixture.events.refuse(true);
    fixture.drive(fixture.courier.watch_room(1, false)).unwrap();
    assert!(fixture.drive(fixture.courier.watch_room(0, true)).is_err());
}
