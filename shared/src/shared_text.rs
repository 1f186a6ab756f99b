//! Text that is passed on without being copied.

use std::cmp;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize, Serializer};

/// A text whose clones and parts share its bytes.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct SharedText {
    whole: Arc<String>,
    range: Range<usize>,
    number: u32,
}

/// Each text has a number of its own, until four thousand million others were made.
fn next_number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl SharedText {
    /// A part of this text, as a text of its own. The part is given by a slice of this text; any other text is copied.
    #[must_use]
    pub fn part(&self, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(self.whole.as_ptr().addr());
        let range = start..start.saturating_add(part.len());
        if self.whole.get(range.clone()) == Some(part) {
            Self { whole: self.whole.clone(), range, number: next_number() }
        } else {
            part.into()
        }
    }

    /// The number that this text and its clones have, and no other text.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self { range: 0..text.len(), whole: Arc::new(text), number: next_number() }
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&Self> for SharedText {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<&String> for SharedText {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<str> for SharedText {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedText {}

impl PartialOrd for SharedText {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedText {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_and_parts_lie_where_the_text_lies() {
        let given = "[\"ü\", {}]".to_owned();
        let address = given.as_ptr();
        let text = SharedText::from(given);
        assert_eq!(text.clone().as_ptr(), address);
        let part = text.part(&text[7..9]);
        assert_eq!((&*part, part.as_ptr().addr() - address.addr()), ("{}", 7));
        let within = part.part(&part[1..]);
        assert_eq!((&*within, within.as_ptr().addr() - address.addr()), ("}", 8));
    }

    #[test]
    fn a_text_from_elsewhere_is_copied() {
        let text = SharedText::from("abc");
        let other = "abc".to_owned();
        let copy = text.part(&other);
        assert_eq!(&*copy, "abc");
        assert_ne!(copy.as_ptr(), other.as_ptr());
    }

    #[test]
    fn clones_have_the_number_and_no_other_text_has_it() {
        let text = SharedText::from("abc");
        assert_eq!(text.clone().number(), text.number());
        assert_ne!(text.part(&text).number(), text.number());
        assert_ne!(SharedText::from("abc").number(), text.number());
    }

    #[test]
    fn a_text_is_written_and_read_as_a_string() {
        let text: SharedText = serde_json::from_str("\"a\\nb\"").unwrap();
        assert_eq!(&*text, "a\nb");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"a\\nb\"");
    }
}
