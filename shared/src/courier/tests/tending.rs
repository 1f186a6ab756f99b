//! Verification, circuits, disabling, and the way back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{THREE_DAYS, event, message, row};
use crate::app::change_webhook::RequestedChange;
use crate::courier::Operators;
use crate::error::Error;
use crate::ports::Statement;
use crate::tenant::OrgId;
use crate::testing::{Fixture, Reply, Simulation, admins};
use crate::webhook::id::WebhookId;
use crate::webhook::signing::SigningSecret;
use crate::webhook::url::WebhookUrl;
use crate::webhook::{Webhook, WebhookStatus};

const OLD: &str = "https://hooks.example.com/old";
const NEW: &str = "https://hooks.example.com/new";

async fn change_url(fixture: &Fixture, org_id: &OrgId, id: &WebhookId, url: &str) {
    let url = WebhookUrl::parse(url, &fixture.app.url_rules).unwrap();
    fixture.app.change_webhook(&admins(org_id), id, RequestedChange::url(url)).await.unwrap();
}

async fn webhook(fixture: &Fixture, org_id: &OrgId, id: &WebhookId) -> Webhook {
    fixture.app.get_webhook(&admins(org_id), id).await.unwrap()
}

/// Delivers fresh events one batch each.
async fn events(fixture: &Fixture, ids: std::ops::Range<u32>) {
    for id in ids {
        fixture.deliver_events(&[message(&format!("e-{id}"), "KeyAdded", "acme-corp")]).await;
    }
}

#[tokio::test]
async fn a_changed_url_is_challenged_and_what_waited_goes_out_afterwards() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    change_url(&fixture, &acme, &id, NEW).await;
    fixture.endpoints.reply(NEW, &[Reply::Status(404), Reply::Hang]);

    events(&fixture, 1..4).await;
    assert!(fixture.endpoints.take().is_empty(), "events wait");
    assert_eq!(webhook(&fixture, &acme, &id).await.status, WebhookStatus::Pending);
    assert!(Simulation::new(&fixture).run(Duration::from_secs(3_600)).await);

    let requests = fixture.endpoints.take();
    let bodies: Vec<Value> =
        requests.iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect();
    let challenge = &bodies[0];
    assert_eq!(challenge["source"], "spk.webhooks");
    assert_eq!(challenge["detail-type"], "Webhook Verification");
    assert_eq!(
        (&challenge["detail"]["partnerId"], &challenge["detail"]["webhookId"]),
        (&json!("acme-corp"), &json!(id))
    );
    assert!(challenge["detail"]["challenge"].as_str().unwrap().len() >= 32);
    assert!(requests[0].headers.iter().any(|(name, _)| name == "webhook-signature"));
    let types: Vec<_> = bodies.iter().map(|body| body["detail-type"].as_str().unwrap()).collect();
    let challenges = ["Webhook Verification"; 3];
    assert_eq!(types, [challenges.as_slice(), &["KeyAdded"; 3]].concat());
    let verified = webhook(&fixture, &acme, &id).await;
    assert_eq!(verified.status, WebhookStatus::Active);
    assert!(verified.verified_at.is_some());
    assert_eq!(verified.last_error_message.as_deref(), Some("timed out"), "the last error stays visible");
    assert_eq!(row(&fixture, &id, "e-3")["stage"], "delivered");
}

#[tokio::test]
async fn the_answer_to_a_challenge_of_an_older_url_is_void() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    change_url(&fixture, &acme, &id, NEW).await;
    let tend = fixture.retries.take();
    // While the challenge is on its way, the URL changes again.
    let database = fixture.database.clone();
    fixture.endpoints.on_request(move || {
        database.query(Statement::new(
            "UPDATE webhooks SET url_revision = url_revision + 1, health_stamp = 7, url = 'https://hooks.example.com/newer'",
        ));
    });

    fixture.deliver_retries(std::slice::from_ref(&tend[0].body)).await;
    fixture.endpoints.on_request(|| ());

    let still = webhook(&fixture, &acme, &id).await;
    assert_eq!((still.status, still.verified_at), (WebhookStatus::Pending, None));
}

