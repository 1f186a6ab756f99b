//! What is kept of events: how much room it takes, how long it stays, and what can be sent again.

use std::time::Duration;

use serde_json::Value;

use super::{envelope, message, run_retries};
use crate::app::deliveries::LogFilter;
use crate::app::redeliver_range::RequestedRange;
use crate::delivery::policy::Retention;
use crate::delivery::progress::{Origin, Progress};
use crate::delivery::standing::Standing;
use crate::delivery::{Attempt, DeliveryState};
use crate::error::Error;
use crate::event::id::EventId;
use crate::event::message::{EventMessage, WebhookKey};
use crate::ports::{Clock, Database, Statement};
use crate::shared_text::SharedText;
use crate::store::deliveries;
use crate::testing::{Fixture, Reply, Simulation, admins};
use crate::time::Timestamp;

const URL: &str = "https://hooks.example.com/in";
const DAY: Duration = Duration::from_secs(86_400);

fn count(fixture: &Fixture, table: &str) -> u64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    fixture.database.query(Statement::new(sql))[0]["n"].as_u64().unwrap()
}

/// A UUID for this number.
fn uuid(number: u32) -> String {
    EventId::from_random_bytes(
        [number.wrapping_mul(0x9E37_79B9), number, number ^ 0x5bd1_e995, number.wrapping_mul(0x85EB_CA6B)]
            .map(u32::to_be_bytes)
            .concat()
            .try_into()
            .unwrap(),
    )
    .to_string()
}

/// An envelope of about a kilobyte, as the B2C API sends them.
fn kilobyte(id: &str, org_id: &str) -> String {
    let seed = id.bytes().fold(7_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let data: Vec<String> = (0..12)
        .map(|index| format!(r#""field{index}":"{}""#, uuid(seed.wrapping_add(index * 104_729))))
        .collect();
    envelope(id, "KeyAdded", org_id).replace(r#""n":1.50"#, &data.join(","))
}

#[tokio::test]
async fn a_delivered_event_is_looked_at_and_sent_again_for_a_day() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let other = fixture.tenant("other").await;
    let others = fixture.webhook(&other, "https://hooks.example.com/other", &[]).await.webhook_id;
    let (event, mine) = (EventId::parse(&uuid(1)).unwrap(), kilobyte(&uuid(1), "acme-corp"));
    let texts = [&mine, &kilobyte("text-id", "acme-corp"), &kilobyte(&uuid(1), "other")]
        .map(|body| EventMessage::Envelope(body.to_owned().into()).encode());
    fixture.deliver_events(&texts).await;
    assert_eq!((count(&fixture, "delivered_bodies"), count(&fixture, "bodies")), (1, 0));

    let (delivery, body) = fixture.app.get_delivery(&admins(&acme), &id, &event).await.unwrap();
    assert_eq!((delivery.state, body.as_deref()), (DeliveryState::Delivered, Some(mine.as_str())));
    let (_, body) = fixture.app.get_delivery(&admins(&other), &others, &event).await.unwrap();
    assert!(body.unwrap().contains("\"other\""), "of its own tenant");

    fixture.endpoints.take();
    fixture.clock.advance(Duration::from_secs(23 * 3_600));
    fixture.courier.clean().await.unwrap();
    fixture.app.redeliver(&admins(&acme), &id, &event).await.unwrap();
    run_retries(&fixture).await;
    let sent = fixture.endpoints.take();
    assert_eq!(sent.iter().map(|request| request.body.as_ref()).collect::<Vec<_>>(), [mine.as_str()]);
    let (again, _) = fixture.app.get_delivery(&admins(&acme), &id, &event).await.unwrap();
    let statuses: Vec<_> = again.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!((again.state, statuses), (DeliveryState::Delivered, vec![Some(200), Some(200)]));
    assert_eq!(again.attempts[0], delivery.attempts[0], "the first attempt is as it was");

    fixture.clock.advance(Duration::from_secs(2 * 3_600));
    fixture.courier.clean().await.unwrap();
    let text_id = EventId::parse("text-id").unwrap();
    let (_, body) = fixture.app.get_delivery(&admins(&acme), &id, &text_id).await.unwrap();
    assert_eq!(body, None, "its day is over");
    assert_eq!(fixture.app.redeliver(&admins(&acme), &id, &text_id).await, Err(Error::BodyNotKept));
    fixture.clock.advance(DAY);
    fixture.courier.clean().await.unwrap();
    assert_eq!((count(&fixture, "delivered_bodies"), count(&fixture, "bodies")), (0, 0));
}

/// Ids that are UUIDs are kept as bytes, others as text.
#[tokio::test]
async fn an_event_that_comes_twice_is_one_delivery_whatever_its_id() {
    for id in
        [uuid(1), uuid(1).to_uppercase(), "e-1".to_owned(), "7bf7312914284cd3a78095db273d1602".to_owned()]
    {
        let fixture = Fixture::default();
        let acme = fixture.tenant("acme-corp").await;
        fixture.webhook(&acme, URL, &[]).await;
        for _ in 0..3 {
            fixture.deliver_events(&[message(&id, "KeyAdded", "acme-corp")]).await;
        }
        assert_eq!((fixture.endpoints.take().len(), count(&fixture, "deliveries")), (1, 1), "{id}");
        let shown = fixture.database.query(Statement::new("SELECT event_id FROM delivery_log"));
        assert_eq!(shown[0]["event_id"], id);
    }
}

#[tokio::test]
async fn delivered_events_of_a_range_go_out_again_at_the_release_s_pace() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let id = fixture
        .app
        .list_webhooks(&admins(&acme), crate::page::Page { limit: 1, offset: 0 })
        .await
        .unwrap()
        .entries[0]
        .id;
    for batch in 0..8 {
        let texts: Vec<_> = (0..100)
            .map(|index| {
                EventMessage::Envelope(kilobyte(&uuid(batch * 100 + index), "acme-corp").into()).encode()
            })
            .collect();
        fixture.deliver_events(&texts).await;
        fixture.clock.advance(Duration::from_secs(60));
    }
    fixture.endpoints.take();
    let began = fixture.clock.now();
    let requested = RequestedRange {
        since: began.minus(Duration::from_secs(7 * 60 + 30)),
        until: None,
        states: vec![DeliveryState::Delivered],
    };
    let answer = fixture.app.redeliver_range(&admins(&acme), &id, requested).await.unwrap();
    assert_eq!((answer.count, answer.more), (700, false));

    assert!(Simulation::new(&fixture).run(Duration::from_secs(3_600)).await);

    let ids: std::collections::BTreeSet<String> = fixture
        .endpoints
        .take()
        .iter()
        .map(|request| {
            serde_json::from_str::<Value>(&request.body).unwrap()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 700);
    assert!(!ids.contains(&uuid(0)) && ids.contains(&uuid(100)));
    assert_eq!(count(&fixture, "redeliveries"), 0);
    let filter = LogFilter { states: vec![DeliveryState::Pending], ..LogFilter::default() };
    assert!(
        fixture.app.list_deliveries(&admins(&acme), &id, filter, 10).await.unwrap().deliveries.is_empty()
    );
}

#[tokio::test]
async fn what_failed_has_its_body_once_and_packed() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    for _ in 0..20 {
        fixture.webhook(&acme, URL, &[]).await;
    }
    fixture.endpoints.always(URL, Reply::Status(503));
    let body = kilobyte(&uuid(1), "acme-corp");
    fixture.deliver_events(&[EventMessage::Envelope(body.clone().into()).encode()]).await;
    let sql = "SELECT length, typeof(body) AS kind, octet_length(body) AS octets, unpacked(body) AS body FROM bodies";
    let rows = fixture.database.query(Statement::new(sql));
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0]["length"].as_u64(), rows[0]["kind"].as_str()),
        (Some(body.len() as u64), Some("blob"))
    );
    assert_eq!(rows[0]["body"], body);
    assert!(rows[0]["octets"].as_u64().unwrap() < body.len() as u64 * 7 / 10, "{}", rows[0]["octets"]);
}

