//! Rows of a database, read into structs: each field takes the column of its name, and a field that is a struct takes its own
//! columns from the same row. `serde_json::from_value` would make four times as much code of each struct, since it takes
//! the columns in the order in which they come, and `serde(flatten)` more still.

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// Reads a row, an object of its columns, into a struct.
///
/// # Errors
/// If a column holds something else than its field does; the error names the column.
pub(crate) fn read<T: DeserializeOwned>(row: Value) -> Result<T, Error> {
    let Value::Object(mut columns) = row else { return Err(Error::custom("no object of columns")) };
    T::deserialize(Column { columns: &mut columns, name: "" })
}

/// A column, and the row that it is of. A column that is not there is null.
struct Column<'a> {
    columns: &'a mut Map<String, Value>,
    name: &'static str,
}

impl<'de> Deserializer<'de> for Column<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(Columns { columns: self.columns, names: names.iter() })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.columns.remove(self.name).unwrap_or_default().deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.columns.get(self.name) {
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
        match self.columns.remove(self.name) {
            Some(Value::String(text)) => visitor.visit_enum(StringDeserializer::new(text)),
            _ => Err(Error::custom("no text")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// The columns of a struct's fields.
struct Columns<'a> {
    columns: &'a mut Map<String, Value>,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for Columns<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, field: T) -> Result<Option<T::Value>, Error> {
        let Some(name) = self.names.next() else { return Ok(None) };
        let read = field.deserialize(Column { columns: self.columns, name });
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

    #[test]
    fn a_struct_within_takes_its_columns_from_the_same_row() {
        let row = json!({"count": 7, "more": true, "note": "n", "status": "active", "id": "a"});
        let inner = Inner { status: WebhookStatus::Active, note: Some("n".into()) };
        assert_eq!(read::<Outer>(row).unwrap(), Outer { id: "a".into(), inner, count: 7 });
    }

    #[test]
    fn a_column_that_is_null_or_not_there_is_none() {
        for row in [json!({"status": "pending", "note": null}), json!({"status": "pending"})] {
            assert_eq!(read::<Inner>(row).unwrap(), Inner { status: WebhookStatus::Pending, note: None });
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
            (json!([]), "no object of columns"),
        ] {
            assert_eq!(read::<Outer>(row).unwrap_err().to_string(), fault);
        }
    }
}
