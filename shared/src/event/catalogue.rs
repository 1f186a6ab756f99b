//! The event catalogue: which event types there are, and what their payloads look like.
//!
//! Both files under `data/` are the B2C API's, one entry a line. They are read lazily and once per process:
//! the types at the first event or filter, the schemas only where somebody asks for them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::text::is_printable;
use serde_json::value::RawValue;

const EVENT_TYPES: &str = include_str!("../../data/event-types.json");
const EVENT_SCHEMAS: &str = include_str!("../../data/event-schemas.json");

/// The longest event type, in characters: what EventBridge takes as a `detail-type` (API reference,
/// `PutEventsRequestEntry`).
pub const MAX_EVENT_TYPE_LENGTH: usize = 128;

/// An event type: an EventBridge `detail-type` of 1 to 128 characters, in the catalogue or not, of characters
/// that are printable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(String);

/// Why a text is no event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventTypeFault {
    /// Empty, or longer than 128 characters.
    #[error("must be 1 to {MAX_EVENT_TYPE_LENGTH} characters")]
    Length,
    /// Holds a character that a log, a terminal or a page would not show as it is.
    #[error("must not contain control, bidirectional or invisible characters, or line separators")]
    Unprintable,
}

impl EventType {
    /// Takes `name` as an event type, whether the catalogue knows it or not.
    ///
    /// # Errors
    ///
    /// [`EventTypeFault`].
    pub fn parse(name: impl Into<String>) -> Result<Self, EventTypeFault> {
        let name = name.into();
        if !(1..=MAX_EVENT_TYPE_LENGTH).contains(&name.chars().take(MAX_EVENT_TYPE_LENGTH + 1).count()) {
            return Err(EventTypeFault::Length);
        }
        if !name.chars().all(is_printable) {
            return Err(EventTypeFault::Unprintable);
        }
        Ok(Self(name))
    }

    /// The name, as in the envelope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventType {
    type Error = EventTypeFault;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(name)
    }
}

impl From<EventType> for String {
    fn from(event_type: EventType) -> Self {
        event_type.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the catalogue says of one event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The envelope's `detail-type`.
    pub name: &'static str,
    /// The kind of thing it happened to: `lock`, `user`, `hub` and so on.
    pub aggregate: &'static str,
    /// The envelope's `source`.
    pub source: &'static str,
    /// Whether the partner-facing list has it. Others are published all the same, their aggregate told from
    /// the name.
    pub documented: bool,
    /// Whether partners get it. The others can be named in a filter and are never delivered.
    pub republished: bool,
}

impl CatalogueEntry {
    /// The JSON Schema (2020-12) of `detail.data`, where the B2C API publishes one.
    #[must_use]
    pub fn schema(&self) -> Option<&'static RawValue> {
        schemas().events.get(self.name).copied()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'static"))]
struct EventTypes {
    event_types: Vec<CatalogueEntry>,
}

#[derive(Default, Deserialize)]
struct Schemas {
    #[serde(borrow)]
    version: &'static str,
    #[serde(borrow)]
    events: BTreeMap<&'static str, &'static RawValue>,
}

/// Every event type, in the catalogue's order.
#[must_use]
pub fn catalogue() -> &'static [CatalogueEntry] {
    static CATALOGUE: OnceLock<Vec<CatalogueEntry>> = OnceLock::new();
    // The file is part of the program and a test reads it, so the empty fallback is never taken.
    CATALOGUE.get_or_init(|| {
        serde_json::from_str(EVENT_TYPES).map(|file: EventTypes| file.event_types).unwrap_or_default()
    })
}

/// The version that the B2C API gives its schemas.
#[must_use]
pub fn schemas_version() -> &'static str {
    schemas().version
}

fn schemas() -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    // As above: a test reads the file.
    SCHEMAS.get_or_init(|| serde_json::from_str(EVENT_SCHEMAS).unwrap_or_default())
}

/// The entry of that exact name.
#[must_use]
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    catalogue().iter().find(|entry| entry.name == name)
}

/// The known name that takes the fewest insertions, deletions, replacements and swaps of neighbours to reach,
/// the case of ASCII letters aside; the first of the catalogue among equals. `None` for a name too long to be an event
/// type.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let name = EventType::parse(name).ok()?.as_str().to_ascii_lowercase();
    let distance = |entry: &&CatalogueEntry| strsim::osa_distance(&name, &entry.name.to_ascii_lowercase());
    catalogue().iter().min_by_key(distance).map(|entry| entry.name)
}

