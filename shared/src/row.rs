//! Rows of a database, read into structs: each field takes the column of its name, and a field that is a struct takes its own
//! columns from the same row. `serde_json::from_value` would make four times as much code of each struct, since it takes
//! the columns in the order in which they come, and `serde(flatten)` more still.
//!
//! All rows of a statement have the same columns: the names are kept once, and a row is a piece of one list of values.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// The rows that one statement returned.
#[derive(Debug, Default)]
pub struct ResultSet {
    names: Vec<String>,
    values: Vec<Value>,
}

impl ResultSet {
    /// Rows of these columns; `values` has them row by row.
    pub fn new(names: Vec<String>, values: Vec<Value>) -> Self {
        Self { names, values }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.names.len()).unwrap_or_default()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The rows as JSON objects, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn objects(self) -> Vec<Value> {
        let rows = self.values.chunks(self.names.len().max(1));
        rows.map(|values| self.names.iter().cloned().zip(values.iter().cloned()).collect()).collect()
    }

    /// Reads each row into a struct. What does not depend on the struct is elsewhere, since the compiler writes this for each.
    ///
    /// # Errors
    /// If a column holds something else than its field does; the error names the column.
    pub(crate) fn read<T: DeserializeOwned>(mut self) -> Result<Vec<T>, Error> {
        let count = self.len();
        let mut read = Vec::with_capacity(count);
        for place in 0..count {
            let mut row = self.row(place);
            read.push(T::deserialize(Column { row: &mut row, name: "" })?);
        }
        Ok(read)
    }

    fn row(&mut self, place: usize) -> Row<'_> {
        let start = place * self.names.len();
        let end = start + self.names.len();
        Row { names: &self.names, values: self.values.get_mut(start..end).unwrap_or_default(), next: 0 }
    }
}

/// Reads a struct from the text of a JSON object, as from a row.
///
/// # Errors
/// If the text is no object, or one of another shape.
pub(crate) fn read_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut rows = ResultSet::default();
    serde_json::Deserializer::from_str(text).deserialize_map(RowVisitor(&mut rows))?;
    rows.read()?.pop().ok_or_else(|| Error::custom("no row"))
}

/// As D1 has them: a list of objects.
impl<'de> Deserialize<'de> for ResultSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ResultSetVisitor)
    }
}

struct ResultSetVisitor;

impl<'de> Visitor<'de> for ResultSetVisitor {
    type Value = ResultSet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ResultSet, A::Error> {
        let mut rows = ResultSet::default();
        while list.next_element_seed(RowVisitor(&mut rows))?.is_some() {}
        Ok(rows)
    }
}

/// Takes one more row over, an object of its columns.
struct RowVisitor<'a>(&'a mut ResultSet);

impl<'de> DeserializeSeed<'de> for RowVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let ResultSet { names, values } = self.0;
        let (is_first, mut place) = (values.is_empty(), 0);
        while object.next_key_seed(Name { names, place, is_first })?.is_some() {
            values.push(object.next_value()?);
            place += 1;
        }
        if place == names.len() { Ok(()) } else { Err(A::Error::custom("a row lacks columns")) }
    }
}

/// The name of a column: noted with the first row, and the same in each further row.
struct Name<'a> {
    names: &'a mut Vec<String>,
    place: usize,
    is_first: bool,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a column")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        if self.is_first {
            self.names.push(name.to_owned());
        } else if self.names.get(self.place).is_none_or(|known| known != name) {
            return Err(E::custom("rows of one statement have other columns"));
        }
        Ok(())
    }
}

/// A row of a result set, while a struct takes its columns.
struct Row<'a> {
    names: &'a [String],
    values: &'a mut [Value],
    /// Where the next column is looked for first: fields and columns mostly have one order.
    next: usize,
}

impl Row<'_> {
    /// The value of a column, as long as nobody has taken the value out; null if there is no such column.
    fn value(&mut self, name: &str) -> Option<&mut Value> {
        let (before, after) = self.names.split_at(self.next.min(self.names.len()));
        let found = after.iter().position(|known| known == name).map(|place| before.len() + place);
        let place = found.or_else(|| before.iter().position(|known| known == name))?;
        self.next = place;
        self.values.get_mut(place)
    }

    fn take(&mut self, name: &str) -> Value {
        self.value(name).map(Value::take).unwrap_or_default()
    }
}

