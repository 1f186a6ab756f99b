//! `WEBHOOK_SECRETS_KEY` is rotated: the cron run seals what the previous key sealed, and nothing else happens.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::message;
use crate::app::change_webhook::RequestedChange;
use crate::app::webhook_authentication::RequestedAuthentication;
use crate::ports::{Clock, Statement};
use crate::sealer::{Sealer, SealingKey};
use crate::store::secrets::{self, Rotation};
use crate::tenant::OrgId;
use crate::testing::{AesGcm, Crash, Fixture, SeededRandom, admins};
use crate::webhook::authentication::Authentication;
use crate::webhook::id::WebhookId;
use crate::webhook::signing::secret_context;

const URL: &str = "https://hooks.example.com/in";
const DAY: Duration = Duration::from_secs(86_400);
/// What the key of [`Fixture`] is made of, and what comes after it.
const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];

fn sealer(current: [u8; 32], previous: Option<[u8; 32]>) -> Sealer {
    let random = Arc::new(SeededRandom::new(u64::from(current[0])));
    let key = |bytes| SealingKey::of(secrecy::SecretBox::new(Box::new(bytes)));
    Sealer::new(key(current), previous.map(key), Arc::new(AesGcm), random)
}

/// The delivery Worker gets the new key, with the old one as the previous.
fn rotate_key(fixture: &mut Fixture) {
    fixture.courier.sealer = sealer(NEW, Some(OLD));
}

/// Every sealed value there is.
fn sealed(fixture: &Fixture) -> Vec<String> {
    let statement = Statement::new(
        "SELECT secret AS value FROM webhooks \
         UNION ALL SELECT j.value ->> 'secret' FROM webhooks, json_each(previous_secrets) AS j \
         UNION ALL SELECT auth_token FROM webhooks",
    );
    let rows = fixture.database.query(statement);
    rows.iter().filter_map(|row| row["value"].as_str().map(str::to_owned)).collect()
}

fn sealed_with(fixture: &Fixture, key: [u8; 32]) -> usize {
    let beginning = sealer(key, Some(OLD)).rotating_to().unwrap();
    sealed(fixture).iter().filter(|value| value.starts_with(&beginning)).count()
}

/// What the last run logged: webhooks written, webhooks left.
fn last_line(fixture: &Fixture) -> (Value, Value) {
    let lines = fixture.log.lines();
    let line = lines.iter().rfind(|line| line["message"] == "secrets sealed anew").unwrap();
    (line["webhooks"].clone(), line["left"].clone())
}

/// A webhook with all three values: a secret, the one before in its overlap of a day, and a token.
async fn webhook_with_everything(fixture: &Fixture, org_id: &OrgId) -> WebhookId {
    let id = fixture.webhook(org_id, URL, &[]).await.webhook_id;
    let auth = RequestedAuthentication { authentication: Authentication::BearerToken, token: None };
    let change = RequestedChange { auth: Some(auth), ..RequestedChange::default() };
    fixture.app.change_webhook(&admins(org_id), &id, change).await.unwrap();
    fixture.app.rotate_webhook_secret(&admins(org_id), &id, None, DAY).await.unwrap();
    id
}

/// Signature and authorization of a delivery's one request.
async fn deliver(fixture: &Fixture, event: &str) -> Vec<String> {
    fixture.deliver_events(&[message(event, "KeyAdded", "acme-corp")]).await;
    let requests = fixture.endpoints.take();
    assert_eq!(requests.len(), 1, "{event}");
    let headers = requests[0].headers.iter();
    let telling = headers.filter(|(name, _)| name.to_lowercase() == "authorization");
    let mut values: Vec<_> = telling.map(|(_, value)| value.clone()).collect();
    let signature = requests[0].headers.iter().find(|(name, _)| name == "webhook-signature").unwrap();
    values.extend(signature.1.split(' ').map(str::to_owned));
    values
}

#[tokio::test]
async fn without_a_previous_key_nothing_is_asked_and_nothing_said() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    webhook_with_everything(&fixture, &acme).await;
    fixture.database.take_round_trips();

    assert_eq!(fixture.courier.seal_anew().await, Ok(0));

    assert_eq!(fixture.database.take_round_trips(), 0);
    assert!(fixture.log.lines().iter().all(|line| line["message"] != "secrets sealed anew"));
}