/// Whether partners get events of this type. An unknown type is new in the B2C API and is delivered.
#[must_use]
pub fn is_republished(name: &str) -> bool {
    find(name).is_none_or(|entry| entry.republished)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_files_are_read_whole() {
        assert_eq!(catalogue().len(), 71);
        assert_eq!(schemas().events.len(), 70);
        assert_eq!(schemas_version(), "6f3210fd");
    }

    #[test]
    fn names_are_unique_and_valid_event_types() {
        let names: BTreeSet<_> =
            catalogue().iter().map(|entry| EventType::parse(entry.name).unwrap()).collect();
        assert_eq!(names.len(), catalogue().len());
    }

    #[test]
    fn every_schema_belongs_to_an_event_type() {
        for name in schemas().events.keys() {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn only_the_shadow_update_of_iot_core_has_no_schema() {
        let without: Vec<_> =
            catalogue().iter().filter(|entry| entry.schema().is_none()).map(|entry| entry.name).collect();
        assert_eq!(without, ["Shadow Update"]);
    }

    #[test]
    fn every_schema_is_an_object_schema_of_the_2020_12_draft() {
        for (name, schema) in &schemas().events {
            let schema: serde_json::Value = serde_json::from_str(schema.get()).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
            assert_eq!(schema["type"], "object", "{name}");
        }
    }

    #[test]
    fn sources_are_the_two_that_are_taken_in() {
        let sources: BTreeSet<_> = catalogue().iter().map(|entry| entry.source).collect();
        assert_eq!(sources, BTreeSet::from(["spk.api", "spk.iot.shadow"]));
        assert_eq!(find("Shadow Update").unwrap().source, "spk.iot.shadow");
    }

    #[test]
    fn the_two_shadow_events_are_the_only_ones_not_republished() {
        let kept: Vec<_> =
            catalogue().iter().filter(|entry| !is_republished(entry.name)).map(|entry| entry.name).collect();
        assert_eq!(kept, ["ReportedShadowUpdated", "DesiredShadowUpdated"]);
        assert!(is_republished("SomethingNew"));
    }

    #[test]
    fn names_are_found_exactly() {
        assert_eq!(find("KeyAdded").unwrap().aggregate, "lock");
        for name in ["keyadded", "KeyAdded ", "", "*"] {
            assert_eq!(find(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_nearest_name_ignores_case_and_small_slips() {
        for (wrong, right) in [
            ("keyadded", "KeyAdded"),
            ("KeyAded", "KeyAdded"),
            ("KeyAddde", "KeyAdded"),
            ("shadow_update", "Shadow Update"),
            ("lock.created", "LockCreated"),
            ("KeyRemove", "KeyRemoved"),
            ("HubReclaimed", "HubReClaimed"),
        ] {
            assert_eq!(nearest(wrong), Some(right), "{wrong}");
        }
        assert_eq!(nearest(&"x".repeat(129)), None);
    }

    #[test]
    fn an_event_type_has_1_to_128_characters() {
        assert_eq!(EventType::parse(""), Err(EventTypeFault::Length));
        assert!(EventType::parse("ß".repeat(128)).is_ok());
        assert_eq!(EventType::parse("x".repeat(129)), Err(EventTypeFault::Length));
        for bad in [
            "a\nb",
            "\u{202e}",
            "a\u{2028}",
            "\u{1b}[2J",
            "\u{85}",
            "\u{7f}",
            "Key\u{200b}Added",
            "\u{e0041}",
        ] {
            assert_eq!(EventType::parse(bad), Err(EventTypeFault::Unprintable), "{bad:?}");
        }
        assert!(serde_json::from_str::<EventType>("\"\"").is_err());
        assert_eq!(serde_json::to_string(&EventType::parse("KeyAdded").unwrap()).unwrap(), "\"KeyAdded\"");
    }

    proptest! {
        #[test]
        fn a_known_name_is_nearest_to_itself(index in 0..71usize) {
            let name = catalogue()[index].name;
            prop_assert_eq!(nearest(name), Some(name));
            prop_assert_eq!(nearest(&name.to_uppercase()), Some(name));
        }
    }
}
