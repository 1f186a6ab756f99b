//! Messages that no consumer could handle: kept, and put back.

use std::time::Duration;

use super::super::Settlement::{Acknowledge, Retry};
use super::{envelope, message, row};
use crate::dead_letter::DeadLetterId;
use crate::ports::Statement;
use crate::testing::Fixture;

const URL: &str = "https://hooks.example.com/in";

/// The letters' ids, in the order in which they came.
fn letter_ids(fixture: &Fixture) -> Vec<DeadLetterId> {
    let rows = fixture.database.query(Statement::new("SELECT id FROM dead_letters ORDER BY sequence"));
    rows.iter().map(|row| DeadLetterId::parse(row["id"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_batch_of_the_largest_dead_letters_is_kept() {
    let fixture = Fixture::default();
    let letters: Vec<_> = (0..10).map(|index| format!("{index}{}", "\"".repeat(126_000))).collect();

    assert_eq!(fixture.couriers().keep_dead_letters(&fixture.messages(&letters)).await, [Acknowledge; 10]);

    assert_eq!(fixture.apps().list_dead_letters(None, 50).await.unwrap().0.len(), 10);
}

#[tokio::test]
async fn a_large_dead_letter_brings_its_body_along_and_is_requeued_without_the_store() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let large = format!("\"{}\"", "x".repeat(900_000));
    let body = envelope("e-1", "KeyAdded", "acme-corp").replace("1.50", &large);
    fixture.couriers().publish(&body).await.unwrap();
    let letter = fixture.events.take().remove(0).body;
    fixture.couriers().keep_dead_letters(&fixture.messages(&[letter.clone(), letter])).await;
    let (letters, _) = fixture.apps().list_dead_letters(None, 50).await.unwrap();
    assert_eq!((letters.len(), letters[0].envelope.as_deref()), (1, Some(body.as_str())));
    // Weeks later.
    fixture.bodies.clear();

    fixture.app.requeue_dead_letter(letters[0].id).await.unwrap();
    let requeued: Vec<_> = fixture.events.take().into_iter().map(|message| message.body).collect();
    assert_eq!(fixture.deliver_events(&requeued).await, [Acknowledge]);

    assert_eq!(fixture.endpoints.take()[0].body.as_ref(), body);
    assert_eq!(row(&fixture, &id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn dead_letters_outlast_a_day_without_a_database() {
    let fixture = Fixture::default();
    fixture.database.fail(Some("gone"));

    let settled = fixture.couriers().keep_dead_letters(&fixture.messages(&["x".to_owned()])).await;

    // The most retries that a Queue allows.
    assert!(
        matches!(settled[..], [Retry(delay)] if delay * 100 >= Duration::from_secs(86_400)),
        "{settled:?}"
    );
}

#[tokio::test]
async fn a_letter_that_comes_back_after_it_was_requeued_is_kept_again() {
    let fixture = Fixture::default();
    let letter = [message("e-1", "KeyAdded", "acme-corp")];
    fixture.couriers().keep_dead_letters(&fixture.messages(&letter)).await;
    fixture.app.requeue_dead_letter(letter_ids(&fixture)[0]).await.unwrap();

    fixture.couriers().keep_dead_letters(&fixture.messages(&letter)).await;

    assert_eq!(fixture.apps().list_dead_letters(None, 50).await.unwrap().0.len(), 2);
}

#[tokio::test]
async fn a_letter_whose_envelope_cannot_be_read_now_waits() {
    let fixture = Fixture::default();
    fixture.tenant("acme-corp").await;
    let large = format!("\"{}\"", "x".repeat(900_000));
    fixture
        .couriers()
        .publish(&envelope("e-1", "KeyAdded", "acme-corp").replace("1.50", &large))
        .await
        .unwrap();
    let letter = [fixture.events.take().remove(0).body];
    fixture.bodies.fail(true);
    let settled = fixture.couriers().keep_dead_letters(&fixture.messages(&letter)).await;
    assert!(matches!(settled[..], [Retry(_)]), "{settled:?}");
    fixture.bodies.fail(false);

    assert_eq!(fixture.couriers().keep_dead_letters(&fixture.messages(&letter)).await, [Acknowledge]);

    assert!(fixture.apps().list_dead_letters(None, 50).await.unwrap().0[0].envelope.is_some());
}

#[tokio::test]
async fn dead_letters_end_thirty_days_after_they_were_requeued_and_ninety_after_they_came() {
    let fixture = Fixture::default();
    let day = Duration::from_secs(86_400);
    let letters: Vec<_> = (0..3).map(|id| message(&format!("e-{id}"), "KeyAdded", "acme-corp")).collect();
    let left = || fixture.database.query(Statement::new("SELECT id FROM dead_letters")).len();
    fixture.couriers().keep_dead_letters(&fixture.messages(&letters)).await;
    let ids = letter_ids(&fixture);
    fixture.app.requeue_dead_letter(ids[0]).await.unwrap();
    for (days, then, expected) in [(29, None, 3), (2, None, 2), (58, Some(1), 2), (2, None, 1), (29, None, 0)]
    {
        fixture.clock.advance(day * days);
        if let Some(id) = then {
            fixture.app.requeue_dead_letter(ids[id]).await.unwrap();
        }
        fixture.drive(fixture.courier.clean()).unwrap();
        assert_eq!(left(), expected, "{days} more days");
    }
}