/// A column, and the row that it is of. A column that is not there is null.
struct Column<'a, 'r> {
    row: &'a mut Row<'r>,
    name: &'static str,
}

impl<'de> Deserializer<'de> for Column<'_, '_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Columns { row: self.row, names: names.iter() })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.row.take(self.name).deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.row.value(self.name) {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.row.take(self.name) {
            Value::String(text) => visitor.visit_enum(StringDeserializer::new(text)),
            _ => Err(Error::custom("no text")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// The columns of a struct's fields.
struct Columns<'a, 'r> {
    row: &'a mut Row<'r>,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for Columns<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, field: T) -> Result<Option<T::Value>, Error> {
        let Some(name) = self.names.next() else { return Ok(None) };
        let read = field.deserialize(Column { row: self.row, name });
        read.map(Some).map_err(|fault| in_column(name, &fault))
    }
}

fn in_column(name: &str, fault: &Error) -> Error {
    Error::custom(format!("{name}: {fault}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::webhook::WebhookStatus;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        id: String,
        inner: Inner,
        count: u8,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        status: WebhookStatus,
        note: Option<String>,
    }

    /// Reads rows that cross as this JSON.
    fn read<T: DeserializeOwned>(rows: Value) -> Result<Vec<T>, Error> {
        serde_json::from_str::<ResultSet>(&rows.to_string()).unwrap().read()
    }

    #[test]
    fn a_struct_within_takes_its_columns_from_the_same_row() {
        let row = json!({"count": 7, "more": true, "note": "n", "status": "active", "id": "a"});
        let inner = Inner { status: WebhookStatus::Active, note: Some("n".into()) };
        assert_eq!(read::<Outer>(json!([row])).unwrap(), [Outer { id: "a".into(), inner, count: 7 }]);
    }

    #[test]
    fn each_row_has_its_own_values() {
        let rows = json!([{"id": "a", "status": "active", "count": 1}, {"id": "b", "status": "pending", "count": 2}]);
        let outer =
            |id: &str, status, count| Outer { id: id.into(), inner: Inner { status, note: None }, count };
        let expected = [outer("a", WebhookStatus::Active, 1), outer("b", WebhookStatus::Pending, 2)];
        assert_eq!(read::<Outer>(rows.clone()).unwrap(), expected);
        assert_eq!(serde_json::from_value::<ResultSet>(rows).unwrap().len(), 2);
        assert_eq!(read::<Outer>(json!([])).unwrap(), []);
    }

    #[test]
    fn a_column_that_is_null_or_not_there_is_none() {
        for row in [json!({"status": "pending", "note": null}), json!({"status": "pending"})] {
            assert_eq!(
                read_text::<Inner>(&row.to_string()).unwrap(),
                Inner { status: WebhookStatus::Pending, note: None }
            );
        }
    }

    #[test]
    fn a_fault_names_its_column() {
        for (row, fault) in [
            (
                json!({"id": "a", "status": "active", "count": 256}),
                "count: invalid value: integer `256`, expected u8",
            ),
            (json!({"id": "a", "status": "active"}), "count: invalid type: null, expected u8"),
            (json!({"id": 7}), "id: invalid type: integer `7`, expected a string"),
            (json!({"id": "a"}), "inner: status: no text"),
        ] {
            assert_eq!(read::<Outer>(json!([row])).unwrap_err().to_string(), fault);
        }
    }

    #[test]
    fn what_is_no_list_of_rows_with_the_same_columns_is_refused() {
        for rows in [
            json!([[]]),
            json!([7]),
            json!({}),
            json!(5),
            json!([{"id": "a"}, {"id": "b", "count": 1}]),
            json!([{"id": "a", "count": 1}, {"id": "b"}]),
            json!([{"id": "a"}, {"count": 1}]),
            json!([{"id": "a"}, {}]),
        ] {
            assert!(serde_json::from_str::<ResultSet>(&rows.to_string()).is_err(), "{rows}");
        }
    }
}
