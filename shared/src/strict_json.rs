//! Strict JSON: what is refused in a body before any typed parse.
//!
//! Two parsers that disagree about a document are how a check is walked around (RFC 8259 §4 leaves duplicate
//! names undefined, and parsers differ; see also I-JSON, RFC 7493). So the bytes are walked once by
//! `serde_json` itself, through a visitor that keeps nothing, and anything doubtful is refused. The typed
//! parse comes after.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest nesting of arrays and objects that is accepted; the top value counts as one.
pub const MAX_DEPTH: usize = 32;

/// The longest key that a message repeats, in characters.
const MAX_SHOWN_KEY: usize = 40;

/// Why a body is not acceptable JSON. Its `Display` is a sentence part for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not UTF-8 (RFC 8259 §8.1).
    #[error("the body is not valid UTF-8: byte {0} starts no character")]
    NotUtf8(usize),
    /// Starts with U+FEFF, which RFC 8259 §8.1 forbids to send.
    #[error("the body starts with a byte order mark; send it without")]
    ByteOrderMark,
    /// Holds U+0000, raw or escaped: databases and C libraries cut text there.
    #[error("the body contains a NUL character at {0}")]
    Nul(String),
    /// One object names a key twice, compared after unescaping.
    #[error("the key `{0}` appears twice in one object")]
    DuplicateKey(String),
    /// Arrays and objects are nested deeper than [`MAX_DEPTH`].
    #[error("the body is nested deeper than {MAX_DEPTH} levels at {0}")]
    TooDeep(String),
    /// Something follows the value.
    #[error("something follows the JSON value: {0}")]
    TrailingData(String),
    /// A `\u` escape names half of a surrogate pair. The grammar allows that (RFC 8259 section 8.2), Unicode text does not.
    #[error(
        "the body has a lone surrogate, the escape {0}: grammatical JSON (RFC 8259 section 8.2), but no Unicode character; \
         send both halves of the pair, or the character itself"
    )]
    LoneSurrogate(String),
    /// Not JSON, or a number that no 64-bit float holds; the text is the parser's, with line and column.
    #[error("the body is not valid JSON: {0}")]
    Syntax(String),
    /// Valid JSON, but not an object at the top.
    #[error("the body must be a JSON object")]
    NotAnObject,
}

/// Checks that `bytes` are one strictly formed JSON value.
///
/// # Errors
///
/// The first [`JsonFault`] found.
pub fn check(bytes: &[u8]) -> Result<(), JsonFault> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(JsonFault::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| JsonFault::NotUtf8(error.valid_up_to()))?;
    if let Some(position) = text.find('\0') {
        return Err(JsonFault::Nul(format!("byte {position}")));
    }
    let fault = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walked = Strict { place: &JsonPath::Top, depth: 0, fault: &fault }.deserialize(&mut deserializer);
    match (fault.into_inner(), walked) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(match lone_surrogate(text).filter(|_| names_escape(&error)) {
            Some(escape) => JsonFault::LoneSurrogate(escape.to_owned()),
            None => JsonFault::Syntax(error.to_string()),
        }),
        (None, Ok(())) => deserializer.end().map_err(|error| JsonFault::TrailingData(error.to_string())),
    }
}

/// Whether the parser stopped at a `\u` escape.
fn names_escape(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    text.contains("surrogate") || text.contains("hex escape")
}

/// The first escape that names half of a surrogate pair without the other half beside it.
fn lone_surrogate(text: &str) -> Option<&str> {
    let escape = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('\\') {
        at += found;
        match escape(at) {
            Some(0xD800..=0xDBFF) if matches!(escape(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => return text.get(at..at + 6),
            Some(_) => at += 6,
            // Another escape: the character behind the backslash belongs to it.
            None => at += 1 + text.get(at + 1..)?.chars().next()?.len_utf8(),
        }
    }
    None
}

/// Like [`check`], and demands an object at the top.
///
/// # Errors
///
/// The first [`JsonFault`] found; [`JsonFault::NotAnObject`] where only that is wrong.
pub fn check_object(bytes: &[u8]) -> Result<(), JsonFault> {
    check(bytes)?;
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(()),
        _ => Err(JsonFault::NotAnObject),
    }
}

/// Where in the document the walk is, as a list from the inside out.
enum JsonPath<'a> {
    Top,
    Key(&'a JsonPath<'a>, &'a str),
    Index(&'a JsonPath<'a>, usize),
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonPath::Top => f.write_str("the top"),
            JsonPath::Key(JsonPath::Top, key) => f.write_str(&shown(key)),
            JsonPath::Key(outer, key) => write!(f, "{outer}.{}", shown(key)),
            JsonPath::Index(JsonPath::Top, index) => write!(f, "[{index}]"),
            JsonPath::Index(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// A key as a message may repeat it: escaped and cut.
fn shown(key: &str) -> String {
    let mut characters = key.chars();
    let mut text: String = characters.by_ref().take(MAX_SHOWN_KEY).flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    text
}

/// One value to be walked. The fault is left in `fault`, since a serde error can carry only text.
struct Strict<'a> {
    place: &'a JsonPath<'a>,
    depth: usize,
    fault: &'a RefCell<Option<JsonFault>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, fault: JsonFault) -> E {
        let error = E::custom(&fault);
        *self.fault.borrow_mut() = Some(fault);
        error
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        match self.depth + 1 {
            depth if depth > MAX_DEPTH => Err(self.refuse(JsonFault::TooDeep(self.place.to_string()))),
            depth => Ok(depth),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        if number.is_finite() { Ok(()) } else { Err(E::custom("number out of range")) }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(self.refuse(JsonFault::Nul(self.place.to_string()))) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        for index in 0.. {
            let place = JsonPath::Index(self.place, index);
            if sequence.next_element_seed(Strict { place: &place, depth, fault: self.fault })?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        // A tree and not a hash table: the Wasm target has no random hash keys, so an attacker could choose
        // colliding ones.
        let mut seen: BTreeSet<Cow<'de, str>> = BTreeSet::new();
        while let Some(key) = map.next_key_seed(Key)? {
            let place = JsonPath::Key(self.place, &key);
            if key.contains('\0') {
                return Err(self.refuse(JsonFault::Nul(place.to_string())));
            }
            if seen.contains(&key) {
                return Err(self.refuse(JsonFault::DuplicateKey(place.to_string())));
            }
            map.next_value_seed(Strict { place: &place, depth, fault: self.fault })?;
            seen.insert(key);
        }
        Ok(())
    }
}

/// An object's key, borrowed from the input unless it holds escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests;