#[tokio::test]
async fn a_lost_message_strands_no_verification() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    fixture.retries.refuse(true);
    change_url(&fixture, &acme, &id, NEW).await;
    fixture.retries.refuse(false);

    assert!(Simulation::new(&fixture).run(Duration::from_secs(300)).await);

    assert_eq!(webhook(&fixture, &acme, &id).await.status, WebhookStatus::Active);
}

#[tokio::test]
async fn a_webhook_that_is_never_verified_leaves_its_events_dead_and_redeliverable() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    change_url(&fixture, &acme, &id, NEW).await;
    fixture.endpoints.always(NEW, Reply::Status(500));
    events(&fixture, 1..2).await;

    assert!(Simulation::new(&fixture).run(THREE_DAYS * 2).await);

    let challenges = fixture.endpoints.take().len();
    assert!((30..75).contains(&challenges), "{challenges}");
    let dead = row(&fixture, &id, "e-1");
    assert_eq!(
        (&dead["stage"], &dead["reason"]),
        (&json!("dead"), &json!("the webhook was not verified in time"))
    );
    assert_ne!(dead["body"], Value::Null);
    // An admin asks again, and sends what was missed.
    fixture.endpoints.always(NEW, Reply::Status(200));
    fixture.app.verify_webhook(&admins(&acme), &id).await.unwrap();
    fixture.app.redeliver(&admins(&acme), &id, &event("e-1")).await.unwrap();
    assert!(Simulation::new(&fixture).run(Duration::from_secs(600)).await);
    assert_eq!(row(&fixture, &id, "e-1")["stage"], "delivered");
}

#[tokio::test]
async fn a_circuit_opens_holds_probes_and_closes() {
    let mut fixture = Fixture::default();
    let secret = SigningSecret::generate([3; 32]);
    fixture.courier.operators = Some(Operators { url: "https://ops.example.com/".into(), secret });
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    fixture.endpoints.always(OLD, Reply::Status(503));
    events(&fixture, 0..5).await;
    assert!(webhook(&fixture, &acme, &id).await.circuit_opened_at.is_some());
    fixture.endpoints.take();

    events(&fixture, 5..50).await;
    assert!(fixture.endpoints.take().is_empty(), "no request while the circuit is open");
    assert_eq!(row(&fixture, &id, "e-10")["stage"], "held");

    let mut simulation = Simulation::new(&fixture);
    assert!(!simulation.run(Duration::from_secs(600)).await);
    let mut requests = fixture.endpoints.take();
    let probes = requests.iter().filter(|request| request.url == OLD).count();
    assert!((3..=8).contains(&probes), "{probes} probes, and what had been scheduled before, in ten minutes");
    fixture.endpoints.always(OLD, Reply::Status(200));
    assert!(simulation.run(Duration::from_secs(1_800)).await);

    let well = webhook(&fixture, &acme, &id).await;
    assert_eq!((well.circuit_opened_at, well.consecutive_failures), (None, 0));
    for event in 0..50 {
        assert_eq!(row(&fixture, &id, &format!("e-{event}"))["stage"], "delivered", "e-{event}");
    }
    requests.extend(fixture.endpoints.take());
    let notices: Vec<Value> = requests
        .iter()
        .filter(|request| request.url == "https://ops.example.com/")
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    let changes: Vec<_> = notices.iter().map(|notice| notice["data"]["change"].clone()).collect();
    assert_eq!(changes, ["failing", "recovered"]);
    let failing = &notices[0]["data"];
    assert_eq!((&failing["orgId"], &failing["lastError"]), (&json!("acme-corp"), &json!("answered 503")));
    let told: Vec<_> = fixture
        .log
        .lines()
        .iter()
        .filter(|line| line["message"] == "webhook changed")
        .map(|line| line["change"].clone())
        .collect();
    assert_eq!(told, ["failing", "recovered"]);
}

