//! `POST /events` (spec: Webhook delivery, Events in).

use serde_json::{Value, json};
use shared::event::message::EventMessage;

use crate::support::{TestApp, envelope, envelope_with};

fn array(count: usize) -> Value {
    (0..count).map(|index| envelope(&format!("e-{index}"))).collect()
}

#[tokio::test]
async fn one_envelope_is_queued_byte_for_byte() {
    let app = TestApp::default();
    let text = r#" {"detail":{"data":{"n":1.50, "é":"\u00e9"},"partnerId":"acme-corp"},"resources":[],"region":"eu-central-1",
        "time":"2026-04-02T10:00:00Z","detail-type":"KeyAdded","source":"spk.api","id":"e-1"} "#;
    app.publish_bytes(text).await.accepted(1);
    assert_eq!(app.queued(), [EventMessage::Envelope(text.trim().into())]);
}

#[tokio::test]
async fn an_array_is_queued_one_message_each_in_its_order() {
    let app = TestApp::default();
    for count in [1, 2, 100] {
        let body = array(count);
        app.publish(&body).await.accepted(count);
        let expected: Vec<_> = body
            .as_array()
            .unwrap()
            .iter()
            .map(|one| EventMessage::Envelope(one.to_string().into()))
            .collect();
        assert_eq!(app.queued(), expected);
    }
}

