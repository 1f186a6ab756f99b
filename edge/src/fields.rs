//! Reads the fields of a body or a query into types that cannot be wrong, and names every field that is.
//!
//! A body is a struct that derives `Deserialize`. The types of its fields parse themselves, and say what is wrong with a
//! text that they do not take; a field that may be absent is an `Option` (`#[serde(default)]` has no effect here, and
//! unknown fields are always refused). Serde stops at the first fault. The struct is then read again with each other field
//! in front, until every field had its turn, so that one answer names all faults. Unknown fields are collected by the way.

mod numbers;

use std::cell::RefCell;
use std::fmt;
use std::iter::Enumerate;
use std::slice::Iter;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};
use shared::error::{Faults, FieldFaults};

pub use self::numbers::{seconds_of_a_week, whole_number};
use crate::problem::Problem;

/// What faults of an object as a whole are told of.
const BODY: &str = "body";

/// A type that [`crate::json::Json`] and [`crate::parameters::Query`] read: a struct that derives `Deserialize`, or
/// [`Given`] such a struct.
pub trait Fields: Sized {
    /// Reads the fields from a JSON object.
    ///
    /// # Errors
    /// What is wrong with each field.
    fn read(object: &Value, kind: Kind) -> Result<Self, FieldFaults>;
}

/// Where the members of an object come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a JSON body.
    Field,
    /// From a query. A list there is a text with commas, or a parameter that is given several times: an array of texts. Any
    /// other parameter is given once.
    Parameter,
}

impl Kind {
    fn unknown(self) -> &'static str {
        match self {
            Self::Field => "is not a known field",
            Self::Parameter => "is not a known parameter",
        }
    }
}

impl<T: DeserializeOwned> Fields for T {
    fn read(object: &Value, kind: Kind) -> Result<Self, FieldFaults> {
        let mut right = None;
        let Found { faults, unknown } = Found::by(object, kind, &mut |field| {
            right = Some(T::deserialize(field)?);
            Ok(())
        });
        let faults: FieldFaults = unknown.into_iter().chain(faults).collect();
        right.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// What is wrong with an object.
struct Found {
    /// What is wrong with each field.
    faults: FieldFaults,
    /// Each member that is no field.
    unknown: FieldFaults,
}

impl Found {
    /// Finds what is wrong with each field that `read` reads from an object.
    fn by(object: &Value, kind: Kind, read: &mut dyn FnMut(Field<'_>) -> Result<(), FieldError>) -> Self {
        let none = FieldFaults::new();
        let (mut faults, mut unknown) = (Faults::default(), FieldFaults::new());
        let mut fronts = vec![String::new()];
        let mut turn = 0;
        while let Some(front) = fronts.get(turn).cloned() {
            let reading = Reading::new(kind, &front, &none);
            let read = read(reading.of(object));
            for path in reading.unknown.into_inner() {
                unknown.insert(path, kind.unknown().to_owned());
            }
            let Err(FieldError(error)) = read else { break };
            let (path, fault) = *error;
            faults.add(if path.is_empty() { BODY } else { &path }, fault);
            for path in reading.asked.into_inner() {
                if !fronts.contains(&path) {
                    fronts.push(path);
                }
            }
            turn += 1;
        }
        Self { faults: faults.into(), unknown }
    }
}

/// The fields of a body that also has rules beyond each single field, such as an order of two times.
pub struct Given<T> {
    /// The fields without a fault; `None` if a field that has to be there has one.
    right: Option<T>,
    found: Found,
}

impl<T: DeserializeOwned> Fields for Given<T> {
    fn read(object: &Value, kind: Kind) -> Result<Self, FieldFaults> {
        let mut right = None;
        let mut read = |field: Field<'_>| {
            right = Some(T::deserialize(field)?);
            Ok(())
        };
        let found = Found::by(object, kind, &mut read);
        if !found.faults.is_empty() {
            let reading = Reading::new(kind, "", &found.faults);
            // This fails if a field that has to be there is wrong, which the faults already say.
            let _ = read(reading.of(object));
        }
        Ok(Self { right, found })
    }
}

impl<T> Given<T> {
    /// Returns what `rules` make of the fields. Faults that `rules` find are told together with those of single fields.
    ///
    /// # Errors
    /// 400 naming each field that is wrong.
    pub fn check<R>(self, rules: impl FnOnce(T, &mut Faults) -> Option<R>) -> Result<R, Problem> {
        let Found { faults: known, unknown } = self.found;
        let given_wrong = known.keys().any(|field| field != BODY);
        let mut faults = Faults::from(unknown.into_iter().chain(known).collect::<FieldFaults>());
        let checked = self.right.and_then(|fields| rules(fields, &mut faults));
        if given_wrong {
            // Rules take a wrong field for an absent one: that there is too little in the body may not be so.
            faults.remove(BODY);
        }
        Ok(faults.finish(checked)?)
    }
}

/// One attempt to read an object.
struct Reading<'a> {
    kind: Kind,
    /// The path of the field that is read before all others.
    front: &'a str,
    /// Faults of an earlier attempt: the outermost fields that have one are read as if absent.
    left_out: &'a FieldFaults,
    /// The path of each field that the type has.
    asked: RefCell<Vec<String>>,
    /// The path of each member that is no field of the type.
    unknown: RefCell<Vec<String>>,
}

impl<'a> Reading<'a> {
    fn new(kind: Kind, front: &'a str, left_out: &'a FieldFaults) -> Self {
        Self { kind, front, left_out, asked: RefCell::default(), unknown: RefCell::default() }
    }

