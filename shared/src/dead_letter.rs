//! Messages that no consumer could handle.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::envelope::Event;
use crate::event::message::{EventMessage, RetryMessage};
use crate::shard::Bucket;
use crate::shared_text::SharedText;
use crate::time::Timestamp;

/// The queue a message came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Fresh events.
    #[serde(rename = "webhook-events")]
    Events,
    /// Retries.
    #[serde(rename = "webhook-retries")]
    Retries,
}

impl Origin {
    /// The queue's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "webhook-events",
            Self::Retries => "webhook-retries",
        }
    }
}

/// A dead letter's id: a UUID that begins with a bucket, and so names the shard that has the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeadLetterId(Uuid);

impl DeadLetterId {
    /// An id of these random bytes, in this bucket.
    pub fn from_random_bytes(bucket: Bucket, mut bytes: [u8; 16]) -> Self {
        bytes[0] = bucket.0;
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Reads a UUID with hyphens, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH).map(Self)
    }

    /// The bucket of the letter's shard.
    pub fn bucket(self) -> Bucket {
        Bucket(self.0.as_bytes()[0])
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The bucket of a message: its tenant's, or where that cannot be read one that its text alone decides.
pub fn bucket(body: &SharedText, envelope: Option<&str>) -> Bucket {
    let of_event =
        |envelope: SharedText| Event::parse(envelope).ok().map(|event| Bucket::of(&event.partner_id));
    let of_message = || match RetryMessage::decode(body) {
        Ok(RetryMessage::Deliver(key)) => Some(Bucket::from(&key)),
        Ok(RetryMessage::Tend(key) | RetryMessage::Redeliver(key)) => Some(Bucket::from(&key)),
        Ok(RetryMessage::Notify(org_id)) => Some(Bucket::from(&org_id)),
        Ok(RetryMessage::Record(record)) => record.progress.first().map(|one| Bucket::from(&one.key)),
        Err(_) => match EventMessage::decode(body) {
            Ok(EventMessage::Envelope(envelope)) => of_event(envelope),
            Ok(EventMessage::DeadLetter(id)) => Some(id.bucket()),
            Ok(EventMessage::StoredAt(_)) | Err(_) => None,
        },
    };
    envelope.map(SharedText::from).and_then(of_event).or_else(of_message).unwrap_or_else(|| Bucket::of(body))
}

/// A message and why it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The dead letter's id.
    #[cfg_attr(feature = "schemas", schema(value_type = String, format = "uuid"))]
    pub id: DeadLetterId,
    /// The queue it came from, and goes back to.
    pub queue: Origin,
    /// Its text.
    pub body: String,
    /// The envelope of a large event, which the text only points to.
    pub envelope: Option<String>,
    /// Why no consumer could handle it.
    pub reason: String,
    /// When it came here.
    pub received_at: Timestamp,
    /// When it was last put back.
    pub requeued_at: Option<Timestamp>,
}

/// Says where a message came from and why it is here, from its text: the platform tells neither.
pub fn diagnose(body: &SharedText) -> (Origin, String) {
    let handed_over = "was handed over again and again without being settled: see the log of its time";
    if RetryMessage::decode(body).is_ok() {
        return (Origin::Retries, handed_over.to_owned());
    }
    let reason = match EventMessage::decode(body) {
        Err(error) => error.to_string(),
        Ok(EventMessage::StoredAt(key)) => {
            format!("the body kept at {key} was not there, or was not settled")
        }
        Ok(EventMessage::DeadLetter(id)) => format!("requeued from dead letter {id}: {handed_over}"),
        Ok(EventMessage::Envelope(envelope)) => match Event::parse(envelope) {
            Err(fault) => format!("undecodable envelope: {fault}"),
            Ok(_) => handed_over.to_owned(),
        },
    };
    (Origin::Events, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_and_the_reason_are_read_from_the_text() {
        let retry = SharedText::from(r#"1{"notify":"acme"}"#);
        assert_eq!(diagnose(&retry).0, Origin::Retries);
        let (origin, reason) = diagnose(&"nonsense".into());
        assert_eq!(origin, Origin::Events);
        assert!(reason.starts_with("undecodable message"), "{reason}");
        let envelope = EventMessage::Envelope("{}".into()).encode();
        assert!(diagnose(&envelope).1.starts_with("undecodable envelope"));
    }
}