#[tokio::test]
async fn no_more_than_a_hundred_and_no_fewer_than_one() {
    let app = TestApp::default();
    for body in [array(0), array(101), array(1_000), json!("e-1"), json!(7), json!(null), json!(true)] {
        let answer = app.publish(&body).await;
        if body.is_array() {
            answer.says("body", "one EventBridge envelope or an array of 1 to 100");
        } else {
            answer.is_problem(400, "invalid_request");
        }
    }
    assert!(app.queued().is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place_and_none_of_the_array_is_taken() {
    let app = TestApp::default();
    for (pointer, value, fault) in [
        ("/id", None, "missing field `id`"),
        ("/id", Some(json!("")), "id must be 1 to 128 visible ASCII characters"),
        ("/id", Some(json!("a b")), "id must be"),
        ("/id", Some(json!("e\u{e9}")), "id must be"),
        ("/id", Some(json!("e\r\nx-other: 1")), "id must be"),
        ("/id", Some(json!("i".repeat(129))), "id must be"),
        ("/id", Some(json!(7)), "expected a string"),
        ("/id", Some(Value::Null), "expected a string"),
        ("/source", None, "missing field `source`"),
        ("/source", Some(json!("aws.s3")), "source must be spk.api or spk.iot.shadow"),
        ("/source", Some(json!("spk.webhooks")), "source must be"),
        ("/source", Some(json!("SPK.API")), "source must be"),
        ("/source", Some(json!("spk.api ")), "source must be"),
        ("/detail-type", None, "missing field `detail-type`"),
        ("/detail-type", Some(json!("")), "detail-type must be 1 to 128 characters"),
        ("/detail-type", Some(json!("t".repeat(129))), "detail-type must be"),
        ("/detail-type", Some(json!(["KeyAdded"])), "expected a string"),
        ("/time", None, "missing field `time`"),
        ("/time", Some(json!("yesterday")), "time must be"),
        ("/time", Some(json!(1_775_124_000)), "expected a string"),
        ("/detail", None, "missing field `detail`"),
        ("/detail", Some(json!("{}")), "detail must be an object"),
        ("/detail", Some(json!(["acme-corp"])), "detail must be an object"),
        ("/detail", Some(Value::Null), "detail must be an object"),
        ("/detail/partnerId", None, "detail.partnerId must be a non-empty string"),
        ("/detail/partnerId", Some(json!("")), "detail.partnerId"),
        ("/detail/partnerId", Some(json!(7)), "detail.partnerId"),
        ("/detail/partnerId", Some(json!(["acme-corp"])), "detail.partnerId"),
        ("/detail/partnerId", Some(Value::Null), "detail.partnerId"),
    ] {
        let bad = envelope_with(pointer, value);
        app.publish(&bad).await.says("[0]", fault);
        app.publish(&json!([envelope("e-1"), envelope("e-2"), bad, envelope("e-3")]))
            .await
            .says("[2]", fault);
        assert!(app.queued().is_empty(), "{fault}: none is taken");
    }
}

#[tokio::test]
async fn the_members_of_an_envelope_without_their_names_are_none() {
    let app = TestApp::default();
    let members = json!(["e-1", "spk.api", "KeyAdded", "2026-04-02T10:00:00Z", {"partnerId": "acme-corp"}]);
    app.publish(&json!([members])).await.says("[0]", "must be an object");
    app.publish(&members).await.says("[0]", "must be an object");
    app.publish(&json!([[envelope("e-1")]])).await.says("[0]", "must be an object");
    assert!(app.queued().is_empty());
}

#[tokio::test]
async fn both_sources_any_type_and_any_tenant_are_taken() {
    let app = TestApp::default();
    for (pointer, value) in [
        ("/source", "spk.iot.shadow"),
        ("/detail-type", "SomethingNobodyKnows"),
        ("/detail-type", "ReportedShadowUpdated"),
        ("/detail-type", "DesiredShadowUpdated"),
        ("/detail-type", "Shadow Update"),
        ("/detail/partnerId", "not-registered"),
        ("/detail/partnerId", "No OrgId At All"),
        ("/time", "2026-04-02T10:00:00.123Z"),
    ] {
        app.publish(&envelope_with(pointer, Some(json!(value)))).await.accepted(1);
        assert_eq!(app.queued().len(), 1);
    }
}

#[tokio::test]
async fn a_large_event_travels_by_pointer_and_one_above_a_mebibyte_is_too_large() {
    let app = TestApp::default();
    let of_size = |bytes: usize| {
        let empty = envelope_with("/detail/data", Some(json!(""))).to_string().len();
        envelope_with("/detail/data", Some(json!("x".repeat(bytes - empty))))
    };
    const MEBIBYTE: usize = 1024 * 1024;

    app.publish(&of_size(120_000)).await.accepted(1);
    assert!(matches!(app.queued()[..], [EventMessage::Envelope(_)]));
    for bytes in [130_000, MEBIBYTE] {
        app.publish(&of_size(bytes)).await.accepted(1);
        assert!(matches!(app.queued()[..], [EventMessage::StoredAt(_)]));
    }
    assert_eq!(app.bodies.count(), 2);

    let answer = app.publish(&of_size(MEBIBYTE + 1)).await;
    answer.is_problem(413, "payload_too_large");
    let answer = app.publish(&json!([envelope("e-0"), of_size(MEBIBYTE + 1)])).await;
    assert_eq!(answer.is_problem(413, "payload_too_large").body["fields"]["[1]"], "is larger than 1 MiB");
    assert!(app.queued().is_empty() && app.bodies.count() == 2, "nothing of it is kept");
}

#[tokio::test]
async fn what_was_accepted_is_delivered() {
    let app = TestApp::default();
    let acme = app.tenant("acme-corp").await;
    app.webhook(&acme, "https://hooks.acme-corp.com/in", &[]).await;
    let mut body = array(3);
    body.as_array_mut().unwrap().push(envelope_with("/detail-type", Some(json!("ReportedShadowUpdated"))));
    app.publish(&body).await.accepted(4);

    let messages: Vec<_> = app.events.take().into_iter().map(|message| message.body).collect();
    app.deliver_events(&messages).await;

    let received: Vec<_> = app.endpoints.take().into_iter().map(|request| request.body.to_string()).collect();
    let expected: Vec<_> = body.as_array().unwrap()[..3].iter().map(Value::to_string).collect();
    assert_eq!(received, expected);
}
