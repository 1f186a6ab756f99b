//! What the stories are told with: a Worker in memory, EventBridge and strangers who call it, envelopes, answers.

mod app;
mod settings;

use serde_json::{Value, json};

pub(crate) use app::{Request, TestApp, VERSION};
pub(crate) use edge::testing::Answer;
pub(crate) use settings::{EVENTS_KEY, SEALING_KEY, SETTINGS};

/// A sound envelope of this id, for the tenant `acme-corp`.
pub(crate) fn envelope(id: &str) -> Value {
    json!({
        "version": "0",
        "id": id,
        "source": "spk.api",
        "detail-type": "KeyAdded",
        "time": "2026-04-02T10:00:00Z",
        "detail": {"partnerId": "acme-corp", "data": {"keyId": "k-1"}},
    })
}

/// The same with something else at a JSON pointer; taken away where there is nothing.
pub(crate) fn envelope_with(pointer: &str, value: Option<Value>) -> Value {
    let mut envelope = envelope("e-1");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let object = envelope.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    envelope
}