#[tokio::test]
async fn everything_is_sealed_anew_and_delivery_goes_on_without_the_previous_key() {
    let mut fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    webhook_with_everything(&fixture, &acme).await;
    assert_eq!(deliver(&fixture, "e-1").await.len(), 3, "a token and two signatures");
    let before = fixture.database.query(Statement::new("SELECT * FROM webhooks"));
    rotate_key(&mut fixture);
    fixture.database.take_round_trips();

    assert_eq!(fixture.courier.seal_anew().await, Ok(1));
    assert_eq!(last_line(&fixture), (json!(1), json!(0)));
    assert_eq!(fixture.database.take_round_trips(), 2);
    assert_eq!(sealed_with(&fixture, NEW), 3);

    // Once more: one look, no write.
    let sealed_once = sealed(&fixture);
    assert_eq!(fixture.courier.seal_anew().await, Ok(0));
    assert_eq!(last_line(&fixture), (json!(0), json!(0)));
    assert_eq!(fixture.database.take_round_trips(), 1);
    assert_eq!(sealed(&fixture), sealed_once);

    fixture.courier.sealer = sealer(NEW, None);
    assert_eq!(deliver(&fixture, "e-2").await.len(), 3);
    let after = fixture.database.query(Statement::new("SELECT * FROM webhooks"));
    for (column, value) in before[0].as_object().unwrap() {
        let is_sealed = ["secret", "previous_secrets", "auth_token"].contains(&column.as_str());
        assert_eq!(&after[0][column] != value, is_sealed, "{column}");
    }
}

#[tokio::test]
async fn a_secret_whose_overlap_has_ended_is_dropped() {
    let mut fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    webhook_with_everything(&fixture, &acme).await;
    rotate_key(&mut fixture);
    fixture.clock.advance(DAY);

    assert_eq!(fixture.courier.seal_anew().await, Ok(1));

    assert_eq!((sealed(&fixture).len(), sealed_with(&fixture, NEW)), (2, 2));
    let kept = fixture.database.query(Statement::new("SELECT previous_secrets FROM webhooks"));
    assert_eq!(kept, [json!({"previous_secrets": "[]"})]);
}

#[tokio::test]
async fn a_secret_rotated_in_between_wins_and_is_sealed_by_the_next_run() {
    let mut fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = webhook_with_everything(&fixture, &acme).await;
    rotate_key(&mut fixture);
    // The Admin API does not have the new key yet. It rotates between the run's read and its write.
    let newest = sealer(OLD, None).seal(&secret_context(&id), "whsec_newest").await.unwrap();
    let now = fixture.clock.now();
    let rotation = Rotation {
        sealed: &newest,
        overlap_until: Some(now.plus(DAY)),
        based_on: None,
        repeated: &[],
        at: now,
    };
    let rotation = secrets::rotate(&admins(&acme), &id, &rotation);
    let (database, mut batch) = (fixture.database.clone(), 0);
    fixture.database.crash(move || {
        batch += 1;
        if batch == 2 {
            database.query(rotation.clone());
        }
        Crash::Never
    });

    assert_eq!(fixture.courier.seal_anew().await, Ok(0));
    assert_eq!(last_line(&fixture), (json!(0), json!(1)));
    assert!(sealed(&fixture).contains(&newest));

    assert_eq!(fixture.courier.seal_anew().await, Ok(1));
    assert_eq!((sealed_with(&fixture, OLD), sealed_with(&fixture, NEW)), (0, 4));
    let secret = fixture.database.query(Statement::new("SELECT secret FROM webhooks"));
    let opened = sealer(NEW, None).open(&secret_context(&id), secret[0]["secret"].as_str().unwrap()).await;
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened.unwrap()), "whsec_newest");
}

#[tokio::test]
async fn a_crash_at_any_moment_loses_nothing() {
    for (crash, batch, done) in [(Crash::After, 1, false), (Crash::Before, 2, false), (Crash::After, 2, true)]
    {
        let mut fixture = Fixture::default();
        let acme = fixture.tenant("acme-corp").await;
        webhook_with_everything(&fixture, &acme).await;
        rotate_key(&mut fixture);
        let mut seen = 0;
        fixture.database.crash(move || {
            seen += 1;
            if seen == batch { crash } else { Crash::Never }
        });

        assert_eq!(fixture.courier.seal_anew().now_or_never(), None, "it died");
        assert_eq!(sealed_with(&fixture, NEW), if done { 3 } else { 0 });
        assert_eq!(deliver(&fixture, "e-1").await.len(), 3, "both keys open");

        assert_eq!(fixture.courier.seal_anew().await, Ok(u64::from(!done)));
        assert_eq!(sealed_with(&fixture, NEW), 3);
    }
}

