//! Events as EventBridge hands them over.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

static COUNT: AtomicU32 = AtomicU32::new(1);

/// A number that this process has not used before.
pub(crate) fn unique() -> u32 {
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// An envelope, with its exact text.
#[derive(Clone, Debug)]
pub struct Event {
    /// The envelope's `id`.
    pub id: String,
    /// The text that is sent, and has to arrive.
    pub body: String,
}

impl Event {
    /// An event of this type for this tenant. A parser would not write its text again in the same way, because of white
    /// space, escapes, numbers with trailing zeros, and keys out of order.
    #[must_use]
    pub fn new(event_type: &str, partner_id: &str) -> Self {
        let id = format!("6f2b1c9e-0000-4000-8000-{:012}", unique());
        let (kind, partner) = (json!(event_type), json!(partner_id));
        let body = format!(
            r#"{{"version":"0",  "id":"{id}","source":"spk.api","account":"123456789012","time":"2026-04-02T10:00:00Z",
  "region":"eu-central-1","resources":[],"detail-type":{kind},"detail":{{"version":7,"partnerId":{partner},
  "data":{{"zulu":1.50,"alpha":1e3,"name":"Z\u00fcrich \/ Zürich 🔑","big":12345678901234567890}}}}}}"#
        );
        Self { id, body }
    }

    /// An event whose text is about this long.
    #[must_use]
    pub fn of_size(event_type: &str, partner_id: &str, bytes: usize) -> Self {
        let Self { id, body } = Self::new(event_type, partner_id);
        let filling = "0123456789abcdé ".repeat(bytes / 17);
        Self { id, body: body.replace(r#""zulu":1.50"#, &format!(r#""zulu":1.50,"filling":"{filling}""#)) }
    }
}

/// The body of a request with several events.
#[must_use]
pub fn array(events: &[Event]) -> String {
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    format!("[{}]", bodies.join(",\n"))
}
