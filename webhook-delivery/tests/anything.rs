//! Whatever is sent, the answer is never our own fault, and what is refused is not half-queued.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::support::{TestApp, envelope};

fn send(app: &TestApp, body: Vec<u8>) {
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(app.publish_bytes(body));
    let queued = app.queued().len();
    match answer.status.as_u16() {
        202 => assert_eq!(answer.body, json!({"accepted": queued})),
        400 | 413 => assert_eq!(queued, 0, "{}", answer.text),
        status => panic!("{status}: {}", answer.text),
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,140}".prop_map(Value::from),
        Just(json!("spk.api")),
        Just(json!("2026-04-02T10:00:00Z")),
    ];
    leaf.prop_recursive(3, 16, 5, |inner| {
        let key = prop_oneof![any::<String>(), Just("partnerId".to_owned()), Just("id".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(body in prop::collection::vec(any::<u8>(), 0..400)) {
        send(&TestApp::default(), body);
    }

    #[test]
    fn json(body in value()) {
        send(&TestApp::default(), body.to_string().into_bytes());
    }

    #[test]
    fn a_value_in_any_place(values in prop::collection::vec(value(), 6)) {
        let app = TestApp::default();
        for (name, value) in ["id", "source", "detail-type", "time", "detail", "other"].iter().zip(values) {
            let mut body = envelope("e-1");
            body[*name] = value;
            send(&app, body.to_string().into_bytes());
            send(&app, json!([envelope("e-0"), body]).to_string().into_bytes());
        }
    }

    #[test]
    fn an_envelope_cut_or_changed_anywhere(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = json!([envelope("e-1")]).to_string().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        send(&TestApp::default(), bytes);
    }

    #[test]
    fn whatever_is_accepted_is_settled(body in value(), id in "[!-~]{1,128}", kind in "\\PC{1,128}", partner: String) {
        let app = TestApp::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut event = envelope(&id);
        event["detail-type"] = json!(kind);
        event["detail"] = json!({"partnerId": partner, "data": body});
        runtime.block_on(async {
            app.publish(&event).await;
            let messages: Vec<_> = app.events.take().into_iter().map(|message| message.body).collect();
            for settlement in app.deliver_events(&messages).await {
                assert_eq!(settlement, shared::courier::Settlement::Acknowledge);
            }
        });
    }
}
