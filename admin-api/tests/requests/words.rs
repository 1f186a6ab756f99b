//! Words of others in our answers: an admin reads them with curl, in a terminal.

use serde_json::{Value, json};
use shared::event::message::EventMessage;
use shared::testing::Reply;
use shared::text::is_printable;

use crate::support::delivery::messages;
use crate::support::{Answer, TestApp};

/// What moves the cursor, colours, turns text around, or hides text.
const ODD: &str = "a\u{1b}[2J\u{9b}31m\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{e0041}z";

#[track_caller]
fn shows_every_character(answer: &Answer) {
    assert!(answer.text.chars().all(is_printable), "{:?}", answer.text);
}

#[tokio::test]
async fn an_event_s_body_and_an_endpoint_s_words_leave_the_reader_s_terminal_alone() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let delivery = app.delivery();
    let url = "https://hooks.acme-corp.com/in";
    delivery.endpoints.reply(url, &[Reply::Said(500, ODD.to_owned())]);
    let escaped = ODD.replace('\u{1b}', "\\u001b");
    let body = format!(
        r#"{{"id":"e-1","source":"spk.api","detail-type":"KeyAdded","time":"2026-04-02T10:00:00Z","detail":{{"partnerId":"acme-corp","{escaped}":"{escaped}"}}}}"#
    );
    let texts = [EventMessage::Envelope(body.clone().into()).encode()];
    app.clock.drive(delivery.couriers().deliver_events(&messages(&app.clock, &texts))).unwrap();

    let answer = app.admin().get(&format!("{webhook}/deliveries/e-1")).await;
    shows_every_character(answer.is(200));
    assert_eq!(answer.body["body"].as_str().map(str::len), Some(body.len()), "the text means the same");
    assert_eq!(answer.body["body"], Value::from(body));
    let excerpt = answer.text_at("/attempts/0/excerpt");
    assert!(excerpt.starts_with("a\u{fffd}[2J") && excerpt.chars().all(is_printable), "{excerpt:?}");
    for path in ["/deliveries", ""] {
        shows_every_character(app.admin().get(&format!("{webhook}{path}")).await.is(200));
    }
}

#[tokio::test]
async fn what_a_caller_wrote_comes_back_without_harm() {
    let app = TestApp::default();
    let answer = app.admin().post("/tenants/acme-corp/register", json!({ ODD: 1, "orgName": ODD })).await;
    shows_every_character(answer.names_field(ODD));
    let encoded: String = ODD.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [format!("/tenants?{encoded}=1"), format!("/tenants/{encoded}"), format!("/{encoded}")] {
        shows_every_character(&app.admin().get(&path).await);
    }
    app.given_tenant("acme-corp").await;
    let webhooks = "/tenants/acme-corp/webhooks";
    for body in [
        json!({"url": ODD}),
        json!({"url": "https://hooks.acme-corp.com/", "events": [ODD]}),
        json!({"url": "https://hooks.acme-corp.com/", "auth": {"type": ODD}}),
        json!({"url": "https://hooks.acme-corp.com/", "auth": {"type": "apiKeyHeader", "headerName": ODD}}),
    ] {
        shows_every_character(app.admin().post(webhooks, body).await.is(400));
    }
}
