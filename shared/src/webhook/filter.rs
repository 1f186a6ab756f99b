//! A webhook's events filter: everything, or chosen event types.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::event::catalogue::{self, EventType};
use crate::text::json_text;

/// How everything is written, in the API and in the database.
const WILDCARD: &str = "*";

/// Which event types a webhook gets: all, also those not yet in the catalogue, or the named ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(Choice);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Everything,
    /// At least one, without duplicates, in the order given.
    Named(Vec<EventType>),
}

/// Why a filter is refused. `Display` is the field's message to the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// The empty list.
    #[error("must name at least one event type, or be [\"*\"]")]
    Empty,
    /// `*` and something else.
    #[error("must not name event types beside *")]
    WildcardAndNames,
    /// One name twice.
    #[error("must not name {0} twice")]
    Duplicate(String),
    /// Not in the catalogue, and the name there that is nearest.
    #[error("must not name {0:?}, which is no event type; the nearest is {1:?}")]
    Unknown(String, &'static str),
    /// Not in the catalogue, and too long or too short for an event type.
    #[error("must name event types of the catalogue, each 1 to 128 characters")]
    NoName,
    /// Stored text that is not a JSON array of texts.
    #[error("is not stored as a list of event types")]
    Stored,
}

impl EventFilter {
    /// The filter that matches every event type: `["*"]`, the default.
    #[must_use]
    pub fn everything() -> Self {
        Self(Choice::Everything)
    }

    /// Checks a filter that somebody asks for: `["*"]`, or names of the catalogue (which bounds their number)
    /// without duplicates.
    ///
    /// # Errors
    ///
    /// The first rule that the names break.
    pub fn parse(names: Vec<String>) -> Result<Self, FilterFault> {
        let filter = Self::of_names(names)?;
        if let Choice::Named(names) = &filter.0
            && let Some(unknown) = names.iter().find(|name| catalogue::find(name.as_str()).is_none())
        {
            let nearest = catalogue::nearest(unknown.as_str()).ok_or(FilterFault::NoName)?;
            return Err(FilterFault::Unknown(unknown.to_string(), nearest));
        }
        Ok(filter)
    }

    /// Reads a filter back from the database. Names that have left the catalogue since are kept.
    ///
    /// # Errors
    ///
    /// [`FilterFault`] where the text was not written by [`EventFilter::to_stored`].
    pub fn from_stored(text: &str) -> Result<Self, FilterFault> {
        Self::of_names(serde_json::from_str(text).map_err(|_| FilterFault::Stored)?)
    }

    /// The JSON array that the database keeps.
    #[must_use]
    pub fn to_stored(&self) -> String {
        json_text(&self.names())
    }

    /// `*`, or the names in the order given.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            Choice::Everything => vec![WILDCARD],
            Choice::Named(names) => names.iter().map(EventType::as_str).collect(),
        }
    }

    /// Whether an event of this type is delivered. Types that are not republished never are, even where
    /// named.
    #[must_use]
    pub fn matches(&self, event_type: &EventType) -> bool {
        let is_chosen = match &self.0 {
            Choice::Everything => true,
            Choice::Named(names) => names.contains(event_type),
        };
        is_chosen && catalogue::is_republished(event_type.as_str())
    }

    /// A sentence for each named event type that is never delivered.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        match &self.0 {
            Choice::Everything => Vec::new(),
            Choice::Named(names) => names
                .iter()
                .filter(|name| !catalogue::is_republished(name.as_str()))
                .map(|name| format!("{name} is accepted in the filter but never delivered"))
                .collect(),
        }
    }

    fn of_names(names: Vec<String>) -> Result<Self, FilterFault> {
        if names.is_empty() {
            return Err(FilterFault::Empty);
        }
        if names.iter().any(|name| name == WILDCARD) {
            return if names.len() == 1 {
                Ok(Self::everything())
            } else {
                Err(FilterFault::WildcardAndNames)
            };
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            // A name that is none may be long: it is not repeated.
            return Err(EventType::parse(twice.as_str())
                .map_or(FilterFault::NoName, |name| FilterFault::Duplicate(name.to_string())));
        }
        let names = names.into_iter().map(EventType::parse).collect::<Result<_, _>>();
        Ok(Self(Choice::Named(names.map_err(|_| FilterFault::NoName)?)))
    }
}

impl Default for EventFilter {
    fn default() -> Self {
        Self::everything()
    }
}

