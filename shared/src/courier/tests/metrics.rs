//! What is measured of attempts, and that nothing depends on it.

use std::time::Duration;

use serde_json::json;

use super::super::Settlement::Acknowledge;
use super::{THREE_DAYS, message, row, run_retries};
use crate::app::change_webhook::RequestedChange;
use crate::delivery::measurement::{Measurement, fitted};
use crate::testing::{Fixture, Reply, Simulation, admins};
use crate::webhook::url::WebhookUrl;

const URL: &str = "https://hooks.example.com/in";

/// Everything measured so far, one line each.
fn measured(fixture: &Fixture) -> Vec<String> {
    let one = |measured: Measurement| {
        let Measurement { kind, attempts, milliseconds, .. } = measured;
        format!("{attempts} {} {} {}, {milliseconds} ms", kind.event_type, kind.outcome, kind.answer)
    };
    fixture.metrics.take().into_iter().flatten().map(one).collect()
}

/// What the log says of the same attempts.
fn logged(fixture: &Fixture) -> Vec<serde_json::Value> {
    fixture.log.lines().into_iter().filter(|line| line["message"] == "attempt").collect()
}

#[tokio::test]
async fn an_attempt_of_each_outcome_is_measured() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let replies = [Reply::Status(204), Reply::Status(404), Reply::Hang, Reply::Reset, Reply::Status(503)];
    fixture.endpoints.reply(URL, &replies);
    fixture.endpoints.always(URL, Reply::Status(403));

    for id in ["e-1", "e-2", "e-3", "e-4"] {
        fixture.deliver_events(&[message(id, "KeyAdded", "acme-corp")]).await;
    }
    run_retries(&fixture).await;
    assert_eq!(
        measured(&fixture),
        [
            "1 KeyAdded delivered 204, 20 ms",
            "1 KeyAdded retry 404, 20 ms",
            "1 KeyAdded retry timed out, 15000 ms",
            "1 KeyAdded retry connection failed, 5 ms",
            "1 KeyAdded retry 503, 20 ms",
            "1 KeyAdded retry 403, 20 ms",
            "1 KeyAdded retry 403, 20 ms",
        ]
    );
    // Its window is over by the time it fails again.
    fixture.clock.advance(THREE_DAYS);
    run_retries(&fixture).await;
    assert!(measured(&fixture).contains(&"1 KeyAdded dead 403, 20 ms".to_owned()));
}

#[tokio::test]
async fn the_log_and_the_metrics_say_the_same() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let mut replies = [Reply::Status(200), Reply::Status(503), Reply::Hang, Reply::Reset, Reply::Status(410)]
        .into_iter()
        .cycle();
    fixture.endpoints.decide(move |_| replies.next().unwrap_or(Reply::Status(200)));
    let events: Vec<_> =
        (0..20).map(|index| message(&format!("e-{index}"), "KeyAdded", "acme-corp")).collect();

    fixture.deliver_events(&events).await;
    Simulation::new(&fixture).run(Duration::from_secs(3_600)).await;

    let measured: Vec<_> = fixture.metrics.take().into_iter().flatten().collect();
    let lines = logged(&fixture);
    assert_eq!(measured.len(), lines.len());
    for (one, line) in measured.iter().zip(&lines) {
        let kind = &one.kind;
        let said = json!({
            "orgId": kind.org_id, "webhookId": kind.webhook_id, "eventType": kind.event_type,
            "outcome": kind.outcome, "milliseconds": one.milliseconds,
        });
        for (field, value) in said.as_object().unwrap() {
            assert_eq!(&line[field], value, "{line}");
        }
        let status = line["status"].as_u64().map(|status| status.to_string());
        assert!(status.is_none_or(|status| status == kind.answer), "{line}");
    }
}

#[tokio::test]
async fn a_batch_is_one_call_and_none_of_its_attempts_is_lost_where_they_are_too_many() {
    let fixture = Fixture::default();
    for tenant in ["acme-corp", "other"] {
        let tenant = fixture.tenant(tenant).await;
        for index in 0..4 {
            fixture.webhook(&tenant, &format!("{URL}/{tenant}/{index}"), &[]).await;
        }
    }
    let events: Vec<_> = (0..100)
        .map(|index| {
            message(&format!("e-{index}"), "KeyAdded", ["acme-corp", "acme-corp", "other"][index % 3])
        })
        .collect();

    assert_eq!(fixture.deliver_events(&events).await, [Acknowledge; 100]);

    let batches = fixture.metrics.take();
    assert_eq!((batches.len(), batches[0].len()), (1, 400));
    let fitted = fitted(batches[0].clone(), 250);
    assert_eq!(fitted.len(), 8, "one for each webhook");
    let attempts = |tenant: &str| -> u32 {
        fitted.iter().filter(|one| one.kind.org_id == tenant).map(|one| one.attempts).sum()
    };
    assert_eq!((attempts("acme-corp"), attempts("other")), (268, 132));
}

#[tokio::test]
async fn an_attempt_whose_batch_is_not_settled_is_measured_all_the_same() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    fixture.webhook(&acme, URL, &[]).await;
    let database = fixture.database.clone();
    fixture.endpoints.on_request(move || database.fail(Some("gone")));

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    assert_eq!(measured(&fixture), ["1 KeyAdded delivered 200, 20 ms"]);
}

#[tokio::test]
async fn a_challenge_is_of_an_event_type_of_its_own() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let id = fixture.webhook(&acme, URL, &[]).await.webhook_id;
    let url = WebhookUrl::parse("https://hooks.example.com/new", &fixture.app.url_rules).unwrap();
    fixture.app.change_webhook(&admins(&acme), &id, RequestedChange::url(url)).await.unwrap();

    run_retries(&fixture).await;

    assert_eq!(measured(&fixture), ["1 Webhook Verification delivered 200, 20 ms"]);
}

#[tokio::test]
async fn nothing_but_ids_and_words_of_ours_is_measured() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, "https://hooks.example.com/in?token=hidden-in-the-url", &[]).await;
    fixture.endpoints.decide(|_| Reply::Status(500));

    fixture.deliver_events(&[message("e-1", "KeyAdded", "acme-corp")]).await;

    let told = format!("{:?}", fixture.metrics.take());
    use secrecy::ExposeSecret;
    let secret = created.secret.expose();
    for hidden in ["hooks.example.com", "hidden", "1.50", "e-1", "said 500", secret.expose_secret()] {
        assert!(!told.contains(hidden), "{hidden} is in {told}");
    }
    assert!(told.contains("acme-corp") && told.contains(&created.webhook_id.to_string()));
}

#[tokio::test]
async fn metrics_that_fail_cost_a_line_a_batch_and_no_delivery() {
    let fixture = Fixture::default();
    let acme = fixture.tenant("acme-corp").await;
    let created = fixture.webhook(&acme, URL, &[]).await;
    fixture.metrics.refuse(true);
    let events: Vec<_> =
        (0..10).map(|index| message(&format!("e-{index}"), "KeyAdded", "acme-corp")).collect();

    assert_eq!(fixture.deliver_events(&events).await, [Acknowledge; 10]);

    assert_eq!(row(&fixture, &created.webhook_id, "e-9")["stage"], "delivered");
    let lines = fixture.log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line["message"] == "metrics not written").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["detail"], "metrics: refused");
    // They are not kept for later either.
    fixture.metrics.refuse(false);
    fixture.deliver_events(&[message("e-10", "KeyAdded", "acme-corp")]).await;
    assert_eq!(fixture.metrics.take().concat().len(), 1);
}
