//! Messages that no consumer could handle.

use serde::{Deserialize, Serialize};

use crate::event::envelope::Event;
use crate::event::message::{EventMessage, RetryMessage};
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

/// A message and why it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The dead letter's number.
    pub id: i64,
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
pub fn diagnose(body: &str) -> (Origin, String) {
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
        Ok(EventMessage::Envelope(envelope)) => match Event::parse(&envelope) {
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
        let retry = r#"{"version":1,"notify":{}}"#;
        assert_eq!(diagnose(retry).0, Origin::Retries);
        let (origin, reason) = diagnose("nonsense");
        assert_eq!(origin, Origin::Events);
        assert!(reason.starts_with("undecodable message"), "{reason}");
        let envelope = EventMessage::Envelope("{}".into()).encode();
        assert!(diagnose(&envelope).1.starts_with("undecodable envelope"));
    }
}
