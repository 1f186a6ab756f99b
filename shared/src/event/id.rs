//! An event's id.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The envelope's `id`: 1 to 128 visible ASCII characters, neither `.` nor `..` (spec: Webhook delivery, Events in).
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(Arc<str>);

/// A text is no event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 visible ASCII characters, and neither . nor ..")]
pub struct EventIdFault;

impl EventId {
    /// Checks the rule. Dots alone would vanish from URLs.
    ///
    /// # Errors
    /// [`EventIdFault`].
    pub fn parse(text: &str) -> Result<Self, EventIdFault> {
        let good = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !matches!(text, "." | "..");
        if good { Ok(Self(text.into())) } else { Err(EventIdFault) }
    }

    /// The id of an event of our own: a UUID of these random bytes.
    pub fn from_random_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
    }

    /// This id, and where the text has capitals, the id in small letters: ids are case-sensitive, but who types one may not
    /// care.
    pub fn spellings(&self) -> impl Iterator<Item = Self> + use<> {
        let small = self.0.to_ascii_lowercase();
        let small = (*small != *self.0).then(|| Self(small.into()));
        std::iter::once(self.clone()).chain(small)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for EventId {
    type Error = EventIdFault;

    fn try_from(text: String) -> Result<Self, EventIdFault> {
        Self::parse(&text)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_can_be_a_header_and_a_segment_of_a_path() {
        for good in ["e", "...", "7bf73129-1428-4cd3-a780-95db273d1602", &"x".repeat(128), "a/b?c#%"] {
            assert!(EventId::parse(good).is_ok(), "{good}");
        }
        let spelt =
            |text: &str| EventId::parse(text).unwrap().spellings().map(String::from).collect::<Vec<_>>();
        assert_eq!(
            (spelt("e-1"), spelt("E-1")),
            (vec!["e-1".to_owned()], vec!["E-1".to_owned(), "e-1".to_owned()])
        );
        for bad in ["", ".", "..", "a b", "ä", "a\n", &"x".repeat(129)] {
            assert_eq!(EventId::parse(bad), Err(EventIdFault), "{bad}");
        }
    }
}