    fn of(&'a self, object: &'a Value) -> Field<'a> {
        Field { value: Some(object), path: String::new(), reading: self }
    }

    fn leaves_out(&self, path: &str) -> bool {
        self.left_out.keys().any(|faulty| faulty.split(['.', '[']).next() == Some(path))
    }
}

/// The value of a field; `None` where the field is absent or null.
struct Field<'a> {
    value: Option<&'a Value>,
    path: String,
    reading: &'a Reading<'a>,
}

impl<'a> Field<'a> {
    /// The members that a struct with these fields has here, the one in front first.
    fn members(&self, names: &[&'static str]) -> Result<Members<'a>, FieldError> {
        let object = match self.value {
            Some(Value::Object(object)) => object,
            Some(_) => return Err(de::Error::custom("must be an object")),
            None => return Err(FieldError::absent()),
        };
        let unknown = object.keys().filter(|key| !names.contains(&key.as_str()));
        self.reading.unknown.borrow_mut().extend(unknown.map(|key| self.path_of(key)));
        let mut left: Vec<_> = names.iter().rev().map(|name| (*name, self.path_of(name))).collect();
        self.reading.asked.borrow_mut().extend(left.iter().rev().map(|(_, path)| path.clone()));
        let in_front = |path: &str| {
            let within = self.reading.front.strip_prefix(path);
            within.is_some_and(|within| within.is_empty() || within.starts_with('.'))
        };
        if let Some(index) = left.iter().position(|(_, path)| in_front(path)) {
            left[index..].rotate_left(1);
        }
        Ok(Members { object, left, reading: self.reading })
    }

    fn text(&self) -> Result<&'a str, FieldError> {
        match self.value {
            Some(Value::String(text)) => Ok(text),
            Some(_) if self.reading.kind == Kind::Parameter => Err(de::Error::custom("must be given once")),
            Some(_) => Err(de::Error::custom("must be a string")),
            None => Err(FieldError::absent()),
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl<'de> Deserializer<'de> for Field<'de> {
    type Error = FieldError;

    /// Serves [`whole_number`] alone: all other fields are texts, lists and objects.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let value = self.value.ok_or_else(FieldError::absent)?;
        // The error of the library would repeat the value, which may be a secret in the wrong place.
        value.deserialize_any(visitor).map_err(|_| de::Error::custom("is not valid"))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.reading.kind == Kind::Parameter {
            let texts = self.value.ok_or_else(FieldError::absent)?;
            let texts = texts.as_array().map_or(std::slice::from_ref(texts), Vec::as_slice).iter();
            let texts = texts.filter_map(Value::as_str).flat_map(|text| text.split(','));
            return visitor.visit_seq(SeqDeserializer::new(texts));
        }
        let elements = match self.value {
            Some(Value::Array(elements)) => elements.iter(),
            Some(_) => return Err(de::Error::custom("must be a list")),
            None => return Err(FieldError::absent()),
        };
        visitor.visit_seq(Elements { left: elements.enumerate(), path: self.path, reading: self.reading })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_map(self.members(fields)?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_enum(StrDeserializer::new(self.text()?))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        map identifier ignored_any
    }
}

/// The elements of a list that are still to be read.
struct Elements<'a> {
    left: Enumerate<Iter<'a, Value>>,
    path: String,
    reading: &'a Reading<'a>,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, FieldError> {
        let Some((index, element)) = self.left.next() else { return Ok(None) };
        let path = format!("{}[{index}]", self.path);
        let field = Field { value: Some(element), path: path.clone(), reading: self.reading };
        seed.deserialize(field).map(Some).map_err(|error| error.at(&path))
    }
}

/// The members of an object that are still to be read, the next one last.
struct Members<'a> {
    object: &'a Map<String, Value>,
    left: Vec<(&'static str, String)>,
    reading: &'a Reading<'a>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        self.left.last().map(|(name, _)| seed.deserialize(StrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let (name, path) = self.left.pop().unwrap_or_default();
        let given = self.object.get(name).filter(|value| !value.is_null());
        let value = given.filter(|_| !self.reading.leaves_out(&path));
        seed.deserialize(Field { value, path: path.clone(), reading: self.reading })
            .map_err(|error| error.at(&path))
    }
}

/// The path of a field, and what is wrong with it. Boxed, because every reading of every field may return it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", self.0.0, self.0.1)]
struct FieldError(Box<(String, String)>);

impl FieldError {
    fn absent() -> Self {
        de::Error::custom("is required")
    }

    /// Blames the field at this path, unless a field further in is blamed already.
    fn at(mut self, path: &str) -> Self {
        if self.0.0.is_empty() {
            path.clone_into(&mut self.0.0);
        }
        self
    }
}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(fault: T) -> Self {
        Self(Box::new((String::new(), fault.to_string())))
    }

    /// Says what the value must be, and not what it is: it may be a secret in the wrong place.
    fn invalid_type(_given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("must be {expected}"))
    }

    fn invalid_value(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(given, expected)
    }

    fn unknown_variant(_given: &str, expected: &'static [&'static str]) -> Self {
        match expected {
            [others @ .., last] if !others.is_empty() => {
                Self::custom(format_args!("must be {} or {last}", others.join(", ")))
            }
            expected => Self::custom(format_args!("must be {}", expected.concat())),
        }
    }
}

#[cfg(test)]
mod tests;
