//! What travels on the Queues. Versioned: other Workers of the account may put messages there, and old messages
//! outlive a deployment. A message is its version and JSON; an envelope, which is JSON already, is a message as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dead_letter::DeadLetterId;
use crate::delivery::progress::Progress;
use crate::event::id::EventId;
use crate::shard::{Bucket, ShardCount};
use crate::shared_text::SharedText;
use crate::tenant::OrgId;
use crate::time::Timestamp;
use crate::webhook::id::WebhookId;

/// The version this code writes, and the only one so far.
const VERSION: char = '1';
/// The longest message text: the Queue takes 128 KB, its own bookkeeping included.
pub const LONGEST_MESSAGE: usize = 127_000;

/// A text is no message of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecodable message: {0}")]
pub struct Undecodable(pub String);

fn encode<T: Serialize>(message: &T) -> SharedText {
    // These types have string keys only, so serializing cannot fail.
    format!("{VERSION}{}", serde_json::to_string(message).unwrap_or_default()).into()
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Undecodable> {
    let json =
        text.strip_prefix(VERSION).ok_or_else(|| Undecodable(format!("is not of version {VERSION}")))?;
    serde_json::from_str(json).map_err(|error| Undecodable(error.to_string()))
}

/// On `webhook-events`: one envelope, or where it is kept. An envelope is not copied on its way into a message and out of it.
///
/// ```text
/// {"id": …}
/// 1{"storedAt": "events/5f0c…"}
/// 1{"deadLetter": "0b8d5a0e-…"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventMessage {
    /// The envelope's text.
    Envelope(SharedText),
    /// The key of an envelope too large for a message.
    StoredAt(String),
    /// The dead letter that holds the envelope: one that was requeued, and too large for a message.
    DeadLetter(DeadLetterId),
}

/// On `webhook-retries`.
///
/// ```text
/// 1{"deliver": {"orgId": "acme-corp", "webhookId": "…", "eventId": "…"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryMessage {
    /// A delivery is due: ids only, the database holds the rest.
    Deliver(DeliveryKey),
    /// Something of a webhook itself is due: a challenge, a probe, a release.
    Tend(WebhookKey),
    /// The outcome of attempts that the database did not take: still to be written down.
    Record(Record),
    /// Delivered events of a webhook are to go out again; the database holds which.
    Redeliver(WebhookKey),
    /// People are to be told of webhooks of this tenant; the database holds what.
    Notify(OrgId),
}

/// A webhook of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookKey {
    /// The tenant.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
}

impl WebhookKey {
    /// A tenant's webhook.
    pub fn new(org_id: &OrgId, webhook_id: &WebhookId) -> Self {
        Self { org_id: org_id.clone(), webhook_id: *webhook_id }
    }

    /// The delivery of an event to the webhook.
    pub fn delivery(self, event_id: EventId) -> DeliveryKey {
        DeliveryKey { org_id: self.org_id, webhook_id: self.webhook_id, event_id }
    }
}

/// A delivery: one event to one webhook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryKey {
    /// The tenant.
    pub org_id: OrgId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
}

impl DeliveryKey {
    /// The webhook of the delivery.
    pub fn webhook(&self) -> WebhookKey {
        WebhookKey::new(&self.org_id, &self.webhook_id)
    }
}

/// The outcome of attempts, on its way to the database. Of deliveries with a body, all are of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When the database first refused.
    pub since: Timestamp,
    /// What became of each delivery.
    pub progress: Vec<Progress>,
    /// The envelope, where it has to be kept.
    pub body: Option<EventMessage>,
}

impl Record {
    /// The parts of the record by the place of their shard.
    pub fn by_shard(self, count: ShardCount) -> Vec<(usize, Self)> {
        let Self { since, progress, body } = self;
        let mut parts: BTreeMap<usize, Vec<Progress>> = BTreeMap::new();
        for one in progress {
            parts.entry(count.place(one.key.webhook_id.bucket())).or_default().push(one);
        }
        parts
            .into_iter()
            .map(|(place, progress)| (place, Self { since, progress, body: body.clone() }))
            .collect()
    }
}

impl From<&WebhookKey> for Bucket {
    fn from(key: &WebhookKey) -> Self {
        key.webhook_id.bucket()
    }
}

impl From<&DeliveryKey> for Bucket {
    fn from(key: &DeliveryKey) -> Self {
        key.webhook_id.bucket()
    }
}

impl EventMessage {
    /// The message's text.
    pub fn encode(&self) -> SharedText {
        match self {
            Self::Envelope(text) => text.clone(),
            other => encode(other),
        }
    }

    /// Reads a message's text.
    ///
    /// # Errors
    /// [`Undecodable`].
    pub fn decode(text: &SharedText) -> Result<Self, Undecodable> {
        if text.starts_with('{') { Ok(Self::Envelope(text.clone())) } else { decode(text) }
    }
}

impl RetryMessage {
    /// The message's text.
    pub fn encode(&self) -> SharedText {
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

    const WEBHOOK: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";

    #[test]
    fn the_written_form_is_fixed() {
        let message = EventMessage::Envelope(r#"{"id":"e"}"#.into());
        assert_eq!(&*message.encode(), r#"{"id":"e"}"#);
        assert_eq!(EventMessage::decode(&message.encode()), Ok(message));
        let message = EventMessage::StoredAt("events/e".to_owned());
        assert_eq!(&*message.encode(), r#"1{"storedAt":"events/e"}"#);
        assert_eq!(EventMessage::decode(&message.encode()), Ok(message));
        let message = RetryMessage::Deliver(DeliveryKey {
            org_id: OrgId::parse("acme").unwrap(),
            webhook_id: WebhookId::parse(WEBHOOK).unwrap(),
            event_id: EventId::parse("e").unwrap(),
        });
        assert_eq!(
            &*message.encode(),
            format!(r#"1{{"deliver":{{"orgId":"acme","webhookId":"{WEBHOOK}","eventId":"e"}}}}"#)
        );
        assert_eq!(RetryMessage::decode(&message.encode()), Ok(message));
        let notify = RetryMessage::Notify(OrgId::parse("acme").unwrap());
        assert_eq!(&*notify.encode(), r#"1{"notify":"acme"}"#);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for text in
            ["", " ", "1", "[]", "1{}", r#"2{"storedAt":"x"}"#, r#"12{"storedAt":"x"}"#, r#"1{"storedAt":5}"#]
        {
            assert!(EventMessage::decode(&text.into()).is_err(), "{text}");
        }
        let key = r#"1{"deliver":{"orgId":"acme","webhookId":"w","eventId":"e"}}"#;
        assert!(RetryMessage::decode(key).is_err(), "no UUID");
    }
}
