//! Old deliveries, dead letters, and the costs of looking.

use std::time::Duration;

use serde_json::json;

use super::message;
use crate::app::deliveries::LogFilter;
use crate::delivery::DeliveryState;
use crate::ports::Statement;
use crate::testing::{Fixture, Reply, admins};

const URL: &str = "https://hooks.example.com/in";
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn deliveries_older_than_thirty_days_go_in_slices_and_pending_ones_stay() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    for batch in 0..12 {
        let messages: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.deliver_events(&messages).await;
    }
    let last = fixture.app.get_webhook(&admins(&acme), &id).await.unwrap().last_delivered_at;
    fixture.database.query(Statement::new(
        "UPDATE delivery_log SET stage = 'scheduled', next_attempt_at = 253402300799999, ended_at = NULL WHERE event_id = 'e-0-0'",
    ));
    fixture.clock.advance(DAY * 31);
    fixture.deliver_events(&[message("young", "KeyRemoved", "other")]).await;

    let mut deleted = Vec::new();
    for _ in 0..6 {
        deleted.push(fixture.courier.clean().await.unwrap());
    }

    assert_eq!(deleted.iter().sum::<u64>(), 1_199);
    assert!(deleted.iter().all(|slices| *slices <= 20 * 500), "{deleted:?}");
    let left = fixture.database.query(Statement::new("SELECT event_id FROM delivery_log"));
    assert_eq!(left, [json!({"event_id": "e-0-0"})]);
    assert_eq!(
        fixture.app.get_webhook(&admins(&acme), &id).await.unwrap().last_delivered_at,
        last,
        "the log is gone, the time is not"
    );
}

#[tokio::test]
async fn dead_letters_are_listed_with_their_reason_and_go_back_to_their_queue() {
    let fixture = Fixture::default();
    let bodies = ["nonsense".to_owned(), message("e-1", "KeyAdded", "acme-corp")];
    fixture.couriers().keep_dead_letters(&fixture.messages(&bodies)).await;
    // Handed over once more: written once.
    fixture.couriers().keep_dead_letters(&fixture.messages(&bodies)).await;

    let (letters, next) = fixture.apps().list_dead_letters(None, 50).await.unwrap();
    assert_eq!((letters.len(), next), (2, None));
    let good = letters.iter().find(|letter| letter.body == bodies[1]).unwrap();
    fixture.app.requeue_dead_letter(good.id).await.unwrap();

    assert_eq!(*fixture.events.take()[0].body, bodies[1]);
    let (letters, _) = fixture.apps().list_dead_letters(None, 50).await.unwrap();
    assert!(letters.iter().any(|letter| letter.requeued_at.is_some()));
}

#[tokio::test]
async fn one_failure_among_many_deliveries_is_on_the_first_page_and_an_event_type_is_looked_for_in_bounded_steps()
 {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(410)]);
    fixture.deliver_events(&[message("gone", "LockCreated", "acme-corp")]).await;
    fixture.database.query(Statement::new(
        "UPDATE webhooks SET status = 'active', disabled_reason = NULL, tend_at = NULL",
    ));
    for batch in 0..15 {
        fixture.clock.advance(Duration::from_secs(1));
        let messages: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.deliver_events(&messages).await;
    }

    let filter =
        LogFilter { states: vec![DeliveryState::Failed, DeliveryState::Dead], ..LogFilter::default() };
    let page = fixture.app.list_deliveries(&admins(&acme), &id, filter, 50).await.unwrap();
    assert_eq!((page.deliveries.len(), page.next), (1, None));

    let filter = LogFilter { event_type: Some("LockCreated".into()), ..LogFilter::default() };
    let first = fixture.app.list_deliveries(&admins(&acme), &id, filter.clone(), 50).await.unwrap();
    assert!(first.deliveries.is_empty() && first.next.is_some(), "a bounded look, and where to go on");
    let second = LogFilter { cursor: first.next, ..filter };
    let second = fixture.app.list_deliveries(&admins(&acme), &id, second, 50).await.unwrap();
    assert_eq!((second.deliveries.len(), second.next), (1, None));

    let mut seen = 0;
    let mut cursor = None;
    loop {
        let filter = LogFilter { cursor, ..LogFilter::default() };
        let page = fixture.app.list_deliveries(&admins(&acme), &id, filter, 200).await.unwrap();
        seen += page.deliveries.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, 1_501);
}