#[tokio::test]
async fn five_days_of_nothing_but_failures_disable_a_webhook_and_enabling_brings_it_back() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    fixture.endpoints.always(OLD, Reply::Hang);
    let mut simulation = Simulation::new(&fixture);
    for day in 0..6 {
        events(&fixture, day..day + 1).await;
        simulation.run(Duration::from_secs(86_400)).await;
    }

    let disabled = webhook(&fixture, &acme, &id).await;
    assert_eq!(disabled.status, WebhookStatus::Disabled);
    assert_eq!(disabled.disabled_reason.as_deref(), Some("nothing but failures for 5 days"));
    for event in 0..6 {
        let dead = row(&fixture, &id, &format!("e-{event}"));
        assert_eq!(dead["stage"], "dead", "{dead}");
        assert_ne!(dead["body"], Value::Null);
    }
    let (troubled, _) = fixture.apps().webhook_health(None, 50).await.unwrap();
    assert_eq!((troubled.len(), troubled[0].trouble), (1, "disabled"));

    fixture.endpoints.always(OLD, Reply::Status(200));
    fixture.app.enable_webhook(&admins(&acme), &id).await.unwrap();
    assert_eq!(fixture.app.enable_webhook(&admins(&acme), &id).await, Err(Error::WebhookNotDisabled));
    let range = crate::app::redeliver_range::RequestedRange {
        since: crate::time::Timestamp::from_milliseconds(0),
        until: None,
        states: vec![crate::delivery::DeliveryState::Failed, crate::delivery::DeliveryState::Dead],
    };
    assert_eq!(fixture.app.redeliver_range(&admins(&acme), &id, range).await.unwrap().count, 6);
    assert!(simulation.run(Duration::from_secs(3_600)).await);

    for event in 0..6 {
        assert_eq!(row(&fixture, &id, &format!("e-{event}"))["stage"], "delivered");
    }
    assert_eq!(fixture.apps().webhook_health(None, 50).await.unwrap().0, []);
}

#[tokio::test]
async fn a_webhook_gone_takes_its_pending_deliveries_with_it_to_be_redelivered() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    fixture.endpoints.reply(OLD, &[Reply::RetryAfter(503, "3600".into()), Reply::Status(410)]);
    events(&fixture, 0..2).await;

    assert!(Simulation::new(&fixture).run(Duration::from_secs(7_200)).await);

    let ended: Vec<_> =
        ["e-0", "e-1"].iter().map(|event| row(&fixture, &id, event)["reason"].clone()).collect();
    assert_eq!(ended, ["webhook disabled", "answered 410"]);
    assert_eq!(
        webhook(&fixture, &acme, &id).await.disabled_reason.as_deref(),
        Some("the endpoint answered 410 Gone")
    );
}

#[tokio::test]
async fn a_rotated_secret_signs_along_until_its_overlap_ends() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &[]).await.webhook_id;
    let overlap = Duration::from_secs(3_600);
    fixture.app.rotate_webhook_secret(&admins(&acme), &id, None, overlap).await.unwrap();

    events(&fixture, 0..1).await;
    fixture.clock.advance(overlap);
    events(&fixture, 1..2).await;

    let signatures: Vec<usize> =
        fixture.endpoints.take().iter().map(|request| request.headers[4].1.split(' ').count()).collect();
    assert_eq!(signatures, [2, 1]);
}

#[tokio::test]
async fn a_test_event_goes_to_one_webhook_whatever_its_filter() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, OLD, &["LockCreated"]).await.webhook_id;
    fixture.webhook(&acme, NEW, &[]).await;
    let event_type = crate::event::catalogue::EventType::parse("KeyAdded").unwrap();

    let event_id = fixture.app.test_webhook(&admins(&acme), &id, &event_type).await.unwrap();
    assert!(Simulation::new(&fixture).run(Duration::from_secs(60)).await);

    let requests = fixture.endpoints.take();
    assert_eq!(requests.len(), 1);
    let body: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!((&body["id"], &body["detail"]["test"]), (&json!(event_id), &json!(true)));
    assert_eq!(row(&fixture, &id, event_id.as_str())["stage"], "delivered");
}
