//! A database that has lived: filled under the first migration, upgraded through all of them, read by today's code.

mod first_version;

use crate::api_key::ApiKey;
use crate::app::deliveries::LogFilter;
use crate::delivery::DeliveryState;
use crate::environment::Environment;
use crate::event::message::RetryMessage;
use crate::page::Page;
use crate::tenant::OrgId;
use crate::testing::{Fixture, SqliteDatabase, migrations, tenants_migrations};
use crate::webhook::WebhookStatus;

const PAGE: Page = Page { limit: 50, offset: 0 };
const KEY: &str = "3f9a1b2c4d5e6f708192a3b4c5d6e7f80a1b7d4e";
const LATE_KEY: &str = "1111111122222222333333334444444455556666";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const URL: &str = "https://hooks.example.com/in";
const BODY: &str = r#"{"id":"e-pending","source":"spk.api","detail-type":"KeyAdded","time":"2026-01-01T00:00:00Z","detail":{"partnerId":"acme-corp"}}"#;

/// A fixture over such a database, every later migration applied.
async fn upgraded() -> Fixture {
    let files = migrations(&tenants_migrations());
    let database = SqliteDatabase::empty();
    database.migrate(&files[0]);
    let fixture = Fixture::over(Environment::Prod, database);
    first_version::write(&fixture, "acme-corp", KEY).await;
    for file in &files[1..] {
        fixture.database.migrate(file);
    }
    fixture
}

async fn assert_readable(fixture: &Fixture, org_id: &OrgId, key: &str, transitions: usize) {
    let app = &fixture.app;
    let webhook = format!("webhook-of-{org_id}");
    let tenant = app.get_tenant(org_id).await.unwrap();
    assert_eq!((tenant.org_name.as_str(), tenant.webhook_count), ("ACME Corporation", 1));
    assert_eq!(app.list_api_keys(org_id, PAGE).await.unwrap().total, 1);
    let partner = app.authenticate_partner(&ApiKey::parse(key).unwrap()).await.unwrap();
    assert_eq!(partner.map(|partner| partner.org_id), Some(org_id.clone()));

    let webhooks = app.list_webhooks(org_id, PAGE).await.unwrap();
    assert_eq!((webhooks.total, webhooks.entries[0].status), (1, WebhookStatus::Active));
    assert_eq!(webhooks.entries[0].last_error_status, Some(503));
    let log = app.list_deliveries(org_id, &webhook, LogFilter::default(), 50).await.unwrap();
    assert_eq!(log.deliveries.len(), 4);
    assert!(log.deliveries.iter().all(|delivery| delivery.attempts[0].status == Some(503)));
    let (failed, body) = app.get_delivery(org_id, &webhook, "e-failed").await.unwrap();
    assert_eq!((failed.state, body.as_deref()), (DeliveryState::Failed, Some(BODY)));
    let (listed, _) = app.list_transitions(org_id, None, 50).await.unwrap();
    assert_eq!(listed.len(), transitions);
}

#[tokio::test]
async fn rows_of_the_first_version_are_read_by_todays_code() {
    let fixture = upgraded().await;
    assert_readable(&fixture, &OrgId::parse("acme-corp").unwrap(), KEY, 3).await;
}

#[tokio::test]
async fn what_was_pending_at_the_upgrade_is_delivered_and_what_had_ended_can_be_redelivered() {
    let fixture = upgraded().await;
    let acme = OrgId::parse("acme-corp").unwrap();
    fixture.clock.set(crate::time::Timestamp::from_milliseconds(600_000));

    assert_eq!(fixture.courier.sweep().await.unwrap(), 1);
    fixture.app.redeliver(&acme, "webhook-of-acme-corp", "e-dead").await.unwrap();
    let messages: Vec<String> = fixture.retries.take().into_iter().map(|message| message.body).collect();
    assert_eq!(
        messages
            .iter()
            .filter(|body| matches!(RetryMessage::decode(body), Ok(RetryMessage::Deliver(_))))
            .count(),
        2
    );
    fixture.courier.deliver_retries(&messages).await;

    assert_eq!(fixture.endpoints.take().len(), 2);
    for event in ["e-pending", "e-dead"] {
        let (delivery, _) = fixture.app.get_delivery(&acme, "webhook-of-acme-corp", event).await.unwrap();
        assert_eq!(delivery.state, DeliveryState::Delivered, "{event}");
    }
}

/// While migrations are applied, and until the last old isolate is gone, the version before goes on working; and what it
/// wrote after any of them is there after all of them.
#[tokio::test]
async fn the_first_version_works_on_after_each_migration() {
    let files = migrations(&tenants_migrations());
    for applied in 1..=files.len() {
        let fixture = Fixture::over(Environment::Prod, SqliteDatabase::empty());
        fixture.database.migrate(&files[0]);
        first_version::write(&fixture, "acme-corp", KEY).await;
        for file in &files[1..applied] {
            fixture.database.migrate(file);
        }
        first_version::write(&fixture, "late-corp", LATE_KEY).await;
        for (org_id, key) in [("acme-corp", KEY), ("late-corp", LATE_KEY)] {
            first_version::works_on(&fixture, org_id, key);
        }
        for file in &files[applied..] {
            fixture.database.migrate(file);
        }
        for (org_id, key) in [("acme-corp", KEY), ("late-corp", LATE_KEY)] {
            assert_readable(&fixture, &OrgId::parse(org_id).unwrap(), key, 4).await;
        }
    }
}
