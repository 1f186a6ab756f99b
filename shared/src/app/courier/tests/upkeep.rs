//! Old deliveries, dead letters, and the costs of looking.

use std::time::Duration;

use serde_json::json;

use super::message;
use crate::app::deliveries::LogFilter;
use crate::delivery::DeliveryState;
use crate::ports::Statement;
use crate::store::{deliveries, redelivery, retention, tending, webhook_trouble};
use crate::testing::{Fixture, Reply};
use crate::time::Timestamp;

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
        fixture.courier.deliver_events(&messages).await;
    }
    let last = fixture.app.get_webhook(&acme, &id).await.unwrap().last_delivered_at;
    fixture.database.query(Statement::new(
        "UPDATE deliveries SET state = 'pending', ended_at = NULL WHERE event_id = 'e-0-0'",
    ));
    fixture.clock.advance(DAY * 31);
    fixture.courier.deliver_events(&[message("young", "KeyRemoved", "other")]).await;

    let mut deleted = Vec::new();
    for _ in 0..6 {
        deleted.push(fixture.courier.clean().await.unwrap());
    }

    assert_eq!(deleted.iter().sum::<u64>(), 1_199);
    assert!(deleted.iter().all(|slices| *slices <= 20 * 500), "{deleted:?}");
    let left = fixture.database.query(Statement::new("SELECT event_id FROM deliveries"));
    assert_eq!(left, [json!({"event_id": "e-0-0"})]);
    assert_eq!(
        fixture.app.get_webhook(&acme, &id).await.unwrap().last_delivered_at,
        last,
        "the log is gone, the time is not"
    );
}

#[tokio::test]
async fn dead_letters_are_listed_with_their_reason_and_go_back_to_their_queue() {
    let fixture = Fixture::default();
    let bodies = ["nonsense".to_owned(), message("e-1", "KeyAdded", "acme-corp")];
    fixture.courier.keep_dead_letters(&bodies).await;
    // Handed over once more: written once.
    fixture.courier.keep_dead_letters(&bodies).await;

    let (letters, next) = fixture.app.list_dead_letters(None, 50).await.unwrap();
    assert_eq!((letters.len(), next), (2, None));
    let good = letters.iter().find(|letter| letter.body == bodies[1]).unwrap();
    fixture.app.requeue_dead_letter(good.id).await.unwrap();

    assert_eq!(fixture.events.take()[0].body, bodies[1]);
    let (letters, _) = fixture.app.list_dead_letters(None, 50).await.unwrap();
    assert!(letters.iter().any(|letter| letter.requeued_at.is_some()));
}

#[tokio::test]
async fn a_filter_that_few_match_costs_no_more_than_one_that_all_do() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(404)]);
    for batch in 0..15 {
        let messages: Vec<_> =
            (0..100).map(|index| message(&format!("e-{batch}-{index}"), "KeyAdded", "acme-corp")).collect();
        fixture.courier.deliver_events(&messages).await;
        fixture.clock.advance(Duration::from_secs(1));
    }

    let filter = LogFilter { state: Some(DeliveryState::Failed), ..LogFilter::default() };
    let first = fixture.app.list_deliveries(&acme, &id, filter.clone(), 50).await.unwrap();
    assert!(first.deliveries.is_empty() && first.next.is_some(), "a bounded look, and where to go on");
    let second = fixture
        .app
        .list_deliveries(&acme, &id, LogFilter { cursor: first.next, ..filter }, 50)
        .await
        .unwrap();
    assert_eq!(second.deliveries.len(), 1);
    assert_eq!(second.next, None);

    let mut seen = 0;
    let mut cursor = None;
    loop {
        let filter = LogFilter { cursor, ..LogFilter::default() };
        let page = fixture.app.list_deliveries(&acme, &id, filter, 200).await.unwrap();
        seen += page.deliveries.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, 1_500);
}

/// Each of these runs over tables that grow without end: a search in an index, no scan of a table, no sort.
#[tokio::test]
async fn queries_search_indexes_and_neither_scan_nor_sort() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let now = Timestamp::from_milliseconds(1_000);
    let key = crate::event::message::DeliveryKey::new(&acme, "w", "e");
    let range = crate::event::message::RedeliveryRange {
        webhook: crate::event::message::WebhookKey { org_id: "acme-corp".into(), webhook_id: "w".into() },
        states: vec![DeliveryState::Dead],
        after: (0, String::new()),
        until: 1,
    };
    for (name, statement) in [
        ("log", deliveries::log(&acme, "w", now, &(1, String::new()), 50)),
        ("lease", deliveries::lease(&[&key], now, now, now)),
        ("existing", deliveries::existing_of_events(&[("acme-corp", "e")])),
        ("overdue deliveries", deliveries::overdue(now, now, 10)),
        ("overdue webhooks", tending::overdue(now, now, 10)),
        ("release", tending::release("w", now)),
        ("bury", tending::bury("w", now)),
        ("probe", tending::lease_oldest("w", now, now)),
        ("count of a range", redelivery::count(&acme, "w", 0, 1, &[DeliveryState::Dead])),
        ("slice of a range", redelivery::make_pending(&range, now)),
        ("last of a slice", redelivery::last_of_slice(&range)),
        ("next webhook to clean", retention::next_webhook("")),
        ("old slice", retention::delete_slice("w", now)),
        ("webhook health", webhook_trouble::page((0, 0), 10)),
        ("webhooks", crate::store::webhooks::page(&acme, crate::page::Page { limit: 50, offset: 0 })),
        ("audit log", crate::store::transitions::newest(&acme, None, 50)),
    ] {
        let plan = fixture.database.plan(&statement);
        let by_failures = plan.iter().any(|step| step.contains("deliveries_failed"));
        assert_eq!(by_failures, name.contains("of a "), "{name}: {plan:?}");
        for step in plan {
            let on_table = ["deliveries", "webhooks", "transitions"].iter().any(|table| {
                step == format!("SCAN {table}")
                    || step.starts_with(&format!("SCAN {table} ")) && !step.contains("USING")
            });
            assert!(!on_table && !step.contains("TEMP B-TREE FOR ORDER BY"), "{name}: {step}");
        }
    }
}
