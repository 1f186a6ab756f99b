//! What travels on the Queues. Versioned: other Workers of the account may put messages there, and old messages
//! outlive a deployment.

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryState;
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// The version this code writes, and the only one so far.
const VERSION: u8 = 1;
/// The longest message text: the Queue takes 128 KB, its own bookkeeping included.
pub const LONGEST_MESSAGE: usize = 127_000;

/// A message's text is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecodable message: {0}")]
pub struct Undecodable(pub String);

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u8,
    #[serde(flatten)]
    message: T,
}

fn encode<T: Serialize>(message: &T) -> String {
    // These types have string keys only, so serializing cannot fail.
    serde_json::to_string(&Versioned { version: VERSION, message }).unwrap_or_default()
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Undecodable> {
    let versioned: Versioned<T> =
        serde_json::from_str(text).map_err(|error| Undecodable(error.to_string()))?;
    if versioned.version == VERSION {
        Ok(versioned.message)
    } else {
        Err(Undecodable(format!("version {} is not {VERSION}", versioned.version)))
    }
}

/// On `webhook-events`: one envelope, or where it is kept.
///
/// ```json
/// {"version": 1, "envelope": "{\"id\": …}"}
/// {"version": 1, "storedAt": "events/5f0c…"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventMessage {
    /// The envelope's text.
    Envelope(String),
    /// The key of an envelope too large for a message.
    StoredAt(String),
}

/// On `webhook-retries`: ids only; the database holds the rest.
///
/// ```json
/// {"version": 1, "deliver": {"orgId": "acme-corp", "webhookId": "…", "eventId": "…"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryMessage {
    /// A delivery whose next attempt is due.
    Deliver(DeliveryKey),
    /// A webhook of which something is due: a challenge, a probe, a release.
    Tend(WebhookKey),
    /// A range of a webhook's log to deliver again, a slice at a time.
    Redeliver(RedeliveryRange),
    /// A change of a webhook's standing that operators want to hear of.
    Notify(Notice),
}

/// Which webhook.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookKey {
    /// The tenant.
    pub org_id: String,
    /// The webhook.
    pub webhook_id: String,
}

/// Which deliveries of a webhook to deliver again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedeliveryRange {
    /// Whose.
    #[serde(flatten)]
    pub webhook: WebhookKey,
    /// Those in one of these states.
    pub states: Vec<DeliveryState>,
    /// Created after this place in the log: milliseconds and event id. Moves on with each slice.
    pub after: (i64, String),
    /// Created before, in milliseconds.
    pub until: i64,
}

/// What operators are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Unique, for whoever dedupes.
    pub id: String,
    /// Whose.
    #[serde(flatten)]
    pub webhook: WebhookKey,
    /// `failing`, `disabled` or `recovered`.
    pub change: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// The type of the event that was last attempted.
    pub event_type: Option<String>,
    /// The last error, in a few words.
    pub last_error: Option<String>,
    /// When, in ISO 8601.
    pub at: Timestamp,
}

/// Which delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryKey {
    /// The tenant, as text: a message is not trusted to hold a valid one.
    pub org_id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: String,
}

impl DeliveryKey {
    /// The key of one delivery.
    pub fn new(org_id: &OrgId, webhook_id: &str, event_id: &str) -> Self {
        Self { org_id: org_id.to_string(), webhook_id: webhook_id.to_owned(), event_id: event_id.to_owned() }
    }
}

impl EventMessage {
    /// The message's text.
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// Reads a message's text.
    ///
    /// # Errors
    /// [`Undecodable`].
    pub fn decode(text: &str) -> Result<Self, Undecodable> {
        decode(text)
    }
}

impl RetryMessage {
    /// The message's text.
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// Reads a message's text.
    ///
    /// # Errors
    /// [`Undecodable`].
    pub fn decode(text: &str) -> Result<Self, Undecodable> {
        decode(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_is_fixed() {
        let message = EventMessage::Envelope(r#"{"id":"e"}"#.into());
        assert_eq!(message.encode(), r#"{"version":1,"envelope":"{\"id\":\"e\"}"}"#);
        assert_eq!(EventMessage::decode(&message.encode()), Ok(message));
        let org_id = OrgId::parse("acme").unwrap();
        let message = RetryMessage::Deliver(DeliveryKey::new(&org_id, "w", "e"));
        assert_eq!(
            message.encode(),
            r#"{"version":1,"deliver":{"orgId":"acme","webhookId":"w","eventId":"e"}}"#
        );
        assert_eq!(RetryMessage::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"version":2,"envelope":"x"}"#,
            r#"{"version":1}"#,
            r#"{"envelope":"x"}"#,
            r#"{"version":1,"envelope":5}"#,
        ] {
            assert!(EventMessage::decode(text).is_err(), "{text}");
        }
    }
}
