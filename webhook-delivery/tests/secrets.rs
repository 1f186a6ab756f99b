//! No secret and no body is in a log line or an answer.

use secrecy::ExposeSecret;
use serde_json::json;
use shared::testing::Reply;

use crate::support::{EVENTS_KEY, SEALING_KEY, TestApp, envelope_with};

const MARK: &str = "confidential-detail-of-a-resident";
const URL: &str = "https://hooks.acme-corp.com/in";

#[tokio::test]
async fn neither_log_lines_nor_answers_hold_a_secret_or_a_body() {
    let app = TestApp::default();
    let acme = app.tenant("acme-corp").await;
    let created = app.webhook(&acme, URL, &[]).await;
    app.endpoints.reply(URL, &[Reply::Status(500), Reply::Hang, Reply::Reset, Reply::Status(404)]);
    let good = envelope_with("/detail/data", Some(json!(MARK)));
    let mut said = Vec::new();
    let bad_id = envelope_with("/id", Some(json!(format!("{MARK} "))));
    let bad_source = envelope_with("/source", Some(json!(MARK)));
    let bad_time = envelope_with("/time", Some(json!(MARK)));
    let bad_type = envelope_with("/detail-type", Some(json!(format!("{MARK}{}", "x".repeat(128)))));
    let bad_detail = envelope_with("/detail", Some(json!(MARK)));
    let bad_partner = envelope_with("/detail/partnerId", Some(json!([MARK])));
    for body in [&good, &bad_id, &bad_source, &bad_time, &bad_type, &bad_detail, &bad_partner] {
        said.push(app.publish(body).await.text);
        said.push(app.publish_bytes(format!("{body}{{")).await.text);
    }
    let stranger = app.anybody("POST", "/events").header("x-events-key", format!("{EVENTS_KEY}{MARK}"));
    said.push(stranger.json(&good).send().await.text);
    let in_query = format!("/events?key={EVENTS_KEY}");
    said.push(app.anybody("POST", &in_query).json(&good).send().await.text);
    app.events.refuse(true);
    said.push(app.publish(&good).await.text);
    app.events.refuse(false);

    let mut messages: Vec<_> = app.events.take().into_iter().map(|message| message.body).collect();
    messages.push(format!("{{\"id\":\"{MARK}\"}}").into());
    app.deliver_events(&messages).await;
    for _ in 0..4 {
        app.clock.advance(std::time::Duration::from_secs(60));
        let retries: Vec<_> = app.retries.take().into_iter().map(|message| message.body).collect();
        app.deliver_retries(&retries).await;
    }
    app.couriers().keep_dead_letters(&app.messages(&[messages[1].clone()])).await;

    assert!(app.endpoints.take().len() >= 4);
    let told = format!("{}\n{}", said.join("\n"), app.log.dump());
    let secret = created.secret.expose().expose_secret().to_owned();
    for hidden in [EVENTS_KEY, MARK, &secret, &secret["whsec_".len()..], SEALING_KEY] {
        assert!(!told.contains(hidden), "{hidden} is told");
    }
}
