//! What the platform allows, and what one webhook may cost the others.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Settlement::{Acknowledge, Retry};
use super::super::{AFTER_OUTAGE, Operators};
use super::{THREE_DAYS, envelope, message, row};
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::DeliveryState;
use crate::event::message::{EventMessage, Notice, RetryMessage, WebhookKey};
use crate::ports::{Clock, Statement};
use crate::testing::{Fixture, Reply, Simulation};
use crate::time::Timestamp;
use crate::webhook::signing::SigningSecret;

const URL: &str = "https://hooks.example.com/in";
const OTHER: &str = "https://hooks.example.com/other";

fn count(fixture: &Fixture, condition: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) AS n FROM deliveries WHERE {condition}");
    fixture.database.query(Statement::new(sql))[0]["n"].as_u64().unwrap()
}

#[tokio::test]
async fn a_batch_of_the_largest_dead_letters_is_kept() {
    let fixture = Fixture::default();
    let letters: Vec<_> = (0..10).map(|index| format!("{index}{}", "\"".repeat(126_000))).collect();

    assert_eq!(fixture.courier.keep_dead_letters(&letters).await, [Acknowledge; 10]);

    assert_eq!(fixture.app.list_dead_letters(None, 50).await.unwrap().0.len(), 10);
}

#[tokio::test]
async fn a_letter_that_comes_back_after_it_was_requeued_is_kept_again() {
    let fixture = Fixture::default();
    let letter = [message("e-1", "KeyAdded", "acme-corp")];
    fixture.courier.keep_dead_letters(&letter).await;
    fixture.app.requeue_dead_letter(1).await.unwrap();

    fixture.courier.keep_dead_letters(&letter).await;

    assert_eq!(fixture.app.list_dead_letters(None, 50).await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn a_body_that_is_not_there_yet_holds_up_no_batch_mate() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let missing = EventMessage::StoredAt("events/e-1/0".into()).encode();

    let settled = fixture.courier.deliver_events(&[missing, message("e-2", "KeyAdded", "acme-corp")]).await;

    assert_eq!(settled, [Retry(Duration::from_secs(30)), Acknowledge]);
    assert_eq!(fixture.endpoints.take().len(), 1);
}