#[tokio::test]
async fn a_test_event_keeps_its_body_as_long_as_the_log() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let event_type = crate::event::catalogue::EventType::parse("KeyAdded").unwrap();
    let event = fixture.app.test_webhook(&admins(&acme), &id, &event_type).await.unwrap();
    run_retries(&fixture).await;
    fixture.clock.advance(DAY * 29);
    fixture.courier.clean().await.unwrap();
    assert!(fixture.app.get_delivery(&admins(&acme), &id, &event).await.unwrap().1.is_some());
    fixture.clock.advance(DAY * 2);
    fixture.courier.clean().await.unwrap();
    assert_eq!((count(&fixture, "deliveries"), count(&fixture, "bodies")), (0, 0));
}

#[tokio::test]
async fn delivered_and_undelivered_are_kept_each_for_its_own_time() {
    let mut fixture = Fixture::default();
    fixture.courier.policy.retention =
        Retention { delivered: DAY * 2, undelivered: DAY * 20, delivered_bodies: Duration::ZERO };
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.endpoints.reply(URL, &[Reply::Status(410)]);
    fixture.deliver_events(&[message("gone", "KeyAdded", "acme-corp")]).await;
    fixture.database.query(Statement::new(
        "UPDATE webhooks SET status = 'active', disabled_reason = NULL, tend_at = NULL",
    ));
    fixture.deliver_events(&[message("fine", "KeyAdded", "acme-corp")]).await;
    assert_eq!(count(&fixture, "delivered_bodies"), 0, "switched off");
    let last = fixture.app.get_webhook(&admins(&acme), &id).await.unwrap().last_delivered_at;
    fixture.clock.advance(DAY * 3);
    fixture.courier.clean().await.unwrap();
    let left = |fixture: &Fixture| fixture.database.query(Statement::new("SELECT event FROM deliveries"));
    assert_eq!(left(&fixture), [serde_json::json!({"event": "gone"})]);
    assert_eq!(fixture.app.get_webhook(&admins(&acme), &id).await.unwrap().last_delivered_at, last);
    fixture.clock.advance(DAY * 18);
    fixture.courier.clean().await.unwrap();
    assert_eq!((left(&fixture).len(), count(&fixture, "bodies")), (0, 0));
}

