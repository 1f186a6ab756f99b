//! EventBridge envelopes, taken in as they are: a partner receives the same JSON, byte for byte.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::catalogue::EventType;
use super::id::{EventId, EventIdFault};
use crate::shard::Bucket;
use crate::shared_text::SharedText;
use crate::time::Timestamp;

/// The sources that events for partners come from (spec: Webhook delivery, Events in).
pub const SOURCES: [&str; 2] = ["spk.api", "spk.iot.shadow"];
/// The largest envelope: 1 MiB.
pub const LARGEST_EVENT: usize = 1024 * 1024;

/// One event, and what routing needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The envelope's `id`: what partners dedupe on, and our `webhook-id`.
    pub id: EventId,
    /// `detail.partnerId`: the tenant it is for.
    pub partner_id: String,
    /// `detail-type`.
    pub event_type: EventType,
    /// The whole envelope's text.
    pub body: SharedText,
}

/// Why a text is no envelope; said to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Not an object of the right shape.
    #[error("must be an EventBridge envelope with id, source, detail-type, time and detail: {0}")]
    Shape(String),
    /// Not an id that can be a header's value and a segment of a path.
    #[error("id {0}")]
    Id(#[from] EventIdFault),
    /// Not one of ours.
    #[error("source must be spk.api or spk.iot.shadow")]
    Source,
    /// Empty or too long.
    #[error("detail-type {0}")]
    Type(String),
    /// Not a time.
    #[error("time {0}")]
    Time(String),
    /// No tenant.
    #[error("detail.partnerId must be a non-empty string")]
    PartnerId,
    /// Over the limit.
    #[error("is larger than 1 MiB")]
    TooLarge,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    id: String,
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
    #[serde(borrow)]
    detail: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    partner_id: Option<serde_json::Value>,
}

impl From<&Event> for Bucket {
    fn from(event: &Event) -> Self {
        Self::of(&event.partner_id)
    }
}

impl Event {
    /// Reads an envelope; everything else in it is kept untouched.
    ///
    /// # Errors
    /// [`EnvelopeFault`].
    pub fn parse(body: impl Into<SharedText>) -> Result<Self, EnvelopeFault> {
        Self::read(body.into())
    }

    fn read(body: SharedText) -> Result<Self, EnvelopeFault> {
        if body.len() > LARGEST_EVENT {
            return Err(EnvelopeFault::TooLarge);
        }
        let shape = |error: serde_json::Error| {
            EnvelopeFault::Shape(error.to_string().split(" at line ").next().unwrap_or_default().to_owned())
        };
        if !body.trim_start().starts_with('{') {
            // Serde by itself takes an array of the members, in their order, for the object.
            return Err(EnvelopeFault::Shape("must be an object".into()));
        }
        let envelope: Envelope<'_> = serde_json::from_str(&body).map_err(shape)?;
        let id = EventId::parse(&envelope.id)?;
        if !SOURCES.contains(&envelope.source.as_str()) {
            return Err(EnvelopeFault::Source);
        }
        let event_type =
            EventType::parse(envelope.detail_type).map_err(|fault| EnvelopeFault::Type(fault.to_string()))?;
        envelope.time.parse::<Timestamp>().map_err(|fault| EnvelopeFault::Time(fault.to_string()))?;
        if !envelope.detail.get().starts_with('{') {
            return Err(EnvelopeFault::Shape("detail must be an object".into()));
        }
        let detail: Detail = serde_json::from_str(envelope.detail.get()).map_err(shape)?;
        match detail.partner_id {
            Some(serde_json::Value::String(partner_id)) if !partner_id.is_empty() => {
                Ok(Self { id, partner_id, event_type, body })
            }
            _ => Err(EnvelopeFault::PartnerId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"version":"0","id":"e-1","source":"spk.api","detail-type":"KeyAdded","time":"2026-04-02T10:00:00Z","detail":{"partnerId":"acme-corp", "data":{"x":1.50}}}"#;

    #[test]
    fn an_envelope_keeps_its_bytes() {
        let event = Event::parse(GOOD).unwrap();
        assert_eq!(
            (event.id.as_str(), event.partner_id.as_str(), event.event_type.as_str()),
            ("e-1", "acme-corp", "KeyAdded")
        );
        assert_eq!(event.body.as_ref(), GOOD);
    }

    #[test]
    fn each_missing_or_malformed_part_is_named() {
        for (from, to, said) in [
            (r#""id":"e-1","#, "", "missing field `id`"),
            (r#""id":"e-1""#, r#""id":"""#, "id must be"),
            (r#""id":"e-1""#, r#""id":"a b""#, "id must be"),
            (r#""id":"e-1""#, r#""id":".""#, "id must be"),
            (r#""id":"e-1""#, r#""id":"..""#, "neither . nor .."),
            (r#""id":"e-1""#, r#""id":7"#, "expected a string"),
            ("spk.api", "spk.other", "source must be"),
            (r#""detail-type":"KeyAdded","#, "", "missing field `detail-type`"),
            ("KeyAdded", "", "detail-type must"),
            ("2026-04-02T10:00:00Z", "yesterday", "time must be"),
            (r#""partnerId":"acme-corp", "#, "", "detail.partnerId"),
            (r#""acme-corp""#, "5", "detail.partnerId"),
            (r#""acme-corp""#, r#""""#, "detail.partnerId"),
            (
                r#"{"partnerId":"acme-corp", "data":{"x":1.50}}"#,
                r#"["acme-corp"]"#,
                "detail must be an object",
            ),
        ] {
            let fault = Event::parse(GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(fault.contains(said), "{fault} should say {said}");
        }
        let members = r#"["e-1","spk.api","KeyAdded","2026-04-02T10:00:00Z",{"partnerId":"acme-corp"}]"#;
        assert_eq!(Event::parse(members), Err(EnvelopeFault::Shape("must be an object".into())));
        assert_eq!(
            Event::parse(format!("{GOOD}{}", " ".repeat(LARGEST_EVENT))),
            Err(EnvelopeFault::TooLarge)
        );
    }
}