/// As many webhooks of one tenant, past what a tenant may have, with secrets that this sealer sealed.
async fn many(fixture: &Fixture, numbers: std::ops::Range<u32>, by: &Sealer) {
    for number in numbers {
        let id = WebhookId::parse(&format!("00000000-0000-4000-8000-{number:012}")).unwrap();
        let secret = by.seal(&secret_context(&id), "whsec_any").await.unwrap();
        let insert = "INSERT INTO webhooks (id, org_id, url, events, status, secret, auth_type, created_at, updated_at) \
            VALUES (?1, 'acme-corp', 'https://hooks.example.com/in', '[\"*\"]', 'active', ?2, 'none', 1, 1)";
        fixture.database.query(Statement::new(insert).bind(&id).bind(&secret));
    }
}

#[tokio::test]
async fn a_run_does_a_hundred_and_the_next_goes_on() {
    let mut fixture = Fixture::default();
    many(&fixture, 0..250, &sealer(OLD, None)).await;
    rotate_key(&mut fixture);
    let mut told = Vec::new();
    for _ in 0..4 {
        fixture.courier.seal_anew().await.unwrap();
        told.push(last_line(&fixture));
    }
    let expected = [(100, 150), (100, 50), (50, 0), (0, 0)];
    assert_eq!(told, expected.map(|(written, left)| (json!(written), json!(left))));
    assert_eq!(fixture.database.take_round_trips(), 7);
}

#[tokio::test]
async fn what_cannot_be_opened_is_named_and_holds_up_no_other() {
    let mut fixture = Fixture::default();
    // A key that nobody has any more sealed the first two runs' worth.
    many(&fixture, 0..200, &sealer([6; 32], None)).await;
    many(&fixture, 200..201, &sealer(OLD, None)).await;
    rotate_key(&mut fixture);

    let mut written = 0;
    for _ in 0..3 {
        written += fixture.courier.seal_anew().await.unwrap();
    }

    assert_eq!((written, last_line(&fixture).1), (1, json!(200)));
    assert_eq!(sealed_with(&fixture, NEW), 1);
    let lines = fixture.log.lines();
    let named = lines.iter().filter(|line| line["message"] == "webhook secrets not opened");
    let named: Vec<_> = named.map(|line| (&line["webhookId"], &line["level"])).collect();
    assert_eq!(named.len(), 200);
    assert!(named.contains(&(&json!("00000000-0000-4000-8000-000000000000"), &json!("error"))));
    // Around: once their key is found again, they are sealed too.
    fixture.courier.sealer = sealer(NEW, Some([6; 32]));
    for _ in 0..3 {
        written += fixture.courier.seal_anew().await.unwrap();
    }
    assert_eq!((written, last_line(&fixture).1), (201, json!(0)));
}

#[tokio::test]
async fn of_a_webhook_with_one_broken_value_the_others_are_sealed_anew() {
    let mut fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = webhook_with_everything(&fixture, &acme).await;
    fixture.database.query(Statement::new("UPDATE webhooks SET auth_token = '1.00000000.AAAA'"));
    rotate_key(&mut fixture);

    assert_eq!(fixture.courier.seal_anew().await, Ok(1));

    assert_eq!(sealed_with(&fixture, NEW), 2);
    assert!(
        fixture
            .log
            .lines()
            .iter()
            .any(|line| line["webhookId"] == id.to_string() && line["level"] == "error")
    );
    // From then on it is looked at, and not written: a second run says the same.
    assert_eq!(fixture.courier.seal_anew().await, Ok(0));
}

#[tokio::test]
async fn a_database_that_is_down_is_told() {
    let mut fixture = Fixture::default();
    rotate_key(&mut fixture);
    fixture.database.fail(Some("overloaded"));
    assert!(fixture.courier.seal_anew().await.is_err());
}