#[tokio::test]
async fn cleaning_keeps_up_with_many_webhooks_and_with_a_busy_one() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    fixture.database.query(Statement::new("INSERT INTO event_types (name) VALUES ('KeyAdded')"));
    // A busy webhook with 60,000 old deliveries, and 4,000 webhooks, deleted long ago, with one each.
    let fill = |webhook: &str, most: u32| {
        fixture.database.query(Statement::new(format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) \
             INSERT INTO deliveries (webhook, event, event_type, stage, created_at, waited, status, milliseconds) \
             SELECT {webhook}, unhex(printf('%032x', i * 7919)), 1, 0, i, 1, 200, 20 FROM n"
        )));
    };
    fill("1", 60_000);
    fill("100 + i", 4_000);
    let mut runs = 0;
    while count(&fixture, "deliveries") > 0 {
        fixture.courier.clean().await.unwrap();
        runs += 1;
        assert!(runs <= 2, "a minute's run deletes hundreds of thousands");
    }
    assert!(fixture.app.get_webhook(&admins(&acme), &id).await.unwrap().last_delivered_at.is_some());
}

/// What a batch of this time has delivered at once.
fn delivered(webhook: &WebhookKey, number: u32, at: Timestamp) -> Progress {
    let attempt = Attempt {
        at: at.plus(Duration::from_millis(u64::from(number % 300))),
        status: Some([200, 202, 204][number as usize % 3]),
        duration_milliseconds: 20 + u64::from(number % 400),
        error: None,
        excerpt: None,
    };
    Progress {
        key: webhook.clone().delivery(EventId::parse(&uuid(number)).unwrap()),
        event_type: ["KeyAdded", "KeyRemoved", "LockCreated"][number as usize % 3].to_owned(),
        standing: Standing::delivered(0, attempt.ended_at()),
        attempt: Some(attempt),
        origin: Origin::Fresh { at },
        body: None,
    }
}

/// Filled by the real statements; the sizes are those of the file (`page_count`), indexes included.
#[tokio::test]
async fn a_delivered_delivery_takes_ninety_bytes_and_two_rows_and_its_body_for_a_day_four_hundred() {
    const EVENTS: u32 = 200_000;
    const BODIES: u32 = 5_000;
    let fixture = Fixture::default();
    let (mut tenants, mut webhooks) = (Vec::new(), Vec::new());
    for index in 0..50 {
        let tenant = fixture.tenant(&format!("tenant-{index}")).await;
        let id =
            fixture.webhook(&tenant, &format!("https://hooks.example.com/{index}"), &[]).await.webhook_id;
        webhooks.push(WebhookKey::new(&tenant, &id));
        tenants.push(tenant.to_string());
    }
    let bytes = |fixture: &Fixture| {
        let pages = "SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size";
        fixture.database.query(Statement::new(pages))[0]["n"].as_u64().unwrap()
    };
    let empty = bytes(&fixture);
    let deliver = |numbers: std::ops::Range<u32>| -> Vec<SharedText> {
        let text = |number: u32| kilobyte(&uuid(number), &tenants[number as usize % tenants.len()]);
        numbers.map(|number| EventMessage::Envelope(text(number).into()).encode()).collect()
    };
    // By the statement that writes what batches deliver; the log's other statements see the same rows.
    for first in (0..EVENTS).step_by(100) {
        let at = fixture.clock.now();
        let progress: Vec<Progress> = (first..first + 100)
            .map(|number| delivered(&webhooks[number as usize % 50], number, at))
            .collect();
        fixture.database.batch(deliveries::write(&progress)).await.unwrap();
        fixture.clock.advance(Duration::from_millis(1_000));
    }
    assert_eq!(count(&fixture, "deliveries"), u64::from(EVENTS));
    let narrow = (bytes(&fixture) - empty) as f64 / f64::from(EVENTS);
    println!("a delivered delivery: {narrow:.1} bytes");
    assert!(narrow <= 90.0, "{narrow}");

    let before = bytes(&fixture);
    for first in (EVENTS..EVENTS + BODIES).step_by(100) {
        fixture.drive(fixture.couriers().deliver_events(&fixture.messages(&deliver(first..first + 100))));
        fixture.endpoints.take();
        fixture.clock.advance(Duration::from_millis(1_000));
    }
    let bodies = (bytes(&fixture) - before) as f64 / f64::from(BODIES) - narrow;
    let rows = count(&fixture, "delivered_bodies") as f64 / f64::from(BODIES);
    println!("its body for a day: {bodies:.1} bytes, {:.3} rows written", rows * 2.0);
    assert!(bodies <= 400.0 && rows * 2.0 <= 0.1, "{bodies} {rows}");
}