impl Serialize for EventFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(names: &[&str]) -> Result<EventFilter, FilterFault> {
        EventFilter::parse(names.iter().map(ToString::to_string).collect())
    }

    fn event_type(name: &str) -> EventType {
        EventType::parse(name).unwrap()
    }

    #[test]
    fn the_wildcard_matches_known_and_unknown_types() {
        let filter = parse(&["*"]).unwrap();
        assert_eq!(filter, EventFilter::everything());
        assert!(filter.matches(&event_type("KeyAdded")));
        assert!(filter.matches(&event_type("Shadow Update")));
        assert!(filter.matches(&event_type("SomethingNew")));
    }

    #[test]
    fn names_match_exactly_what_they_name() {
        let filter = parse(&["KeyAdded", "Shadow Update"]).unwrap();
        assert!(filter.matches(&event_type("KeyAdded")));
        assert!(filter.matches(&event_type("Shadow Update")));
        for other in ["KeyRemoved", "keyadded", "KeyAdded ", "*", "SomethingNew"] {
            assert!(!filter.matches(&event_type(other)), "{other}");
        }
    }

    #[test]
    fn types_that_are_not_republished_never_match() {
        for name in ["ReportedShadowUpdated", "DesiredShadowUpdated"] {
            assert!(!EventFilter::everything().matches(&event_type(name)));
            assert!(!parse(&[name]).unwrap().matches(&event_type(name)));
        }
    }

    #[test]
    fn naming_a_type_that_is_not_republished_is_warned_of() {
        assert_eq!(
            parse(&["KeyAdded", "DesiredShadowUpdated"]).unwrap().warnings(),
            ["DesiredShadowUpdated is accepted in the filter but never delivered"]
        );
        assert!(parse(&["KeyAdded"]).unwrap().warnings().is_empty());
        assert!(EventFilter::everything().warnings().is_empty());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        assert_eq!(
            parse(&["LockCreated", "keyAdded"]).unwrap_err().to_string(),
            "must not name \"keyAdded\", which is no event type; the nearest is \"KeyAdded\""
        );
        assert!(matches!(parse(&["**"]), Err(FilterFault::Unknown(..))));
        assert!(matches!(parse(&[" *"]), Err(FilterFault::Unknown(..))));
    }

    #[test]
    fn names_that_are_none_are_refused_and_not_repeated() {
        let long = "x".repeat(129);
        assert_eq!(parse(&[""]), Err(FilterFault::NoName));
        assert_eq!(parse(&[&long]), Err(FilterFault::NoName));
        assert_eq!(parse(&[&long, &long]), Err(FilterFault::NoName));
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert_eq!(parse(&[]), Err(FilterFault::Empty));
    }

    #[test]
    fn duplicates_are_refused() {
        assert_eq!(
            parse(&["KeyAdded", "LockCreated", "KeyAdded"]),
            Err(FilterFault::Duplicate("KeyAdded".into()))
        );
    }

    #[test]
    fn the_wildcard_stands_alone() {
        assert_eq!(parse(&["*", "KeyAdded"]), Err(FilterFault::WildcardAndNames));
        assert_eq!(parse(&["KeyAdded", "*"]), Err(FilterFault::WildcardAndNames));
        assert_eq!(parse(&["*", "*"]), Err(FilterFault::WildcardAndNames));
    }

    #[test]
    fn every_name_of_the_catalogue_at_once_is_accepted() {
        let names: Vec<_> = catalogue::catalogue().iter().map(|entry| entry.name).collect();
        assert_eq!(parse(&names).unwrap().names(), names);
    }

    #[test]
    fn a_stored_name_that_left_the_catalogue_is_kept() {
        let filter = EventFilter::from_stored(r#"["Gone","KeyAdded"]"#).unwrap();
        assert!(filter.matches(&event_type("KeyAdded")));
        assert_eq!(filter.to_stored(), r#"["Gone","KeyAdded"]"#);
    }

    #[test]
    fn stored_text_of_another_shape_is_refused() {
        for text in ["", "*", "\"*\"", "{}", "[]", "[1]", "[\"\"]", "[\"*\",\"KeyAdded\"]", "null"] {
            assert!(EventFilter::from_stored(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_serialises_as_a_list_of_names() {
        assert_eq!(serde_json::to_string(&EventFilter::everything()).unwrap(), r#"["*"]"#);
        assert_eq!(
            serde_json::to_string(&parse(&["Shadow Update"]).unwrap()).unwrap(),
            r#"["Shadow Update"]"#
        );
    }

    proptest! {
        #[test]
        fn a_filter_survives_being_stored(
            indices in prop::collection::hash_set(0..71usize, 1..20),
            all: bool,
        ) {
            let names = indices.iter().map(|index| catalogue::catalogue()[*index].name.to_owned()).collect();
            let filter = if all { EventFilter::everything() } else { EventFilter::parse(names).unwrap() };
            prop_assert_eq!(EventFilter::from_stored(&filter.to_stored()), Ok(filter));
        }
    }
}
