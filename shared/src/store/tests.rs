//! A database that has lived: filled under the first migration, upgraded through all of them, read by today's code.

use serde_json::json;

use crate::api_key::ApiKey;
use crate::app::deliveries::LogFilter;
use crate::app::sealer::secret_context;
use crate::delivery::DeliveryState;
use crate::environment::Environment;
use crate::event::message::RetryMessage;
use crate::page::Page;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::testing::{Fixture, SqliteDatabase, migrations, tenants_migrations};
use crate::webhook::WebhookStatus;

const PAGE: Page = Page { limit: 50, offset: 0 };
const KEY: &str = "3f9a1b2c4d5e6f708192a3b4c5d6e7f80a1b7d4e";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const URL: &str = "https://hooks.example.com/in";
const BODY: &str = r#"{"id":"e-pending","source":"spk.api","detail-type":"KeyAdded","time":"2026-01-01T00:00:00Z","detail":{"partnerId":"acme-corp"}}"#;

/// What the first version writes for one tenant, statement by statement. Frozen: never follow a migration here.
async fn write_as_the_first_version(fixture: &Fixture, org_id: &str, key: &str) {
    let webhook = format!("webhook-of-{org_id}");
    let sealed = fixture.courier.sealer.seal(&secret_context(&webhook), SECRET).await.unwrap();
    let digest = ApiKey::parse(key).unwrap().digest();
    let write = |statement: Statement| drop(fixture.database.query(statement));
    write(
        Statement::new(
            "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES (?1, 'ACME Corporation', 'Owner@acme-corp.com', 1000, 'admin@smartphonekey.com')",
        )
        .bind(org_id),
    );
    write(
        Statement::new(
            "INSERT INTO api_keys (digest, org_id, org_name, prefix, suffix, created_at, created_by) VALUES (?1, ?2, 'ACME Corporation', ?3, ?4, 2000, 'admin@smartphonekey.com')",
        )
        .bind(digest.as_str())
        .bind(org_id)
        .bind(&key[..8])
        .bind(&key[36..]),
    );
    write(
        Statement::new(
            "INSERT INTO webhooks (id, org_id, url, events, status, secret, auth_type, created_at, updated_at, consecutive_failures, last_error_at, last_error_status) VALUES (?1, ?2, ?3, '[\"*\"]', 'active', ?4, 'none', 3000, 3000, 2, 5000, 503)",
        )
        .bind(&webhook)
        .bind(org_id)
        .bind(URL)
        .bind(&sealed),
    );
    for (state, next, ended, body) in [
        ("pending", Some(6000_i64), None, Some(BODY)),
        ("delivered", None, Some(5000_i64), None),
        ("failed", None, Some(5000_i64), Some(BODY)),
        ("dead", None, Some(5000_i64), Some(BODY)),
    ] {
        write(
            Statement::new(
                "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, state, created_at, tries_since, failures, next_attempt_at, ended_at, attempts, body) VALUES (?1, 'e-' || ?2, ?3, 'KeyAdded', ?2, 4000, 4000, 1, ?4, ?5, '[{\"at\":\"1970-01-01T00:00:04.000Z\",\"status\":503,\"durationMilliseconds\":12}]', ?6)",
            )
            .bind(&webhook)
            .bind(state)
            .bind(org_id)
            .bind(next)
            .bind(ended)
            .bind(body),
        );
    }
    for (aggregate, kind) in
        [("tenant", "TenantRegistered"), ("apiKey", "ApiKeyIssued"), ("webhooks", "WebhookCreated")]
    {
        write(
            Statement::new(
                "INSERT INTO transitions (org_id, aggregate, version, kind, at, actor, details) VALUES (?1, ?2, 1, ?3, 1000, 'admin@smartphonekey.com', '{}')",
            )
            .bind(org_id)
            .bind(aggregate)
            .bind(kind),
        );
    }
}

/// A fixture over such a database, every later migration applied.
async fn upgraded() -> Fixture {
    let files = migrations(&tenants_migrations());
    let database = SqliteDatabase::empty();
    database.migrate(&files[0]);
    let fixture = Fixture::over(Environment::Prod, database);
    write_as_the_first_version(&fixture, "acme-corp", KEY).await;
    for file in &files[1..] {
        fixture.database.migrate(file);
    }
    fixture
}

async fn assert_readable(fixture: &Fixture, org_id: &OrgId, key: &str) {
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
    let (transitions, _) = app.list_transitions(org_id, None, 50).await.unwrap();
    assert_eq!(transitions.len(), 3);
}

#[tokio::test]
async fn rows_of_the_first_version_are_read_by_todays_code() {
    let fixture = upgraded().await;
    assert_readable(&fixture, &OrgId::parse("acme-corp").unwrap(), KEY).await;
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

/// While migrations are applied, and until the last old isolate is gone, the version before goes on writing.
#[tokio::test]
async fn the_first_versions_writes_still_work_after_the_upgrade() {
    let fixture = upgraded().await;
    let key = "1111111122222222333333334444444455556666";
    write_as_the_first_version(&fixture, "late-corp", key).await;
    assert_readable(&fixture, &OrgId::parse("late-corp").unwrap(), key).await;
    let taken = fixture.database.query(Statement::new("SELECT COUNT(*) AS total FROM tenants"));
    assert_eq!(taken, [json!({"total": 2})]);
}
